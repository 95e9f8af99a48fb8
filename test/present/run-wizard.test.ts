import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runWizard } from '../../src/present/ink/run-wizard.tsx';
import { CancelledError } from '../../src/support/errors.ts';
import type { WizardFunctions } from '../../src/wizard/functions.ts';
import { DEMO_OVERVIEW } from '../pty/demo-data.ts';

// vitest puts a console of its own in place, without the constructor that Ink asks for.
console.Console ??= Console;

const never = () => Promise.reject(new Error('not asked for in this test'));
const functions: WizardFunctions = {
  readOverview: async () => DEMO_OVERVIEW,
  plan: never,
  execute: never,
  discard: never,
  runChecks: never,
  readUndoTarget: never,
  undo: never,
  planRepair: never,
  repair: never,
  undoRepair: never,
  runPanel: never,
  reportFailure: never,
};

function fakeTerminal() {
  const rawModes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      rawModes.push(isRaw);
      stdin.isRaw = isRaw;
      return stdin;
    },
    ref: () => stdin,
    unref: () => stdin,
  });
  const written: string[] = [];
  const stdout = Object.assign(new EventEmitter(), {
    columns: 80,
    rows: 24,
    isTTY: true,
    writable: true,
    write(data: string, whenDone?: () => void) {
      written.push(data);
      if (whenDone) queueMicrotask(whenDone);
      return true;
    },
  });
  const io = {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
  };
  return { io, stdin, stdout, rawModes, written };
}

const setup = { cliVersion: '0.3.0', homeDir: '/home/ada', env: {} };

describe('the terminal', () => {
  it('is in raw mode before Ink is loaded, so that no key is echoed or read as a line', async () => {
    const { io, stdin, rawModes } = fakeTerminal();
    const exitCode = runWizard({ setup, functions, io });
    expect(rawModes).toEqual([true]);
    stdin.emit('end');
    expect(await exitCode).toBe(130);
    expect(rawModes.at(-1)).toBe(false);
  });

  it.each(['stdin ends', 'stdin fails', 'stdout fails'])('that is gone (%s) stops what runs', async (how) => {
    const { io, stdin, stdout } = fakeTerminal();
    let wasStopped = false;
    const exitCode = runWizard({
      setup,
      io,
      functions: {
        ...functions,
        readOverview: ({ signal }) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => {
              wasStopped = true;
              reject(new CancelledError());
            });
            const gone = Object.assign(new Error('write EIO'), { code: 'EIO' });
            if (how === 'stdin ends') stdin.emit('end');
            else if (how === 'stdin fails') stdin.emit('error', gone);
            else stdout.emit('error', gone);
          }),
      },
    });
    expect(await exitCode).toBe(130);
    expect(wasStopped).toBe(true);
  });

  it('gets its signals back', async () => {
    const before = process.listenerCount('SIGTERM');
    const { io, stdin } = fakeTerminal();
    const exitCode = runWizard({ setup, functions, io });
    stdin.emit('end');
    await exitCode;
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
