import { expect, it, vi } from 'vitest';
import { causeOf, signalsOf } from '../../src/failure/diagnosis.ts';
import { describeFailure } from '../../src/failure/failure.ts';
import { NetworkFailure } from '../../src/network/errors/network-failure.ts';
import { SetupError } from '../../src/support/errors.ts';
import { otherRemedy, RETRY, USE_INDEX } from '../../src/support/remedies.ts';
import { UvCommandError } from '../../src/uv/runner.ts';

// The machine that runs the tests may be a container with few processes.
vi.mock('../../src/failure/causes/pids-limit.ts', () => ({ tightPidsLimit: () => null }));

const CONTEXT = { step: 'packages', untouched: 'Nothing was changed.', logPath: '/l' } as const;
const report = (error: unknown) => describeFailure(error, CONTEXT);
const ids = (error: unknown) => report(error).remedies?.map(({ id }) => id);
const within = (levels: number, cause: unknown): Error =>
  levels === 0 ? (cause as Error) : new Error(`level ${levels}`, { cause: within(levels - 1, cause) });

it('an unknown error is reported whole, with at most twelve lines of evidence', () => {
  const lines = Array.from({ length: 15 }, (_, index) => `line ${index + 1}`);
  expect(report(new Error(lines.join('\n')))).toEqual({
    ...CONTEXT,
    failureClass: 'internal',
    cause: 'unknown',
    title: 'line 1',
    evidence: lines.slice(0, 12),
    host: null,
    nextSteps: expect.any(Array),
    remedies: [
      expect.objectContaining({ id: 'retry', label: 'Run it again' }),
      expect.objectContaining({
        id: 'other',
        label: 'If it happens again, report it with the install log',
      }),
    ],
  });
});

it('an error of this machine has its own text as evidence', () => {
  const error = Object.assign(new Error('ENOSPC: no space left, write'), { code: 'ENOSPC' });
  expect(report(error)).toMatchObject({
    title: 'The disk is full: ENOSPC: no space left, write',
    evidence: ['ENOSPC: no space left, write'],
    host: null,
  });
});

it.each<[string, readonly string[], Error | undefined, readonly string[]]>([
  ['its own', ['a', 'b'], new Error('inner'), ['a', 'b']],
  ['one line of its own', ['a'], new Error('inner'), ['a']],
  ['its cause, without any of its own', [], new Error('inner'), ['inner']],
  ['its own, without a cause', ['a'], undefined, ['a']],
  ['none', [], undefined, []],
])('an expected error has as evidence: %s', (_, evidence, cause, expected) => {
  expect(report(new SetupError('No.', { failureClass: 'disk', evidence, cause }))).toMatchObject({
    title: 'No.',
    evidence: expected,
    cause: 'disk',
    host: null,
  });
});

it('an expected error without a host has that of the network failure behind it', () => {
  const behind = new NetworkFailure('refused', { host: 'a.example' });
  const host = (own: string | undefined, cause?: Error) =>
    report(new SetupError('No.', { failureClass: 'network', host: own, cause })).host;
  expect(host('own.example')).toBe('own.example');
  expect(host(undefined, behind)).toBe('a.example');
  expect(host('own.example', behind)).toBe('a.example');
  expect(host(undefined)).toBeNull();
});

it('remedies of the cause come first unless the error offers one of them', () => {
  const cause = new NetworkFailure('not-found', { host: 'mirror.example' });
  const offered = cause.remedies.map(({ id }) => id);
  expect(offered).toEqual(['check-address', 'use-index']);
  const outer = (...remedies: ConstructorParameters<typeof SetupError>[1]['remedies'] & object) =>
    ids(new SetupError('No.', { failureClass: 'verification', remedies, cause }));
  expect(outer(otherRemedy('Name one'))).toEqual([...offered, 'other']);
  // Both the id and the label must be the same.
  expect(outer(USE_INDEX)).toEqual(['use-index']);
  expect(outer({ ...USE_INDEX, label: 'Use another one' })).toEqual([...offered, 'use-index']);
  expect(outer({ ...RETRY, label: USE_INDEX.label })).toEqual([...offered, 'retry']);
});

it.each([
  ['network', undefined, ['copy-store', 'save-report']],
  ['network', 'setting', []],
  ['network', 'host-not-allowed', []],
  ['network', 'dns', ['copy-store', 'save-report']],
  ['disk', undefined, []],
] as const)('without a remedy of its own, %s (%s) offers %j', (failureClass, causeId, expected) => {
  expect(ids(new SetupError('No.', { failureClass, causeId }))).toEqual(expected);
});

