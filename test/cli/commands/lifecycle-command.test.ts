import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type LifecycleArgs,
  type LifecycleDeps,
  runLifecycleCommand,
} from '../../../src/cli/commands/lifecycle-command.ts';
import type { UndoTarget } from '../../../src/lifecycle/undo.ts';
import type { UninstallPlan, UninstallResult } from '../../../src/lifecycle/uninstall.ts';
import { setupEventSchema } from '../../../src/present/event-schema.ts';
import { CancelledError, SetupError } from '../../../src/support/errors.ts';
import { otherRemedy } from '../../../src/support/remedies.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';

const side = (id: string) => ({
  environmentDir: `/r/0.3.0/envs/${id}`,
  installedAt: '2026-01-01T00:00:00.000Z',
  features: ['core' as const],
  wheelVersion: '0.1.0',
});
const target: UndoTarget = { direction: 'back', from: side('bbbbbbbb'), to: side('aaaaaaaa') };
const plan: UninstallPlan = {
  runtimeRoot: '/r',
  parts: [
    { what: 'runtime 0.3.0', sizeBytes: 48_000_000, paths: ['/r/0.3.0/envs/aaaaaaaa'] },
    { what: 'downloads', sizeBytes: 16_000_000, paths: ['/r/uv/store/x'] },
  ],
  sizeBytes: 64_000_000,
  others: [],
  foreign: [{ path: '/r/notes.txt', sizeBytes: 8, reason: 'is not known to ktx' }],
  daemons: [{ pid: 42, command: 'ktx-daemon serve-http' }],
};
const clean: UninstallResult = {
  runtimeRoot: '/r',
  removedBytes: 64_000_000,
  stoppedPids: [42],
  left: [],
  leftBytes: 0,
};

async function run(args: Partial<LifecycleArgs>, change: LifecycleDeps = {}) {
  const { io, printed } = capturedIo();
  const deps = {
    readUndoTarget: vi.fn(async () => target),
    undo: vi.fn(async () => target),
    planUninstall: vi.fn(async () => plan),
    uninstall: vi.fn(async () => clean),
    ...change,
  };
  const whole: LifecycleArgs = { command: 'undo', cliVersion: '0.3.0', yes: false, json: false, ...args };
  const exitCode = await runLifecycleCommand(whole, io, deps);
  return { exitCode, deps, ...printed };
}

/** The one line on stdout: a failure as `ktx setup --json` tells it. */
function failureIn(stdout: string) {
  const [line = '', ...rest] = stdout.split('\n');
  expect(rest).toEqual(['']);
  const event = JSON.parse(line);
  setupEventSchema.parse(event);
  expect(event.type).toBe('failure');
  return event.failure;
}

describe('undo', () => {
  it('shows both sides, and with --yes switches', async () => {
    const { exitCode, stdout, deps } = await run({ yes: true });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /back to the other environment\nnow: .*bbbbbbbb.*\nthen: .*aaaaaaaa.*\nSwitched back to/,
    );
    expect(stdout).toContain('installed 2026-01-01T00:00:00Z)');
    expect(deps.undo).toHaveBeenCalledTimes(1);
  });

  it('with --json prints the target and nothing else', async () => {
    const { stdout } = await run({ yes: true, json: true });
    expect(JSON.parse(stdout)).toEqual(target);
  });

  it('there is nothing to go to: the library says why', async () => {
    const undo = async () => {
      throw new Error('There is no other environment to go back to.');
    };
    const { exitCode, stdout, stderr } = await run({}, { readUndoTarget: async () => null, undo });
    expect([exitCode, stdout, stderr]).toEqual([1, '', 'There is no other environment to go back to.\n']);
  });
});

describe('uninstall', () => {
  it('lists what goes with sizes and what stays, then deletes and says what is left', async () => {
    const { exitCode, stdout } = await run({ command: 'uninstall', yes: true });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        'To be deleted under /r',
        '   48 MB  runtime 0.3.0',
        '   16 MB  downloads',
        '   64 MB  in all',
        'to be stopped: ktx daemon, process 42',
        'kept: /r/notes.txt (8 B), is not known to ktx',
        'Deleted 64 MB under /r',
        'Stopped 1 ktx daemon',
        '0 bytes left',
        '',
      ].join('\n'),
    );
  });

  it('leaves out of the list what holds nothing', async () => {
    const empty = { what: 'locks', sizeBytes: 0, paths: ['/r/uv/locks/x.lock'] };
    const planUninstall = async () => ({ ...plan, parts: [...plan.parts, empty] });
    const { stdout, stderr } = await run({ command: 'uninstall' }, { planUninstall });
    expect(stdout).toMatch(/ {2}downloads\n {3}64 MB {2}in all\n/);
    expect(stdout + stderr).not.toContain('locks');
  });

  it('something is left: exit 1, with the reason', async () => {
    const left = [{ path: '/r/notes.txt', sizeBytes: 8, reason: 'is not known to ktx' }];
    const uninstall = async () => ({ ...clean, left, leftBytes: 8 });
    const { exitCode, stdout } = await run({ command: 'uninstall', yes: true }, { uninstall });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('8 bytes left in 1 entry\nleft: /r/notes.txt, is not known to ktx\n');
  });
});

