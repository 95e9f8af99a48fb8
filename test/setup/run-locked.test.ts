import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { SetupEventBody } from '../../src/core/events.ts';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { readWriteMark, withWriteAccess } from '../../src/runtime/write-access.ts';
import type { InstallPreparation } from '../../src/setup/plan/install-plan.ts';
import { readChosenPython } from '../../src/setup/request/choices.ts';
import type { PrepareOptions } from '../../src/setup/request/install-types.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ execute: vi.fn(), prepare: vi.fn(), recover: vi.fn() }));
vi.mock('../../src/setup/build/execute-plan.ts', () => ({ executePlan: fake.execute }));
vi.mock('../../src/setup/prepare.ts', () => ({ prepareInstall: fake.prepare }));
vi.mock('../../src/lifecycle/recovery.ts', () => ({ recover: fake.recover }));
const { runLocked } = await import('../../src/setup/run-locked.ts');

let runtimeRoot: string;
let events: SetupEventBody[];
let closed: string[];
beforeEach(async () => {
  for (const each of Object.values(fake)) each.mockReset();
  runtimeRoot = join(await temporaryFolder(), 'runtime');
  events = [];
  closed = [];
  fake.execute.mockResolvedValue('outcome');
});

function prepared(name: string, hosts: string[] = [], change: object = {}): InstallPreparation {
  const layout = managedPythonRuntimeLayout({ cliVersion: '0.3.0', runtimeRoot, env: {}, homeDir: '/h' });
  return {
    status: 'install',
    plan: { layout, name },
    present: null,
    writeMark: null,
    summary: { hosts, name },
    tools: { network: { close: async () => void closed.push(name) } },
    ...change,
  } as unknown as InstallPreparation;
}

const options = (change: object = {}) =>
  ({ cliVersion: '0.3.0', runtimeRoot, env: {}, ...change }) as unknown as PrepareOptions;
const run = async (
  plan: InstallPreparation,
  change: { options?: object; isShown?: boolean; note?: () => void } = {},
) =>
  runLocked(plan, options(change.options), (event) => void events.push(event), {
    isShown: change.isShown ?? false,
    note: change.note,
  });

/** Somebody else changes the folder. */
const change = () =>
  withWriteAccess({ runtimeRoot, versions: ['0.3.0'], step: 'x', note: () => {} }, async () => {});

describe('a plan under the locks', () => {
  it('is carried out as it was made, after what killed runs left is gone, and its session is closed', async () => {
    const plan = prepared('shown');
    const { signal } = new AbortController();
    expect(await run(plan, { options: { signal } })).toEqual({
      status: 'installed',
      prepared: plan,
      outcome: 'outcome',
    });
    expect(fake.execute).toHaveBeenCalledWith(
      plan.plan,
      plan.tools,
      expect.objectContaining({ setStep: expect.any(Function) }),
      expect.any(Function),
      signal,
    );
    expect(fake.recover.mock.invocationCallOrder[0]!).toBeLessThan(fake.execute.mock.invocationCallOrder[0]!);
    expect([fake.prepare.mock.calls.length, closed, events]).toEqual([0, ['shown'], []]);
    expect(await readChosenPython(runtimeRoot)).toBeNull();
  });

  it('keeps the Python that was asked for, once it is installed', async () => {
    await run(prepared('shown'), { options: { python: 'system' } });
    expect(await readChosenPython(runtimeRoot)).toBe('system');
    fake.execute.mockRejectedValue(new Error('failed'));
    const later = prepared('shown', [], { writeMark: await readWriteMark(runtimeRoot) });
    await expect(run(later, { options: { python: 'managed' } })).rejects.toThrow('failed');
    expect(await readChosenPython(runtimeRoot)).toBe('system');
    expect(closed).toEqual(['shown', 'shown']);
  });

  it('passes on what is noted, to who asked as well', async () => {
    fake.recover.mockImplementation(async ({ note }: { note: (level: string, text: string) => void }) =>
      note('warning', 'tidied'),
    );
    const note = vi.fn();
    await run(prepared('shown'), { note });
    expect(events).toEqual([{ type: 'note', step: 'plan', level: 'warning', text: 'tidied' }]);
    expect(note).toHaveBeenCalledWith('warning', 'tidied');
  });
});

describe('a folder that was changed since', () => {
  test.each([
    ['by another write', async () => change()],
    ['in its manifest', async () => void (await writeRuntime(runtimeRoot, '0.3.0'))],
  ])('%s: the plan is made anew, told, and both sessions are closed', async (_, alter) => {
    const plan = prepared('shown', [], { writeMark: await readWriteMark(runtimeRoot) });
    await alter();
    const anew = prepared('anew', ['a.example']);
    fake.prepare.mockResolvedValue(anew);
    expect(await run(plan)).toEqual({ status: 'installed', prepared: anew, outcome: 'outcome' });
    expect(fake.execute.mock.lastCall?.slice(0, 2)).toEqual([anew.plan, anew.tools]);
    expect(events).toEqual([{ type: 'plan', plan: anew.summary }]);
    expect(closed.sort()).toEqual(['anew', 'shown']);
  });

  it('by who installed the same: nothing is left to do', async () => {
    const plan = prepared('shown');
    await writeRuntime(runtimeRoot, '0.3.0');
    const ready = { status: 'ready', manifest: {} };
    fake.prepare.mockResolvedValue(ready);
    expect(await run(plan)).toEqual({ status: 'ready', ready });
    expect(fake.execute).not.toHaveBeenCalled();
    expect(closed).toEqual(['shown']);
  });

  test.each<[string, string[], string[] | undefined, boolean, boolean]>([
    ['fewer hosts', [], undefined, true, true],
    ['the same hosts', ['a.example'], undefined, true, true],
    ['a host that was not shown', ['a.example', 'b.example:443'], undefined, true, false],
    ['a host that was not shown and is allowed', ['b.example:443'], ['b.example'], true, true],
    ['a host, where no plan was shown', ['b.example'], undefined, false, true],
  ])('the new plan needs %s', async (_, hosts, allowedHosts, isShown, isDone) => {
    const plan = prepared('shown', ['a.example']);
    await writeRuntime(runtimeRoot, '0.3.0');
    fake.prepare.mockResolvedValue(prepared('anew', hosts));
    const done = run(plan, { isShown, options: { allowedHosts } });
    if (isDone) expect(await done).toMatchObject({ status: 'installed' });
    else
      await expect(done).rejects.toMatchObject({
        message: 'The runtime folder was changed by another ktx, and the plan no longer holds.',
        failureClass: 'conflict',
        evidence: ['not in the plan that was shown: b.example:443'],
      });
    expect(closed.sort()).toEqual(['anew', 'shown']);
  });
});
