import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { isAbsence } from '../support/errors.ts';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { clearPlace, openRegularFile, readRegularText } from '../support/fs/regular-file.ts';

/**
 * One JSON line per switch, in a version's folder: what became active, from which lock, by whom, when, why,
 * and what it replaced.
 */
export const HISTORY_FILE = 'history.jsonl';
const MAX_HISTORY_BYTES = 1024 * 1024;
/** When the history grows past this, only its newest lines are kept. */
const MAX_ENTRIES = 400;
const KEPT_ENTRIES = 200;

const nullableText = z.nullable(z.string());

/**
 * Unknown keys are dropped, and an unknown value does not invalidate the line: a newer version may have
 * written it.
 */
const entrySchema = z.object({
  schemaVersion: z.number(),
  /** ISO-8601 UTC. */
  at: z.string(),
  /** `install`, `undo`, `redo` or `repair`. */
  action: z.string(),
  /** Why, in one word: `first`, `update`, `feature`, `damaged`, `forced`, `asked`. */
  reason: z.string(),
  /** Id of the environment that becomes active. */
  to: z.string(),
  /** The previously active environment, by id or `.venv`; `null` for none. It may be damaged. */
  replaced: nullableText,
  /** The target of undo from here; `null` for none. */
  back: nullableText,
  features: z.array(z.string()),
  /** Version and sha256 of the wheel. */
  wheel: z.object({ version: z.string(), sha256: z.string() }),
  /** Digest of the lock it was built from; `null` when uv resolved the packages. */
  lock: nullableText,
  by: z.object({ user: z.string(), host: z.string(), pid: z.number() }),
});
export type HistoryEntry = z.infer<typeof entrySchema>;

/** What the caller of a switch provides; who and when are added. */
export type NewHistoryEntry = Omit<HistoryEntry, 'schemaVersion' | 'at' | 'by'>;

/**
 * Oldest first; `[]` when there is no history. Torn or altered lines are skipped, and bad content never makes
 * it reject.
 */
export async function readHistory(versionDir: string): Promise<HistoryEntry[]> {
  return parseHistory(await historyText(versionDir).catch(() => ''));
}

/** Pure. */
function parseHistory(text: string): HistoryEntry[] {
  return text.split('\n').flatMap((line) => {
    try {
      const entry = z.safeParse(entrySchema, JSON.parse(line));
      return entry.success ? [entry.data] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Records a switch just before it happens; it only counts once `manifest.json` names `to`. Needs write access. A link
 * or a pipe in place of the file is removed.
 * @param options.isDurable `false`: the caller syncs the file.
 * @returns its path.
 * @throws the file system's error, or UnusableFileError when a folder is in the way.
 */
export async function appendHistory(
  versionDir: string,
  entry: NewHistoryEntry,
  { isDurable = true }: { isDurable?: boolean } = {},
): Promise<string> {
  const path = join(versionDir, HISTORY_FILE);
  const text = await historyText(versionDir).catch(async (error: unknown) => {
    if (!isAbsence(error)) await clearPlace(path);
    return '';
  });
  const line = JSON.stringify({
    schemaVersion: 1,
    at: new Date().toISOString(),
    ...entry,
    by: thisProcess(),
  });
  const lines = text.split('\n').filter(Boolean);
  if (lines.length >= MAX_ENTRIES) {
    await writeFileAtomic(path, `${[...lines.slice(-KEPT_ENTRIES), line].join('\n')}\n`, 0o644, {
      isDurable,
    });
    return path;
  }
  const handle = await openRegularFile(path, { maxBytes: MAX_HISTORY_BYTES }, 'append');
  try {
    // Keep this line separate from one that a power cut tore.
    const isTorn = text !== '' && !text.endsWith('\n');
    await handle.appendFile(`${isTorn ? '\n' : ''}${line}\n`);
    if (isDurable) await handle.sync();
  } finally {
    await handle.close();
  }
  return path;
}

/**
 * Pure. Where undo can go from the active environment, best first: what the last switch to it replaced, then
 * what was active before that. Lines of switches that never completed have no effect, since nothing names
 * their `to`.
 * @param active by id; `null` when unknown, and then everything that was ever active counts.
 */
export function waysBack(history: readonly HistoryEntry[], active: string | null): string[] {
  const newestFirst = history.toReversed();
  const last = active === null ? 0 : newestFirst.findIndex(({ to }) => to === active);
  if (last < 0) return [];
  const ways = newestFirst.slice(last).flatMap(({ to, back }) => (back === null ? [to] : [to, back]));
  return [...new Set(ways)].filter((id) => id !== active);
}

async function historyText(versionDir: string): Promise<string> {
  return readRegularText(join(versionDir, HISTORY_FILE), { maxBytes: MAX_HISTORY_BYTES });
}

function thisProcess(): HistoryEntry['by'] {
  return { user: userName(), host: hostname(), pid: process.pid };
}

/** In a container the user may have no entry in `/etc/passwd`. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
