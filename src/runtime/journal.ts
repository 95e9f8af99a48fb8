import { randomUUID } from 'node:crypto';
// biome-ignore lint/style/noRestrictedImports: appends synchronously to a folder that it has just created
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { readProcessStart, readProcessVariable } from '../process/process-table.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { runIds } from './left-runs.ts';

/**
 * Set to the run's id in the environment of every process a run starts, so that survivors of a killed ktx can
 * be found.
 */
export const RUN_VARIABLE = 'KTX_SETUP_RUN';
/**
 * The process that owns the run, as `<pid> <start>`. While it is alive, no other run may end its children.
 */
const OWNER_VARIABLE = 'KTX_SETUP_OWNER';
const FILE = 'journal.jsonl';
const MAX_JOURNAL_BYTES = 16 * 1024 * 1024;

/**
 * One line of `uv/runs/<id>/journal.jsonl`. Written before the thing is created; read by the next run when
 * this one was killed.
 */
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
  /** For data needed only during the run, such as a throw-away cache; deleted with it. */
  readonly runDir: string;
  write(entry: JournalEntry): void;
  /**
   * Records a child that was just started. Its start time keeps a later run from ending an unrelated process
   * with the same pid.
   */
  child(pid: number, mark: string): void;
  /** The run is over and left nothing to clean up. */
  close(): void;
}

/**
 * Starts the journal of a run. Needs write access. An entry is in the file when `write` returns, before the
 * thing it announces.
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
      // Best effort; the next run removes it.
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

/** Environment variables for every process that a run starts. */
export function runEnvironment({ runId }: Pick<Journal, 'runId'>): NodeJS.ProcessEnv {
  return { [RUN_VARIABLE]: runId, [OWNER_VARIABLE]: `${process.pid} ${readProcessStart(process.pid)}` };
}

/**
 * Whether a process belongs to a run that is still alive. Linux only: elsewhere the environment of a process
 * cannot be read.
 */
export function isOfLivingRun(pid: number): boolean {
  const [owner, start] = readProcessVariable(pid, OWNER_VARIABLE)?.split(' ') ?? [];
  return start !== undefined && readProcessStart(Number(owner)) === start;
}

/** What is left of a run that was killed. */
export interface LeftRun {
  runId: string;
  runDir: string;
  /** Torn or altered lines are skipped. */
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
