import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { MACHINE_CAUSES } from '../../../src/failure/causes/machine-causes.ts';
import { explainMachineFailure, machineFailure } from '../../../src/failure/causes/machine-failure.ts';
import { machineReasonOf, reasonOfEnding, reasonOfText } from '../../../src/failure/causes/machine-reason.ts';
import { NETWORK_CAUSES } from '../../../src/failure/causes/network-causes.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

// The machine that runs the tests may be a container with few processes.
const limit = vi.hoisted(() => ({ value: null as number | null }));
vi.mock('../../../src/failure/causes/pids-limit.ts', () => ({ tightPidsLimit: () => limit.value }));

const coded = (code: string, details: object = {}) =>
  Object.assign(new Error(`${code}: no`), { code, ...details });
const within = (levels: number, cause: Error): Error =>
  levels === 0 ? cause : new Error(`level ${levels}`, { cause: within(levels - 1, cause) });
const ids = (remedies: readonly { id: string }[]) => remedies.map(({ id }) => id);

describe('an error of this machine', () => {
  it('has the texts and remedies of its row', () => {
    const error = machineFailure('disk-full', { path: '/x' });
    expect(error).toMatchObject({
      message: 'The disk is full: /x.',
      causeId: 'disk-full',
      failureClass: 'disk',
      evidence: [],
      remedies: MACHINE_CAUSES['disk-full'].remedies({ path: '/x' }),
    });
    expect(error.cause).toBeUndefined();
  });

  it('tells at most six lines of its cause, after the given ones', () => {
    const lines = Array.from({ length: 8 }, (_, index) => `line ${index + 1}`);
    const cause = new Error(lines.join('\n'));
    const error = machineFailure('disk-full', { title: 'Not written.', evidence: ['given'], cause });
    expect(error.message).toBe('Not written.');
    expect(error.evidence).toEqual(['given', ...lines.slice(0, 6)]);
    expect(error.cause).toBe(cause);
  });

  it('is explained unless it is unknown or explained already', () => {
    const known = new SetupError('No.', { failureClass: 'internal', cause: coded('ENOSPC') });
    expect(explainMachineFailure(known)).toBe(known);
    const unknown = new Error('what?');
    expect(explainMachineFailure(unknown)).toBe(unknown);
    const message = (error: unknown, path?: string) =>
      (explainMachineFailure(error, { path }) as Error).message;
    expect(message(coded('ENOSPC'))).toBe('The disk is full.');
    expect(message(coded('ENOSPC', { path: '/own' }))).toBe('The disk is full: /own.');
    expect(message(coded('ENOSPC', { path: '/own' }), '/given')).toBe('The disk is full: /given.');
    expect(message(coded('ENOSPC'), '/given')).toBe('The disk is full: /given.');
  });
});

describe('a file in the way', () => {
  it('is the first on the way that is no folder, whatever path the caller knows', async () => {
    const root = await temporaryFolder();
    const file = join(root, 'file');
    const folder = join(root, 'folder');
    await writeFile(file, '');
    await mkdir(folder);
    const path = (asked?: string) => machineReasonOf(coded('ENOTDIR', { path: asked }))?.path;
    expect(path(join(file, 'a', 'b'))).toBe(file);
    expect(path(file)).toBe(file);
    expect(path(folder)).toBe(folder);
    expect(path(join(folder, 'a', 'b'))).toBe(join(folder, 'a', 'b'));
    expect(path('/')).toBe('/');
    expect(path('nowhere')).toBe('nowhere');
    expect(path()).toBeUndefined();
    expect(
      explainMachineFailure(coded('ENOTDIR', { path: join(file, 'a') }), { path: '/given' }),
    ).toMatchObject({ message: expect.stringContaining(file) });
  });

  it('of another reason is not looked for', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    expect(machineReasonOf(coded('ENOSPC', { path: join(file, 'a') }))).toEqual({
      reason: 'disk-full',
      path: join(file, 'a'),
    });
  });
});

it('eight errors of a chain are looked at', () => {
  expect(machineReasonOf(within(7, coded('ENOSPC')))).toEqual({ reason: 'disk-full' });
  expect(machineReasonOf(within(8, coded('ENOSPC')))).toBeNull();
  expect(machineReasonOf(coded('ENOSPC'))).toEqual({ reason: 'disk-full' });
});

it('a shell adds 128 to the number of the signal', () => {
  expect(reasonOfEnding(137, null)).toBe(reasonOfEnding(null, 'SIGKILL'));
  expect(reasonOfEnding(137, null)).not.toBeNull();
  for (const ordinary of [0, 1, 9, 127, 128, null]) expect(reasonOfEnding(ordinary, null)).toBeNull();
  expect(reasonOfEnding(null, 'SIGWINCH')).toBeNull();
  expect(reasonOfText('nothing of the kind')).toBeNull();
  expect(reasonOfText('')).toBeNull();
});

it('the way a child ended names its signal when there was one', () => {
  const ended = (details: object) => machineReasonOf(Object.assign(new Error('it failed'), details));
  expect(ended({ signal: 'SIGKILL' })).toEqual({
    reason: reasonOfEnding(null, 'SIGKILL'),
    signal: 'SIGKILL',
  });
  expect(ended({ exitCode: 137 })).toEqual({ reason: reasonOfEnding(137, null) });
  expect(ended({ exitCode: 1 })).toBeNull();
});

describe('remedies that depend on what is known', () => {
  it('a volume without programs can be mounted anew if it is known', () => {
    const { remedies } = MACHINE_CAUSES.noexec;
    expect(ids(remedies({}))).toEqual(['other-root']);
    expect(ids(remedies({ path: '/volume' }))).toHaveLength(2);
    expect(
      remedies({ path: '/volume' })[1]!.argv?.join(' ') ?? remedies({ path: '/volume' })[1]!.label,
    ).toContain('/volume');
  });

  it('a container with few processes is offered more of them', () => {
    const labels = () => MACHINE_CAUSES['too-many-processes'].remedies({}).map(({ label }) => label);
    const more = 'Give the container more processes (--pids-limit of docker and podman), then run';
    expect(labels()).not.toContain(more);
    limit.value = 20;
    expect(labels()).toContain(more);
    limit.value = null;
  });

  it('a host is named without its port where one allows or logs in', () => {
    const { 'host-not-allowed': notAllowed, login } = NETWORK_CAUSES;
    const text = (row: typeof login, host: string) => JSON.stringify(row.remedies({ host }));
    for (const row of [notAllowed, login]) {
      expect(text(row, 'a.example:8443')).toBe(text(row, 'a.example'));
      expect(text(row, 'a.example:8443b')).toContain('a.example:8443b');
    }
  });
});

it.each<[keyof typeof NETWORK_CAUSES, object, boolean]>([
  ['login', {}, false],
  ['login', { hasAnswered: true }, false],
  ['login', { hasLogin: true }, false],
  ['login', { hasAnswered: true, hasLogin: false }, false],
  ['login', { hasAnswered: true, hasLogin: true }, true],
  ['http-status', {}, false],
  ['http-status', { status: 400 }, false],
  ['http-status', { status: 407 }, false],
  ['http-status', { status: 408 }, true],
  ['http-status', { status: 409 }, false],
  ['http-status', { status: 429 }, true],
  ['http-status', { status: 499 }, false],
  ['http-status', { status: 500 }, true],
  ['http-status', { status: 503 }, true],
])('%s with %j is tried again: %s', (reason, facts, expected) => {
  const { isTransient } = NETWORK_CAUSES[reason];
  expect((isTransient as (facts: object) => boolean)({ host: 'a.example', ...facts })).toBe(expected);
});
