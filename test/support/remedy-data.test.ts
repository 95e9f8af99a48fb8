import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod/mini';
import { createGate } from '../../src/support/async/gate.ts';
import { linkedAbort } from '../../src/support/async/linked-abort.ts';
import { raceAbort } from '../../src/support/async/race-abort.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { newerRecord } from '../../src/support/newer-record.ts';
import {
  commandLine,
  fromUnderShell,
  REMEDY_IDS,
  remedy,
  remedyText,
  underShell,
  uniqueRemedies,
  withCommand,
} from '../../src/support/remedy.ts';
import { parseSchema, schemaProblem } from '../../src/support/schema.ts';
import { withStopSignals } from '../../src/support/stop-signals.ts';

afterEach(() => void vi.restoreAllMocks());

const BARE = {
  id: 'other',
  label: 'Wait',
  argv: null,
  afterwards: null,
  env: {},
  append: null,
  placeholders: [],
  drop: [],
  nextAttempt: null,
  changes: true,
  consent: null,
  command: null,
};

describe('a remedy', () => {
  it('has what it was given, and nothing for the rest', () => {
    expect(remedy('other', 'Wait')).toEqual(BARE);
    expect(
      remedy('set-proxy', 'Set it', {
        argv: ['ktx', 'setup', '--x'],
        afterwards: ['ktx', 'status'],
        env: { A: '1', B: 'two words' },
        drop: ['--offline'],
        nextAttempt: 'argv',
        needs: ['proxy', 'index-url'],
        changes: false,
      }),
    ).toEqual({
      id: 'set-proxy',
      label: 'Set it',
      argv: ['ktx', 'setup', '--x'],
      afterwards: ['ktx', 'status'],
      env: { A: '1', B: 'two words' },
      append: null,
      placeholders: [
        { name: 'proxy', token: '<host:port>', type: 'host' },
        { name: 'index-url', token: '<url>', type: 'url' },
      ],
      drop: ['--offline'],
      nextAttempt: 'argv',
      changes: false,
      consent: null,
      command: "A=1 B='two words' ktx setup --x",
    });
    expect(new Set(REMEDY_IDS).size).toBe(REMEDY_IDS.length);
  });

  it('shows the line to append, else its command, else the one afterwards', () => {
    const append = { file: '~/.netrc', line: 'machine a' };
    expect(remedy('other', 'Write', { append, argv: ['ktx'] }).command).toBe('machine a');
    expect(remedy('other', 'Wait', { afterwards: ['ktx', 'setup'] }).command).toBe('ktx setup');
    expect(remedy('other', 'Wait', { env: { A: '1' } }).command).toBeNull();
    expect(remedyText(remedy('other', 'Wait'))).toBe('Wait.');
    expect(remedyText(remedy('other', 'Wait', { afterwards: ['ktx'] }))).toBe('Wait: ktx');
    expect(withCommand({ ...BARE, id: 'other', argv: ['a', 'b'] }).command).toBe('a b');
  });

  it.each<[readonly string[], string | null]>([
    [[], null],
    [['ktx', 'setup'], null],
    [['ktx', 'admin', 'prune'], 'deletes'],
    [['ktx', 'uninstall'], 'deletes'],
    [['ktx', 'admin', 'network', 'unset', 'proxy'], 'deletes'],
    [['ktx', 'setup', '--allow-host', 'a'], 'weakens'],
    [['ktx', 'setup', '--ignore-disk'], 'weakens'],
    [['ktx', 'setup', '--uv', 'x'], 'weakens'],
    [['chmod', 'u+w', 'x'], 'machine'],
    [['sh', '-c', 'ulimit -n 99 && exec "$@"', 'sh', 'ktx', 'setup'], null],
    [['sh', '-c', 'ulimit -n 99 && exec "$@"', 'sh', 'rm', 'x'], 'machine'],
    [['sh', '-c', 'rm x', 'sh', 'ktx'], 'machine'],
  ])('%j needs consent: %s', (argv, consent) => expect(remedy('other', 'x', { argv }).consent).toBe(consent));

  it('is told once, the first of those that say the same', () => {
    const first = remedy('retry', 'Wait');
    const same = remedy('other', 'Wait');
    const other = remedy('other', 'Wait', { afterwards: ['ktx'] });
    expect(uniqueRemedies([first, same, other])).toEqual([same, other]);
    expect(uniqueRemedies([])).toEqual([]);
  });
});

