import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createFrameSplitter, type KernelFrame, parseFrame } from './frames.ts';
import type { KernelLog } from './log.ts';

const LOGGED_LINE_CHARS = 200;
const QUIET_TICK_MS = 50;
/**
 * How long the output may stay silent after the process has ended before another process is assumed to hold
 * the pipe.
 */
const QUIET_TICKS = 5;

export interface FrameReader {
  /** Resolves when the session has ended and all its output has been delivered. */
  finish(): Promise<void>;
}

/**
 * Delivers frames one at a time, each after the previous one is handled: a slow reader applies backpressure
 * to the session.
 */
export function readFrames(
  stream: Readable,
  log: KernelLog,
  onFrame: (frame: KernelFrame) => void | Promise<void>,
): FrameReader {
  let isHandingOver = false;
  let activity = 0;
  let hasEnded = false;

  async function handle(line: string): Promise<void> {
    if (line.trim() === '') return;
    let frame: KernelFrame | null;
    try {
      frame = parseFrame(line);
    } catch {
      log.warn(`Not a frame of the Python session: ${line.slice(0, LOGGED_LINE_CHARS)}`);
      return;
    }
    if (frame === null) return;
    log.trace('<-', frame);
    await onFrame(frame);
  }

  async function handleAll(lines: string[]): Promise<void> {
    activity++;
    isHandingOver = true;
    for (const line of lines) await handle(line);
    isHandingOver = false;
    activity++;
  }

  async function read(): Promise<void> {
    const splitter = createFrameSplitter();
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) await handleAll(splitter.push(chunk));
    } catch {
      // Abandoned: keep what has arrived.
    }
    await handleAll(splitter.end());
    hasEnded = true;
  }

  const done = read();

  async function finish(): Promise<void> {
    let seen = -1;
    let quietTicks = 0;
    // Several ticks instead of one timer: between ticks, a busy event loop gets to read.
    while (!hasEnded && quietTicks < QUIET_TICKS) {
      await Promise.race([done, delay(QUIET_TICK_MS, undefined, { ref: false })]);
      quietTicks = isHandingOver || activity !== seen ? 0 : quietTicks + 1;
      seen = activity;
    }
    stream.destroy();
    await done;
  }

  return { finish };
}
