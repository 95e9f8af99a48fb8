import { type FileHandle, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../support/fs/atomic-file.ts';
import { openNewFile } from '../support/fs/regular-file.ts';
import { harmlessLines } from '../support/harmless.ts';
import type { LineBatch } from '../support/line-batch.ts';
import { programName } from '../support/program-name.ts';
import type { Redactor } from '../support/text/redaction.ts';

/**
 * `install.log`: every command and all its output. The promise of each method stays pending while too much
 * data waits for the disk: a runner that awaits it (`onLines` of `runProcess`) slows the child down. A failed
 * write rejects the waiting call and all later ones, including `close`.
 */
export interface InstallLog {
  readonly path: string;
  /** `$ <command> <args joined by one space>`. */
  command(command: string, args: readonly string[]): Promise<void>;
  /** Complete lines in order of arrival, all streams in one file. The lines of one call stay together. */
  lines(lines: readonly string[]): Promise<void>;
  /**
   * The same for children's output, which was already masked when it was read; masking again would cost a
   * fifth of the throughput.
   */
  maskedLines(lines: readonly string[]): Promise<void>;
  /** The same, for a batch. */
  maskedBatch(batch: LineBatch): Promise<void>;
  /** Text of any length; a missing final newline is added. An empty text writes nothing. */
  text(text: string): Promise<void>;
  /** Resolves when everything is in the file. May be called twice; logging afterwards is an error. */
  close(): Promise<void>;
}

/**
 * The log, if this process wrote it: a run that ends before the build has none, and a log from an earlier run
 * says nothing about this one.
 */
export async function ownInstallLog(path: string): Promise<string | null> {
  const status = await stat(path).catch(() => null);
  return status !== null && status.mtimeMs >= performance.timeOrigin ? path : null;
}

/** How many bytes may wait in memory for the disk. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Less than this waits for more, but not for long. */
const WORTH_WRITING_BYTES = 256 * 1024;
const GATHER_MS = 10;

/**
 * Opens a new log, replacing the previous one. It is written continuously during the run. The redactor masks
 * everything except `maskedLines` and `maskedBatch`.
 * @throws the file system's error.
 */
export async function openInstallLog(
  path: string,
  options: { redactor?: Pick<Redactor, 'redact'> } = {},
): Promise<InstallLog> {
  await makeFolder(dirname(path));
  const handle = await openNewFile(path, 0o666);
  let pending: Buffer[] = [];
  /** In `pending` and being written. */
  let waitingBytes = 0;
  let pendingBytes = 0;
  /** Ends the wait for more. */
  let wake = (): void => {};
  let writing: Promise<void> | null = null;
  let failure: { error: unknown } | null = null;
  let closing: Promise<void> | null = null;

  /** A write costs the same for a line and for many: a child that floods gets few of them. */
  function more(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function writePending(): Promise<void> {
    try {
      while (pending.length > 0) {
        if (!closing && pendingBytes < WORTH_WRITING_BYTES) await more();
        pendingBytes = 0;
        const buffers = pending;
        pending = [];
        const writtenBytes = await writeAll(handle, buffers);
        waitingBytes -= writtenBytes;
      }
    } catch (error) {
      failure = { error };
      pending = [];
    } finally {
      writing = null;
    }
  }

  function appendOwn(lines: readonly string[]): Promise<void> {
    const { redactor } = options;
    return append(redactor && lines.length > 0 ? redactor.redact(lines.join('\n')).split('\n') : lines);
  }

  async function append(lines: readonly string[]): Promise<void> {
    const text = lines.length === 0 ? '' : `${harmlessLines(lines).join('\n')}\n`;
    await appendBytes(Buffer.from(text));
  }

  async function appendBytes(bytes: Buffer): Promise<void> {
    if (failure) throw failure.error;
    if (closing) throw new Error(`The log ${path} is closed and cannot take more.`);
    // An empty batch would end the writer before it is assigned to `writing`, and no other would be started.
    if (bytes.length === 0) return;
    pending.push(bytes);
    waitingBytes += bytes.length;
    pendingBytes += bytes.length;
    writing ??= writePending();
    if (pendingBytes >= WORTH_WRITING_BYTES) wake();
    if (waitingBytes > MAX_WAITING_BYTES) await writing;
    if (failure) throw (failure as { error: unknown }).error;
  }

  async function finish(): Promise<void> {
    wake();
    await writing;
    await handle.close();
    if (failure) throw failure.error;
  }

  return {
    path,
    command: (command, args) => appendOwn([`$ ${[command, ...args].join(' ')}`]),
    lines: appendOwn,
    maskedLines: append,
    maskedBatch: (batch) => {
      const { plainBytes } = batch;
      return plainBytes !== null && programName() === 'ktx' ? appendBytes(plainBytes) : append(batch.lines);
    },
    text: async (text) => {
      if (text !== '') await appendOwn([text.endsWith('\n') ? text.slice(0, -1) : text]);
    },
    close: () => {
      closing ??= finish();
      return closing;
    },
  };
}

/** `writev` may write less than it is given. @returns the number of bytes written: all. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[]): Promise<number> {
  let sum = 0;
  for (let rest = buffers; rest.length > 0; ) {
    const { bytesWritten } = await handle.writev(rest);
    sum += bytesWritten;
    rest = withoutStart(rest, bytesWritten);
  }
  return sum;
}

function withoutStart(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes;
  let first = 0;
  while (first < buffers.length && left >= buffers[first]!.length) left -= buffers[first++]!.length;
  const rest = buffers.slice(first);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
