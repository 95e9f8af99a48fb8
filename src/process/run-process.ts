import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { CancelledError, errorCode, throwIfCancelled } from '../support/errors.ts';
import type { LinePart } from '../support/line-batch.ts';
import { batchOfLines, type LineBatch } from '../support/line-batch.ts';
import { createByteTail } from './byte-tail.ts';
import { endAtExit } from './end-at-exit.ts';
import { killTree, type TreeRoot } from './kill-tree.ts';
import { createLineAssembler } from './line-assembler.ts';
import { canSeeProcesses } from './process-table.ts';

export type OutputStream = 'stdout' | 'stderr';

export interface RunProcessOptions {
  command: string;
  args: readonly string[];
  cwd?: string;
  /** When given, replaces the process environment entirely. `KTX_PROCESS_MARK` is added for the child. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /**
   * Written to the child's stdin, which is then closed. Absent: stdin is empty. A child that exits without
   * reading all of it is not an error; its exit code decides. A stream is passed on as it comes.
   */
  stdin?: string | Readable;
  /**
   * Complete lines without line ends, one call per chunk. The stream is not read while the returned promise
   * is pending, so a slow reader applies backpressure. An error thrown here ends the child and rejects the
   * run.
   */
  onLines?: (stream: OutputStream, lines: string[]) => void | Promise<void>;
  /** Like `onLines`, for readers that do not look at every line of a flood. */
  onBatch?: (stream: OutputStream, batch: LineBatch) => void | Promise<void>;
  /** Masks secrets in complete lines and in the captured text. Omit it where the output is parsed as data. */
  mask?: (text: string) => string;
  /** Tells which parts of complete lines are plain and unchanged by `mask`: those are passed on as bytes. */
  lineParts?: (lines: Uint8Array) => readonly LinePart[];
  /** How long the tree gets to end after SIGTERM when the signal fires, see `killTree`. */
  graceMs?: number;
  /** How many bytes of the end of each stream are kept for the outcome. */
  maxCaptureBytes?: number;
  /**
   * The mark is in the environment of the whole tree: `killTree` uses it, from a journal, to find what a
   * killed ktx left.
   */
  onSpawn?: (pid: number, mark: string) => void;
}

export interface ProcessOutcome {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The end of the output; after truncation, from the first complete line. */
  stdout: string;
  stderr: string;
  durationMs: number;
  /** Some of stdout or stderr was dropped. */
  isTruncated: boolean;
}

const DEFAULT_CAPTURE_BYTES = 1024 * 1024;
/**
 * After a cancel, for a pipe still held by an unknown process: the longest silence, and the longest total
 * time.
 */
const LEFT_PIPE_QUIET_MS = 250;
const LEFT_PIPE_LIMIT_MS = 5000;
/** How long a flood may hold up this process: what else waits, such as a key, then has its turn. */
const TURN_MS = 1;

/**
 * Runs a program without a shell or terminal. Resolves for every exit code, once both streams have ended and
 * every line has been delivered. Silence never ends a program.
 * @throws the system's error, errno kept, when the program cannot be started.
 * @throws CancelledError when the signal fires, after the whole process tree is gone.
 */
export async function runProcess(options: RunProcessOptions): Promise<ProcessOutcome> {
  throwIfCancelled(options.signal);
  const startedAt = performance.now();
  const markValue = randomUUID();
  const mark = `KTX_PROCESS_MARK=${markValue}`;
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...(options.env ?? process.env), KTX_PROCESS_MARK: markValue },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // Without a process table the group is the only way to reach the child's descendants. Elsewhere the child
    // stays in the terminal's group, for Ctrl+Z.
    detached: !canSeeProcesses(),
    windowsHide: true,
  });
  // EPIPE arrives asynchronously, and without a listener it would crash this process.
  child.stdin?.on('error', () => {});
  // Never removed: without a listener a late 'error' would crash this process.
  child.on('error', () => {});
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  exited.catch(() => {});
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw startError(error, options);
  }

  const cancelled = cancellation(options.signal);
  const unregister = endAtExit(() => treeRoot(child, mark));
  const stdout = createPump(child.stdout!, 'stdout', options);
  const stderr = createPump(child.stderr!, 'stderr', options);
  const pumped = Promise.all([stdout.done, stderr.done]);
  pumped.catch(() => {});
  try {
    options.onSpawn?.(child.pid!, mark);
    if (typeof options.stdin === 'string') child.stdin?.end(options.stdin);
    else if (child.stdin) options.stdin?.pipe(child.stdin);
    const [[exitCode, signal]] = await Promise.race([Promise.all([exited, pumped]), cancelled.promise]);
    return {
      exitCode,
      signal,
      stdout: stdout.captured(),
      stderr: stderr.captured(),
      durationMs: performance.now() - startedAt,
      isTruncated: stdout.isTruncated() || stderr.isTruncated(),
    };
  } catch (error) {
    await killTree(treeRoot(child, mark), options.graceMs);
    await endPumps([stdout, stderr]);
    throw error;
  } finally {
    cancelled.stopListening();
    unregister();
  }
}

