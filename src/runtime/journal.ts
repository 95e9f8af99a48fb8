import { randomUUID } from 'node:crypto';
// biome-ignore lint/style/noRestrictedImports: appends to a folder that it has just made, synchronously
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { readProcessStart, readProcessVariable } from '../process/process-table.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { runIds } from './left-runs.ts';

/** In the environment of everything that a run starts, with the run's id: what outlives a killed ktx is found by it. */
export const RUN_VARIABLE = 'KTX_SETUP_RUN';
/** Beside it, the process that runs it as `<pid> <start>`: what others find while it lives is not theirs to end. */
const OWNER_VARIABLE = 'KTX_SETUP_OWNER';
const FILE = 'journal.jsonl';
const MAX_JOURNAL_BYTES = 16 * 1024 * 1024;

/** One line of `uv/runs/<id>/journal.jsonl`: written before the thing is made, read by the next run when this one was killed. */
const entrySchema = z.union([
  z.object({
    schemaVersion: z.literal(1),
    cliVersion: z.string(),
    pid: z.int(),
    start: z.nullable(z.string()),
    host: z.string(),
    at: z.string(),
  }),
  z.object({ step: z.string() }),
  z.object({ making: z.enum(['uv', 'python', 'environment']), name: z.string() }),
  z.object({ child: z.int(), start: z.nullable(z.string()), mark: z.string() }),
  z.object({ switchingTo: z.string() }),
  z.object({ switchedTo: z.string() }),
]);
export type JournalEntry = z.infer<typeof entrySchema>;

export interface Journal {
  readonly runId: string;
  /** For what the run needs while it runs, such as a throw-away cache; goes away with it. */
  readonly runDir: string;
  write(entry: JournalEntry): void;
  /** What was just started. Its start time keeps a later run from ending another process with the same pid. */
  child(pid: number, mark: string): void;
  /** The run is over, and nothing of it needs to be looked after. */
  close(): void;
}

/**
 * Starts the journal of a run. Needs write access. Entries are in the file when `write` returns: what they announce comes after them.
 * @throws the file system's error.
 */
export function openJournal(options: { runsDir: string; cliVersion: string }): Journal {
  const runId = randomUUID();
  const runDir = join(options.runsDir, runId);
  const path = join(runDir, FILE);
  mkdirSync(runDir, { recursive: true, mode: 0o775 });
  const write = (entry: JournalEntry) => appendFileSync(path, `${JSON.stringify(entry)}\n`);
  const close = () => {
    try {
      rmSync(runDir, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // What was done is done; the next run removes the notes.
    }
  };
  try {
    write({
      schemaVersion: 1,
      cliVersion: options.cliVersion,
      pid: process.pid,
      start: readProcessStart(process.pid),
      host: hostname(),
      at: new Date().toISOString(),
    });
  } catch (error) {
    close();
    throw error;
  }
  return {
    runId,
    runDir,
    write,
    child: (pid, mark) => write({ child: pid, start: readProcessStart(pid), mark }),
    close,
  };
}

/** What a run puts into the environment of all that it starts. */
export function runEnvironment({ runId }: Pick<Journal, 'runId'>): NodeJS.ProcessEnv {
  return { [RUN_VARIABLE]: runId, [OWNER_VARIABLE]: `${process.pid} ${readProcessStart(process.pid)}` };
}

/** Whether a process was started by a run that is still under way. Linux only: elsewhere no environment can be read. */
export function isOfLivingRun(pid: number): boolean {
  const [owner, start] = readProcessVariable(pid, OWNER_VARIABLE)?.split(' ') ?? [];
  return start !== undefined && readProcessStart(Number(owner)) === start;
}

/** What is left of a run that did not end by itself. */
export interface LeftRun {
  runId: string;
  runDir: string;
  /** Those that could be read: a torn or altered line is left out. */
  entries: JournalEntry[];
}

export async function readLeftRuns(runsDir: string): Promise<LeftRun[]> {
  return Promise.all(
    (await runIds(runsDir)).map(async (runId) => {
      const runDir = join(runsDir, runId);
      return { runId, runDir, entries: await readEntries(join(runDir, FILE)) };
    }),
  );
}

async function readEntries(path: string): Promise<JournalEntry[]> {
  const text = await readRegularText(path, { maxBytes: MAX_JOURNAL_BYTES }).catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [entrySchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}
