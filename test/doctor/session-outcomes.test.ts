import { expect, it, vi } from 'vitest';
import type { CheckContext } from '../../src/doctor/checks/context.ts';
import type { KernelDoctorCheck } from '../../src/doctor/kernel-doctor.ts';

const run = vi.hoisted(() => vi.fn());
vi.mock('../../src/doctor/kernel-doctor.ts', () => ({ runKernelDoctor: run }));
const { DOCTOR_CHECKS } = await import('../../src/doctor/all-checks.ts');

const found = (id: string, status: 'pass' | 'fail', detail: string) =>
  ({ id, label: `label of ${id}`, status, detail }) as KernelDoctorCheck;

function session(results: KernelDoctorCheck[], features = ['core', 'local-embeddings']) {
  run.mockReset().mockResolvedValue(results);
  const layout = { venvDir: '/env' };
  const waits: string[] = [];
  const signal = new AbortController().signal;
  const context = {
    facts: { active: async () => ({ layout, manifest: { features } }) },
    target: { cliVersion: '0.3.0' },
    signal,
    waitFor: (text: string) => waits.push(text),
  } as unknown as CheckContext;
  const outcome = (id: string) => DOCTOR_CHECKS.find((check) => check.id === id)!.run(context);
  return { outcome, layout, waits, signal };
}

it('one session serves the three checks of a run, and another run starts its own', async () => {
  const results = ['import', 'analysis', 'embedding'].map((id) => found(id, 'pass', `${id} works`));
  const { outcome, layout, waits, signal } = session(results);
  const ids = ['session-import', 'session-analysis', 'session-embedding'];
  expect(await Promise.all(ids.map(outcome))).toEqual(
    results.map(({ detail }) => ({ status: 'pass', detail })),
  );
  expect(waits).toEqual(Array(3).fill('waiting for a Python session'));
  expect(run.mock.calls).toEqual([
    [{ layout, features: ['core', 'local-embeddings'], cliVersion: '0.3.0', signal }],
  ]);
  await session(results).outcome('session-import');
  expect(run).toHaveBeenCalledOnce();
});

it.each([
  ['its own failure', [found('analysis', 'fail', 'no dialect')], 'fail', 'no dialect'],
  ['what stands before it', [found('kernel', 'fail', 'late')], 'could-not-check', 'label of kernel: late'],
  ['another wheel', [found('kernel', 'pass', 'fine')], 'skipped', 'not part of this wheel'],
] as const)('SQL analysis tells %s', async (_, results, status, detail) => {
  const repairs = status === 'fail' ? { repairs: ['rebuild-environment'] } : {};
  expect(await session([...results]).outcome('session-analysis')).toEqual({ status, detail, ...repairs });
});

it('computes no vector where embeddings are not installed', async () => {
  const { outcome } = session([found('embedding', 'fail', 'x')], ['core']);
  expect(await outcome('session-embedding')).toEqual({
    status: 'skipped',
    detail: 'local embeddings are not installed',
  });
  expect(run).not.toHaveBeenCalled();
});
