import { beforeEach, expect, it, vi } from 'vitest';
import { DOCTOR_CHECKS } from '../../src/doctor/all-checks.ts';
import type { Check } from '../../src/doctor/checks/check.ts';

const fake = vi.hoisted(() => ({ run: vi.fn() }));
vi.mock('../../src/doctor/run-list.ts', () => ({ runCheckList: fake.run }));
const { proveRuntime } = await import('../../src/doctor/prove-runtime.ts');

const TARGET = { cliVersion: '0.3.0' };
const result = (group: string, status: string, label = group) => ({ group, status, label, detail: 'why' });
beforeEach(() => fake.run.mockReset());

it('runs what says whether a runtime works, offline and deep, and what that depends on', async () => {
  const { signal } = new AbortController();
  fake.run.mockResolvedValue([]);
  await proveRuntime(TARGET, { signal });
  const [checks, target, options] = fake.run.mock.lastCall as [Check[], object, object];
  expect([target, options]).toEqual([TARGET, { signal, isDeep: true }]);
  const ids = new Set(checks.map(({ id }) => id));
  for (const { id, group, cost, dependsOn } of DOCTOR_CHECKS) {
    const isWanted = ['Runtime', 'Core', 'Embeddings'].includes(group) && ['offline', 'deep'].includes(cost);
    if (isWanted) expect([...ids], id).toEqual(expect.arrayContaining([id, ...dependsOn]));
    if (['network', 'models'].includes(cost)) expect(ids.has(id), id).toBe(false);
  }
  expect([...ids]).toEqual(expect.arrayContaining(['digests', 'bytecode']));
});

it.each([
  [[], null],
  [[result('Runtime', 'pass'), result('Core', 'warn'), result('Embeddings', 'skip')], null],
  [[result('Core', 'fail', 'Answers')], 'Answers: why'],
  [
    [result('Runtime', 'pass'), result('Embeddings', 'fail', 'One'), result('Core', 'fail', 'Two')],
    'One: why',
  ],
  // A full disk is a separate matter.
  [[result('System', 'fail'), result('Runtime', 'pass')], null],
])('%j: %s', async (results, problem) => {
  fake.run.mockResolvedValue(results);
  expect(await proveRuntime(TARGET)).toEqual({ results, problem });
});
