// biome-ignore lint/style/noRestrictedImports: only creates new files (wx), synchronously
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { readProcessStart } from '../process/process-table.ts';
import { jsonText } from '../support/fs/atomic-file.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

const SUFFIX = '.holder.json';
const MAX_HOLDER_BYTES = 64 * 1024;

/**
 * `<lock>.holder.json`: who holds a lock, for display only. The operating system enforces the lock itself.
 */
const holderSchema = z.object({
  pid: z.int(),
  start: z.nullable(z.string()),
  host: z.string(),
  step: z.string(),
  /** ISO-8601 UTC. */
  since: z.string(),
});
export type LockHolder = z.infer<typeof holderSchema>;

/** The lock holder, or `null` when it has not written its name or its process is gone. */
export async function readLiveHolder(lockPath: string): Promise<LockHolder | null> {
  const holder = await readHolder(holderPath(lockPath));
  return holder !== null && isAlive(holder) ? holder : null;
}

/** All holder files, for the doctor: one whose process is not alive was left by a killed ktx. Reads only. */
export async function readLockHolders(
  locksDir: string,
): Promise<(LockHolder & { path: string; isAlive: boolean })[]> {
  const names = await readdir(locksDir).catch(() => []);
  const holders = await Promise.all(
    names
      .filter((name) => name.endsWith(`.lock${SUFFIX}`))
      .map(async (name) => {
        const path = join(locksDir, name);
        const holder = await readHolder(path);
        return holder === null ? [] : [{ ...holder, path, isAlive: isAlive(holder) }];
      }),
  );
  return holders.flat();
}

export function hasHolderFile(lockPath: string): boolean {
  return existsSync(holderPath(lockPath));
}

export function writeHolder(lockPath: string, holder: LockHolder): void {
  const path = holderPath(lockPath);
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true, recursive: true });
  try {
    // `wx`: never follow a link planted here.
    writeFileSync(temporary, jsonText(holder), { flag: 'wx' });
    // Not over the old one: ext4 would begin to write the new one to the disk, and this waits for that.
    rmSync(path, { force: true });
    renameSync(temporary, path);
  } catch {
    // On a full disk there is no holder file; the lock works without one.
    rmSync(temporary, { force: true });
  }
}

/** Best effort: a stale holder file decides nothing. */
export function removeHolder(lockPath: string): void {
  try {
    rmSync(holderPath(lockPath), { force: true });
  } catch {}
}

async function readHolder(path: string): Promise<LockHolder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readRegularText(path, { maxBytes: MAX_HOLDER_BYTES })));
  } catch {
    return null;
  }
}

/** A process on another host cannot be checked and counts as alive. */
function isAlive({ host, pid, start }: LockHolder): boolean {
  return host !== hostname() || readProcessStart(pid) === start;
}

function holderPath(lockPath: string): string {
  return `${lockPath}${SUFFIX}`;
}