it('an unknown failure of uv has the last ten lines that uv printed', () => {
  const lines = Array.from({ length: 14 }, (_, index) => `said ${index + 1}`);
  const printed = lines.flatMap((line) => [line, '']).join('\n');
  const found = report(new UvCommandError(['pip', 'install', '--quiet'], '', printed, '/l'));
  expect(found).toMatchObject({
    failureClass: 'internal',
    cause: 'unknown',
    title: 'uv pip install failed',
    evidence: ['uv pip install failed', ...lines.slice(-10)],
    host: null,
  });
  expect(found.remedies?.map(({ label }) => label)).toEqual([
    'Run it again',
    'See the install log for everything that uv printed',
  ]);
});

it("the noise of Rust is kept when uv's crash is unknown, and left out when it is known", () => {
  const noise = [
    "thread 'main' panicked at src/main.rs:10:5",
    'note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace',
    'background task failed: was there a panic?',
  ];
  const evidence = (text: string) =>
    report(new UvCommandError(['venv'], '', [noise[0], text, ...noise.slice(1)].join('\n'), '/l')).evidence;
  expect(evidence('nothing known')).toEqual(['uv venv failed', noise[0], 'nothing known', ...noise.slice(1)]);
  expect(evidence('(os error 28)')).toEqual(['uv venv failed', '(os error 28)']);
});

it('eight errors of a chain are looked at', () => {
  const failure = new NetworkFailure('refused', { host: 'a.example' });
  const uv = new UvCommandError(['venv'], '', 'told', '/l');
  expect(signalsOf(within(7, failure))).toMatchObject({
    network: failure,
    known: { cause: 'refused', failureClass: 'network' },
  });
  expect(signalsOf(within(8, failure))).toMatchObject({ network: null, known: null });
  expect(signalsOf(within(7, uv)).uvOutput).toBe('told');
  expect(signalsOf(within(8, uv)).uvOutput).toBeNull();
  expect(signalsOf(failure).network).toBe(failure);
  expect(signalsOf('text')).toEqual({ error: 'text', network: null, uvOutput: null, known: null });
});

it('the first failure of each kind in a chain counts', () => {
  const inner = new NetworkFailure('dns', { host: 'inner.example' });
  const outer = new NetworkFailure('refused', { host: 'outer.example', cause: inner });
  expect(signalsOf(outer)).toMatchObject({
    network: outer,
    known: { cause: 'refused', failureClass: 'network' },
  });
  const plain = new SetupError('No.', { failureClass: 'disk', cause: inner });
  expect(signalsOf(plain)).toMatchObject({ network: inner, known: { cause: 'dns' } });
  const uvs = new UvCommandError(
    ['venv'],
    '',
    'outer',
    '/l',
    new UvCommandError(['venv'], '', 'inner', '/l'),
  );
  expect(signalsOf(uvs).uvOutput).toBe('outer');
});

it('other bytes of a host are told apart from other verification failures', () => {
  const cause = (details: Partial<ConstructorParameters<typeof SetupError>[1]>) =>
    causeOf(signalsOf(new SetupError('No.', { failureClass: 'verification', ...details })));
  const otherBytes = { cause: 'other-bytes', failureClass: 'verification' };
  expect(cause({ host: 'a.example' })).toEqual(otherBytes);
  expect(cause({ host: 'a.example', causeId: 'damaged' })).toEqual(otherBytes);
  expect(cause({})).toBeNull();
  expect(cause({ failureClass: 'network', host: 'a.example' })).toBeNull();
  expect(causeOf(signalsOf(new Error('No.')))).toBeNull();
  expect(causeOf(signalsOf(new UvCommandError(['venv'], '', 'nothing known', '/l')))).toBeNull();
});

it('a machine cause names uv when uv met it, and else the path or the words', () => {
  const title = (error: unknown) => causeOf(signalsOf(error))?.title;
  const refused = (path?: string) =>
    Object.assign(new Error('EACCES: no, spawn'), { code: 'EACCES', syscall: 'spawn', path });
  expect(title(Object.assign(new Error('EDQUOT: no'), { code: 'EDQUOT', path: '/x' }))).toBe(
    'The disk quota of this user is used up: /x',
  );
  expect(title(Object.assign(new Error('EDQUOT: no'), { code: 'EDQUOT' }))).toBe(
    'The disk quota of this user is used up: EDQUOT: no',
  );
  expect(title(new UvCommandError(['venv'], '', '(os error 122)', '/l'))).toBe(
    'The disk quota of this user is used up',
  );
  expect(title(new UvCommandError(['venv'], '', 'nothing', '/l', refused()))).toBe('uv may not be started');
  expect(title(refused())).toBe('A program may not be started');
});
