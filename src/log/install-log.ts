import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../support/fs/atomic-file.ts';
import { openNewFile } from '../support/fs/regular-file.ts';
import { harmlessLines } from '../support/harmless.ts';
import type { Redactor } from '../support/text/redaction.ts';

/**
 * `install.log`: what ran, and all that it printed. Every method returns a promise that is pending while too much waits for
 * the disk: a runner that awaits it (`onLines` of `runProcess`) makes the child wait too. A failed write rejects the
 * call that waits for it and all later ones, `close` included.
 */
export interface InstallLog {
  readonly path: string;
  /** `$ <command> <args joined by one space>`. */
  command(command: string, args: readonly string[]): Promise<void>;
  /** Whole lines in the order they arrive, all streams in one file. Lines of one call stay together. */
  lines(lines: readonly string[]): Promise<void>;
  /** The same for what children print: it was masked where it was read, and to do it again costs a fifth of the way. */
  maskedLines(lines: readonly string[]): Promise<void>;
  /** Text of any length, with a final newline if it lacks one; nothing for an empty text. */
  text(text: string): Promise<void>;
  /** Resolves when everything is in the file. May be called twice; what is logged after it is an error. */
  close(): Promise<void>;
}

/** The log, if this process wrote it: what ends before anything is built has none, and one of an earlier run says nothing about it. */
export async function ownInstallLog(path: string): Promise<string | null> {
  const status = await stat(path).catch(() => null);
  return status !== null && status.mtimeMs >= performance.timeOrigin ? path : null;
}

/** How much may wait in memory for the disk, in characters. */
const MAX_WAITING_CHARS = 1024 * 1024;

/**
 * Opens the log anew: what was in it is gone. The file grows while the run goes. The redactor sees all
 * but `maskedLines`.
 * @throws the file system's error.
 */
export async function openInstallLog(
  path: string,
  options: { redactor?: Pick<Redactor, 'redact'> } = {},
): Promise<InstallLog> {
  await makeFolder(dirname(path));
  const handle = await openNewFile(path, 0o666);
  let pending: string[] = [];
  /** In `pending` and on the way to the disk. */
  let waitingChars = 0;
  let writing: Promise<void> | null = null;
  let failure: { error: unknown } | null = null;
  let closing: Promise<void> | null = null;

  async function writePending(): Promise<void> {
    try {
      while (pending.length > 0) {
        // An empty last line gives the final newline without copying the text once more.
        pending.push('');
        const text = pending.join('\n');
        pending = [];
        await handle.appendFile(text);
        waitingChars -= text.length;
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
    if (failure) throw failure.error;
    if (closing) throw new Error(`The log ${path} is closed and cannot take more.`);
    // An empty batch would end the writer before it is kept in `writing`, and nothing would start another.
    if (lines.length === 0) return;
    const text = harmlessLines(lines).join('\n');
    pending.push(text);
    waitingChars += text.length + 1;
    writing ??= writePending();
    if (waitingChars > MAX_WAITING_CHARS) await writing;
    if (failure) throw (failure as { error: unknown }).error;
  }

  async function finish(): Promise<void> {
    await writing;
    await handle.close();
    if (failure) throw failure.error;
  }

  return {
    path,
    command: (command, args) => appendOwn([`$ ${[command, ...args].join(' ')}`]),
    lines: appendOwn,
    maskedLines: append,
    text: async (text) => {
      if (text !== '') await appendOwn([text.endsWith('\n') ? text.slice(0, -1) : text]);
    },
    close: () => {
      closing ??= finish();
      return closing;
    },
  };
}
