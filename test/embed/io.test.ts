import { EventEmitter } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { harmlessIo, rawOutput } from '../../src/embed/harmless-io.ts';
import { guardOutput } from '../../src/embed/io.ts';
import { setProgramName } from '../../src/support/program-name.ts';

afterEach(() => setProgramName('ktx'));

/** A process with outputs that can fail. */
function target() {
  const written: string[] = [];
  const stdout = new EventEmitter();
  const stderr = Object.assign(new EventEmitter(), { write: (text: string) => written.push(text) });
  const process = Object.assign(new EventEmitter(), {
    stdout,
    stderr,
    exitCode: undefined as number | undefined,
  });
  guardOutput(process as unknown as NodeJS.Process);
  const fail = (stream: EventEmitter, code?: string) =>
    stream.emit('error', Object.assign(new Error(`${code}: no`), code === undefined ? {} : { code }));
  return { process, written, fail };
}

it.each(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'])('a reader that went away (%s) is no failure', (code) => {
  const { process, written, fail } = target();
  fail(process.stdout, code);
  fail(process.stderr, code);
  process.emit('exit');
  expect([written, process.exitCode]).toEqual([[], undefined]);
});

it.each(['ENOSPC', undefined])(
  'a failed write (%s) sets the exit code, even one that was set since',
  (code) => {
    const { process, written, fail } = target();
    fail(process.stdout, code);
    process.exitCode = 0;
    process.emit('exit');
    expect([written, process.exitCode]).toEqual([[`ktx cannot write its output: ${code}: no\n`], 1]);
  },
);

it('a failed message is told nowhere, and counts', () => {
  const { process, written, fail } = target();
  fail(process.stderr, 'ENOSPC');
  process.emit('exit');
  expect([written, process.exitCode]).toEqual([[], 1]);
});

it('outputs are made harmless once, and the original is found behind them', () => {
  const written: string[] = [];
  const output = (name: string, isTTY?: boolean) => ({
    isTTY,
    columns: 7,
    write: (text: string) => written.push(`${name}: ${text}`),
  });
  const io = { stdout: output('out', true), stderr: output('err') };
  const harmless = harmlessIo(io);
  expect(harmlessIo(harmless)).toBe(harmless);
  expect(harmless.stdout).toMatchObject({ isTTY: true, columns: 7 });
  harmless.stdout.write('bell\u0007');
  harmless.stderr.write('bell\u0007');
  setProgramName('acme');
  harmless.stdout.write('ktx setup');
  expect(written).toEqual(['out: bell\\u0007', 'err: bell\\u0007', 'out: acme setup']);
  expect(rawOutput(harmless.stdout)).toBe(io.stdout);
  expect(rawOutput(harmless.stderr)).toBe(io.stderr);
  expect(rawOutput(io.stdout)).toBe(io.stdout);
});