describe('a command', () => {
  it('under a shell is found again', () => {
    const argv = underShell('ulimit -n 9', ['ktx', 'a b']);
    expect(argv).toEqual(['sh', '-c', 'ulimit -n 9 && exec "$@"', 'sh', 'ktx', 'a b']);
    expect(fromUnderShell(argv)).toEqual({
      before: ['sh', '-c', 'ulimit -n 9 && exec "$@"', 'sh'],
      line: 'ulimit -n 9',
      argv: ['ktx', 'a b'],
    });
    expect(commandLine(argv)).toBe("(ulimit -n 9 && ktx 'a b')");
  });

  it.each([
    [['bash', '-c', 'x && exec "$@"', 'sh', 'ktx']],
    [['sh', '-c', 'x && exec "$@"', 'bash', 'ktx']],
    [['sh', '-c', 'x && exec "$@" y', 'sh', 'ktx']],
    [['sh', '-c', 'x', 'sh', 'ktx']],
    [['sh']],
    [[]],
  ])('%j is not under one', (argv) => expect(fromUnderShell(argv)).toBeNull());

  it.each([
    ['plain-1.2_x', 'plain-1.2_x', 'plain-1.2_x'],
    ['a@b%c+d=e:f,g/h~', 'a@b%c+d=e:f,g/h~', 'a@b%c+d=e:f,g/h~'],
    ['<file>', '<file>', '<file>'],
    ['--x=<url>', '--x=<url>', '--x=<url>'],
    ['<a b>', "'<a b>'", '"<a b>"'],
    ['two words', "'two words'", '"two words"'],
    ["it's", "'it'\\''s'", '"it\'s"'],
    ['C:\\x', "'C:\\x'", 'C:\\x'],
    ['', "''", '""'],
    ['x\n', "'x\n'", '"x\n"'],
    ['$HOME', "'$HOME'", '"$HOME"'],
    [' x', "' x'", '" x"'],
  ])('quotes %j for each system', (word, posix, windows) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux');
    expect(commandLine(['a', word])).toBe(`a ${posix}`);
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    expect(commandLine(['a', word])).toBe(`a ${windows}`);
  });
});

it.each<[string | null, ReturnType<typeof newerRecord>]>([
  [null, null],
  ['', null],
  ['{', null],
  ['null', null],
  ['7', null],
  ['"x"', null],
  ['{}', null],
  ['{"schemaVersion": "3"}', null],
  ['{"schemaVersion": 1}', null],
  ['{"schemaVersion": 2}', null],
  ['{"schemaVersion": 3}', { writtenBy: null, fields: {} }],
  ['{"schemaVersion": 3, "x": 1, "version": "9"}', { writtenBy: '9', fields: { x: 1, version: '9' } }],
  [
    '{"schemaVersion": 3, "cliVersion": "8", "version": "9"}',
    { writtenBy: '8', fields: { cliVersion: '8', version: '9' } },
  ],
  [
    '{"schemaVersion": 3, "writtenBy": "7", "cliVersion": "8"}',
    { writtenBy: '7', fields: { writtenBy: '7', cliVersion: '8' } },
  ],
  [
    '{"schemaVersion": 3, "writtenBy": 7, "version": "9"}',
    { writtenBy: '9', fields: { writtenBy: 7, version: '9' } },
  ],
])('%s, for one that knows version 2', (text, expected) => expect(newerRecord(text, 2)).toEqual(expected));

it('what is wrong with a value is told in one line', () => {
  const schema = z.object({ a: z.object({ b: z.string() }), c: z.number() });
  const problem = (value: unknown) => {
    try {
      parseSchema(schema, value);
    } catch (error) {
      return schemaProblem(error);
    }
    return 'none';
  };
  expect(problem({ a: { b: 'x' }, c: 1 })).toBe('none');
  expect(problem({ a: { b: 1 }, c: 'x' })).toBe(
    'a.b: Invalid input: expected string, received number; c: Invalid input: expected number, received string',
  );
  expect(problem(7)).toBe('content: Invalid input: expected object, received number');
  expect(schemaProblem(new Error('x'))).toBeNull();
});

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s stops what runs, and only while it runs',
  async (name) => {
    const before = process.listenerCount(name);
    const signal = await withStopSignals(async (own) => {
      expect(process.listenerCount(name)).toBe(before + 1);
      expect(own.aborted).toBe(false);
      process.emit(name);
      process.emit(name);
      return own;
    });
    expect(signal.aborted).toBe(true);
    expect(process.listenerCount(name)).toBe(before);
    await expect(
      withStopSignals(async () => {
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    expect(process.listenerCount(name)).toBe(before);
  },
);

describe('shared work', () => {
  it('is waited for until a cancel', async () => {
    const done = Promise.resolve(7);
    expect(raceAbort(done, undefined)).toBe(done);
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    expect(await raceAbort(done, signal)).toBe(7);
    await new Promise((resolve) => setImmediate(resolve));
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function));
    await expect(raceAbort(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
    await expect(raceAbort(new Promise(() => {}), AbortSignal.abort())).rejects.toThrow(CancelledError);
    const controller = new AbortController();
    const waiting = raceAbort(new Promise(() => {}), controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(CancelledError);
  });

  it('is stopped by its own signal and by that of the caller', () => {
    const caller = new AbortController();
    const [one, two, alone] = [
      linkedAbort(caller.signal),
      linkedAbort(caller.signal),
      linkedAbort(undefined),
    ];
    one.stop();
    alone.stop();
    expect([one.signal.aborted, two.signal.aborted, alone.signal.aborted]).toEqual([true, false, true]);
    caller.abort();
    expect(two.signal.aborted).toBe(true);
  });

  it('runs at most so many at once, after a quiet time too', async () => {
    const gate = createGate(2);
    let running = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 5 }, () => gate(task)));
    expect([most, running]).toEqual([2, 0]);
    await expect(gate(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    most = 0;
    await Promise.all([gate(task), gate(task), gate(task)]);
    expect(most).toBe(2);
  });
});