/** The pid is ours only until the child is reaped. */
function treeRoot(child: ChildProcess, mark: string): TreeRoot {
  const isRunning = child.exitCode === null && child.signalCode === null;
  return { pid: isRunning ? child.pid! : null, mark };
}

function startError(error: unknown, options: RunProcessOptions): unknown {
  // The system reports ENOENT for the program when the folder is missing.
  if (error instanceof Error && errorCode(error) === 'ENOENT' && options.cwd && !existsSync(options.cwd)) {
    error.message = `Cannot start ${options.command}: its working folder does not exist: ${options.cwd}`;
  }
  return error;
}

function cancellation(signal: AbortSignal | undefined) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const cancel = (): void => reject(new CancelledError());
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  return { promise, stopListening: () => signal?.removeEventListener('abort', cancel) };
}

interface Pump {
  done: Promise<void>;
  captured(): string;
  isTruncated(): boolean;
  /**
   * Nothing is being delivered, and nothing has arrived for a while, counted from `sinceMs` at the earliest.
   */
  isQuiet(sinceMs: number): boolean;
  abandon(): void;
}

/** Reads a stream to its end, a chunk at a time and no faster than its consumer. */
function createPump(stream: Readable, name: OutputStream, options: RunProcessOptions): Pump {
  const { onLines, onBatch } = options;
  const assembler = (onLines || onBatch) && createLineAssembler(options.mask, options.lineParts);
  const tail = createByteTail(options.maxCaptureBytes ?? DEFAULT_CAPTURE_BYTES);
  let lastActivityAt = performance.now();
  let isHandingOver = false;
  let isAbandoned = false;

  async function handOver(batches: readonly LineBatch[]): Promise<void> {
    for (const batch of batches) {
      isHandingOver = true;
      await onBatch?.(name, batch);
      await onLines?.(name, [...batch.lines]);
      isHandingOver = false;
      lastActivityAt = performance.now();
    }
  }

  async function pump(): Promise<void> {
    try {
      let turnStartedAt = performance.now();
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        lastActivityAt = performance.now();
        if (lastActivityAt - turnStartedAt > TURN_MS) {
          // Node reads a full pipe dozens of times before it looks at anything else.
          await nextTurn();
          turnStartedAt = performance.now();
        }
        tail.push(chunk);
        if (assembler)
          await handOver(onLines ? linesOf(assembler.push(chunk)) : assembler.pushBatches(chunk));
      }
    } catch (error) {
      if (!isAbandoned) throw error;
    }
    if (assembler) await handOver(linesOf(assembler.end()));
  }

  const done = pump();
  done.catch(() => {});
  return {
    done,
    captured: () => (options.mask ? options.mask(tail.text()) : tail.text()),
    isTruncated: () => tail.isTruncated(),
    isQuiet: (sinceMs) =>
      !isHandingOver && performance.now() - Math.max(lastActivityAt, sinceMs) > LEFT_PIPE_QUIET_MS,
    abandon: () => {
      isAbandoned = true;
      stream.destroy();
    },
  };
}

function linesOf(lines: string[]): LineBatch[] {
  return lines.length === 0 ? [] : [batchOfLines(lines)];
}

/**
 * Waits for output that the dead tree left in its pipes. A pipe held open by a process outside the tree would
 * never end, so silence ends it here.
 */
async function endPumps(pumps: readonly Pump[]): Promise<void> {
  let areDone = false;
  const done = Promise.allSettled(pumps.map((pump) => pump.done)).then(() => {
    areDone = true;
  });
  // Count from now: output from before the tree died may still be unread.
  const deadAt = performance.now();
  const deadline = deadAt + LEFT_PIPE_LIMIT_MS;
  while (!areDone && performance.now() < deadline && !pumps.every((pump) => pump.isQuiet(deadAt))) {
    await Promise.race([done, delay(25)]);
  }
  for (const pump of pumps) pump.abandon();
  // Cancelled after the race: a leftover timer would keep the program alive after its last output.
  const timeout = new AbortController();
  const tooLong = delay(LEFT_PIPE_QUIET_MS, undefined, { signal: timeout.signal }).catch(() => {});
  await Promise.race([done, tooLong]);
  timeout.abort();
}
