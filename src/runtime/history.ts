import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { isAbsence } from '../support/errors.ts';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { clearPlace, openRegularFile, readRegularText } from '../support/fs/regular-file.ts';

/** In a version's folder, one line of JSON for each switch: what took over, from which lock, by whom, when, why, and what it replaced. */
export const HISTORY_FILE = 'history.jsonl';
const MAX_HISTORY_BYTES = 1024 * 1024;
/** A longer history is cut to its newest lines. */
const MAX_ENTRIES = 400;
const KEPT_ENTRIES = 200;

const nullableText = z.nullable(z.string());

/** Keys of newer versions are dropped, and a value that this version does not know is no reason to lose the line. */
const entrySchema = z.object({
  schemaVersion: z.number(),
  /** ISO-8601 UTC. */
  at: z.string(),
  /** `install`, `undo`, `redo` or `repair`. */
  action: z.string(),
  /** Why, in one word: `first`, `update`, `feature`, `damaged`, `forced`, `asked`. */
  reason: z.string(),
  /** The environment that takes over, by id. */
  to: z.string(),
  /** The one that was active, by id or `.venv`; `null` for none. It need not be whole. */
  replaced: nullableText,
  /** The one that undo goes to from here; `null` for none. */
  back: nullableText,
  features: z.array(z.string()),
  /** Version and sha256 of the wheel. */
  wheel: z.object({ version: z.string(), sha256: z.string() }),
  /** The digest of the lock that it was made from; `null` when uv resolved it. */
  lock: nullableText,
  by: z.object({ user: z.string(), host: z.string(), pid: z.number() }),
});
export type HistoryEntry = z.infer<typeof entrySchema>;

/** What a switch knows; who did it and when is added. */
export type NewHistoryEntry = Omit<HistoryEntry, 'schemaVersion' | 'at' | 'by'>;

/** Oldest first; `[]` when there is none. Torn or altered lines are left out, and nothing in it makes it reject. */
export async function readHistory(versionDir: string): Promise<HistoryEntry[]> {
  return parseHistory(await historyText(versionDir).catch(() => ''));
}

/** Pure. */
export function parseHistory(text: string): HistoryEntry[] {
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
 * Writes down a switch just before it is made; it counts once `manifest.json` names `to`. On the disk when this returns. Needs
 * write access. A link or a pipe in its place goes.
 * @throws the file system's error, or UnusableFileError for a folder in its place.
 */
export async function appendHistory(versionDir: string, entry: NewHistoryEntry): Promise<void> {
  const path = join(versionDir, HISTORY_FILE);
  const text = await historyText(versionDir).catch(async (error: unknown) => {
    if (!isAbsence(error)) await clearPlace(path);
    return '';
  });
  const line = JSON.stringify({ schemaVersion: 1, at: new Date().toISOString(), ...entry, by: whoIsIt() });
  const lines = text.split('\n').filter(Boolean);
  if (lines.length >= MAX_ENTRIES) {
    await writeFileAtomic(path, `${[...lines.slice(-KEPT_ENTRIES), line].join('\n')}\n`);
    return;
  }
  const handle = await openRegularFile(path, { maxBytes: MAX_HISTORY_BYTES }, 'append');
  try {
    // A line that a power cut tore must not take this one with it.
    const isTorn = text !== '' && !text.endsWith('\n');
    await handle.appendFile(`${isTorn ? '\n' : ''}${line}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Pure. Where undo goes from the active environment, best first: what the last switch to it left behind, then what was active
 * before that. A line whose switch never happened is not counted, since nothing names its `to`.
 * @param active by id; `null` when it is lost, and then all that was ever active counts.
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

function whoIsIt(): HistoryEntry['by'] {
  return { user: userName(), host: hostname(), pid: process.pid };
}

/** A container may run as a user that no file names. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
