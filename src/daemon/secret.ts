import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { sharedLayout } from '../core/layout.ts';
import { jsonText } from '../support/fs/atomic-file.ts';
import { publishNewFile } from '../support/fs/publish-file.ts';
import { assertNoLinkWithin, openRegularFile, readRegularText } from '../support/fs/regular-file.ts';
import { parseSchema } from '../support/schema.ts';
import { accessToken, newSecret } from './http/proof.ts';
import { type ManagedPythonDaemonLayoutOptions, managedPythonDaemonLayout } from './layout.ts';

/** `<root>/uv/daemons/<sha256 of the project's path>`, only for its owner. Never in the project: that may come from anybody. */
const secretFileSchema = z.object({
  schemaVersion: z.literal(1),
  /** Whose daemons it is for; for people. */
  projectDir: z.string(),
  secret: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** What a strict daemon wants as `Authorization: Bearer <token>`; for callers. */
  token: z.string(),
});

const MAX_SECRET_FILE_BYTES = 64 * 1024;

/**
 * What is known of the secret of a project's daemons. `not kept`: this user cannot write to the runtime root, so no
 * daemon is given one that another command could ask for.
 */
export type DaemonSecret = { kind: 'kept'; secret: string } | { kind: 'none' } | { kind: 'not kept' };

interface Place {
  runtimeRoot: string;
  projectDir: string;
}

/** Where the secret and the token of a project's daemons are. */
export async function daemonSecretPath({ runtimeRoot, projectDir }: Place): Promise<string> {
  const path = await realpath(projectDir).catch(() => resolve(projectDir));
  const name = createHash('sha256').update(path).digest('hex');
  return join(sharedLayout(runtimeRoot).daemonsDir, name);
}

/** The secret of a project's daemons. One that others could have read or written is none. Never rejects. */
export async function readDaemonSecret(place: Place): Promise<DaemonSecret> {
  const path = await daemonSecretPath(place);
  const secret = await readSecretFile(path);
  if (secret !== null) return { kind: 'kept', secret };
  return (await isWritable(dirname(path))) ? { kind: 'none' } : { kind: 'not kept' };
}

/** The same; makes it when there is none. @returns `null` where none can be kept. */
export async function provideDaemonSecret(place: Place): Promise<string | null> {
  const path = await daemonSecretPath(place);
  // Another start may make it at the same time: then that one counts. What is none, and still is, goes.
  for (let attempt = 1; attempt <= 3; attempt++) {
    const found = await readSecretFile(path);
    if (found !== null) return found;
    if (!(await isWritable(dirname(path)))) return null;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (attempt > 1) await rm(path, { recursive: true, force: true });
    const secret = newSecret();
    const { projectDir } = place;
    const content = { schemaVersion: 1, projectDir, secret, token: accessToken(secret) };
    await assertNoLinkWithin(sharedLayout(place.runtimeRoot).root, dirname(path));
    if (await publishNewFile(path, jsonText(content), 0o600)) return secret;
  }
  return null;
}

/**
 * What a project's daemon wants as `Authorization: Bearer <token>` when it was started with `KTX_DAEMON_STRICT=1`; others do not
 * look at it. `null` when no daemon was started for the project yet. Never rejects.
 */
export async function readManagedPythonDaemonToken(
  options: ManagedPythonDaemonLayoutOptions,
): Promise<string | null> {
  const known = await readDaemonSecret(managedPythonDaemonLayout(options));
  return known.kind === 'kept' ? accessToken(known.secret) : null;
}

async function readSecretFile(path: string): Promise<string | null> {
  try {
    if (!(await isOnlyOurs(path))) return null;
    const text = await readRegularText(path, { maxBytes: MAX_SECRET_FILE_BYTES });
    return parseSchema(secretFileSchema, JSON.parse(text)).secret;
  } catch {
    return null;
  }
}

/** Windows keeps the files of a user's profile from others by itself and has no such bits. */
async function isOnlyOurs(path: string): Promise<boolean> {
  if (process.getuid === undefined) return true;
  const handle = await openRegularFile(path, { maxBytes: MAX_SECRET_FILE_BYTES });
  try {
    const { uid, mode } = await handle.stat();
    return uid === process.getuid() && (mode & 0o077) === 0;
  } finally {
    await handle.close();
  }
}

/** Whether this user can make files there; where it is not yet, in what it would be made in. */
async function isWritable(folder: string): Promise<boolean> {
  for (let current = folder; ; current = dirname(current)) {
    try {
      await access(current, constants.W_OK);
      return true;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || current === dirname(current)) return false;
    }
  }
}