describe('uninstall where nothing of ktx is', () => {
  const nothing: UninstallPlan = { ...plan, parts: [], sizeBytes: 0, foreign: [], daemons: [] };
  /** What has appeared since it was looked at was shown to nobody. */
  const uninstall = vi.fn(async () => clean);
  const deps: LifecycleDeps = { planUninstall: async () => nothing, uninstall };
  afterEach(() => expect(uninstall).not.toHaveBeenCalled());

  it('says so in one line, asks nothing, and has done what was wanted', async () => {
    const { exitCode, stdout, stderr } = await run({ command: 'uninstall' }, deps);
    expect([exitCode, stdout, stderr]).toEqual([0, 'Nothing to uninstall: /r holds no ktx files.\n', '']);
  });

  it('names what stays there, which is not ours', async () => {
    const { foreign } = plan;
    const { exitCode, stdout } = await run(
      { command: 'uninstall' },
      { planUninstall: async () => ({ ...nothing, foreign }), uninstall },
    );
    expect(stdout).toBe(
      'Nothing to uninstall: /r holds no ktx files.\nkept: /r/notes.txt (8 B), is not known to ktx\n',
    );
    expect(exitCode).toBe(1);
  });

  it('with --json prints the result', async () => {
    const { stdout } = await run({ command: 'uninstall', json: true }, deps);
    expect(JSON.parse(stdout)).toMatchObject({ removedBytes: 0, left: [] });
  });
});

describe('undo where nobody can be asked', () => {
  it('shows both sides before it refuses', async () => {
    const { exitCode, stdout, stderr } = await run({ command: 'undo' });
    expect([exitCode, stderr]).toEqual([1, 'Refusing to undo without --yes.\n']);
    expect(stdout).toMatch(/^ktx Python runtime: back .*\nnow: .*bbbbbbbb.*\nthen: .*aaaaaaaa.*\n$/);
  });

  it('shows both sides before it asks', async () => {
    const { stdout } = await run({ command: 'undo' }, { confirm: async () => false });
    expect(stdout).toMatch(/^ktx Python runtime: back .*\nnow: .*\nthen: .*\nNothing was changed\.\n$/);
  });
});

describe.each(['undo', 'uninstall'] as const)('%s without --yes', (command) => {
  const wasRun = ({ undo, uninstall }: { undo: object; uninstall: object }) =>
    vi.mocked(undo as () => void).mock.calls.length + vi.mocked(uninstall as () => void).mock.calls.length;

  it('does nothing where nobody can be asked', async () => {
    const { exitCode, stderr, deps } = await run({ command });
    expect([exitCode, stderr]).toEqual([1, `Refusing to ${command} without --yes.\n`]);
    expect(wasRun(deps)).toBe(0);
  });

  it('does nothing with --json: there is no place for a question', async () => {
    const { exitCode, stdout, stderr, deps } = await run({ command, json: true });
    const title = `Refusing to ${command} without --yes.`;
    expect([exitCode, stderr]).toEqual([1, `${title}\n`]);
    expect(failureIn(stdout)).toMatchObject({
      failureClass: 'conflict',
      cause: 'usage',
      title,
      nextSteps: [`ktx admin runtime ${command} --json --yes`],
      untouched: 'Nothing was changed.',
    });
    expect(wasRun(deps)).toBe(0);
  });

  it('asks, and a no changes nothing and is no failure', async () => {
    const { exitCode, stdout, deps } = await run({ command }, { confirm: async () => false });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Nothing was changed.');
    expect(wasRun(deps)).toBe(0);
  });

  it('left at the question: nothing ran, so 0', async () => {
    const confirm = async () => {
      throw new CancelledError();
    };
    const { exitCode, stdout, deps } = await run({ command }, { confirm });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Nothing was changed.');
    expect(wasRun(deps)).toBe(0);
  });

  it('a yes does it', async () => {
    const { deps } = await run({ command }, { confirm: async () => true });
    expect(wasRun(deps)).toBe(1);
  });

  it('stopped while it waits: 130', async () => {
    const stopped = async () => {
      throw new CancelledError();
    };
    expect((await run({ command, yes: true }, { undo: stopped, uninstall: stopped })).exitCode).toBe(130);
  });
});

describe.each(['undo', 'uninstall'] as const)('%s --json that fails', (command) => {
  const args = { command, yes: true, json: true };

  it('says on stdout what the library said, and on stderr the same in words', async () => {
    const failing = async () => {
      throw new SetupError('It cannot.', {
        failureClass: 'disk',
        evidence: ['seen'],
        remedies: [otherRemedy('Make room')],
      });
    };
    const { exitCode, stdout, stderr } = await run(args, { undo: failing, uninstall: failing });
    expect([exitCode, stderr]).toEqual([1, 'It cannot.\n  seen\n  next     Make room.\n']);
    expect(failureIn(stdout)).toMatchObject({
      failureClass: 'disk',
      title: 'It cannot.',
      evidence: ['seen'],
      nextSteps: ['Make room.'],
      untouched: command === 'undo' ? 'Nothing was changed.' : 'Nothing was deleted.',
    });
  });

  it('does not claim that nothing happened where nobody knows', async () => {
    const failing = async () => {
      throw new Error('Something broke.');
    };
    const { stdout } = await run(args, { undo: failing, uninstall: failing });
    expect(failureIn(stdout)).toMatchObject({ title: 'Something broke.', untouched: '' });
  });

  it('or cannot even look: one failure too', async () => {
    const failing = async () => {
      throw new Error('Something broke.');
    };
    const { exitCode, stdout } = await run(args, { readUndoTarget: failing, planUninstall: failing });
    expect([exitCode, failureIn(stdout).title]).toEqual([1, 'Something broke.']);
  });

  it('stopped is no failure: 130, and nothing on stdout', async () => {
    const stopped = async () => {
      throw new CancelledError();
    };
    const { exitCode, stdout } = await run(args, { undo: stopped, uninstall: stopped });
    expect([exitCode, stdout]).toEqual([130, '']);
  });
});
