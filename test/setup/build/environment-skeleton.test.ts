import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SetupEventBody } from '../../../src/core/events.ts';
import { beginSkeleton } from '../../../src/setup/build/environment-skeleton.ts';
import type { InstallRun } from '../../../src/setup/build/install-run.ts';
import type { UvRunner } from '../../../src/uv/runner.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function runOf(more: { kind?: string; exec?: unknown } = {}) {
  const told: SetupEventBody[] = [];
  const written: unknown[] = [];
  const runDir = await temporaryFolder();
  const environmentDir = join(runDir, 'envs', 'abc');
  await mkdir(join(runDir, 'envs'));
  const run = {
    plan: { environmentDir, locked: { python: { kind: more.kind ?? 'system', path: '/usr/bin/python3' } } },
    tools: { exec: more.exec },
    journal: { write: (entry: unknown) => written.push(entry) },
    emit: (event: SetupEventBody) => told.push(event),
    env: {},
    runDir,
  } as unknown as InstallRun;
  return { run, told, written };
}

const line = (text: string): SetupEventBody => ({
  type: 'lines',
  step: 'packages',
  stream: 'stderr',
  lines: [text],
});

it('tells what uv says when its step has begun, and writes the folder down first', async () => {
  const { run, told, written } = await runOf();
  const end = Promise.withResolvers<void>();
  const runner = (emit: (event: SetupEventBody) => void): UvRunner => ({
    async run(step, args) {
      expect([step, args[0], written]).toEqual([
        'packages',
        'venv',
        [{ making: 'environment', name: 'abc' }],
      ]);
      emit(line('early'));
      await end.promise;
      emit(line('late'));
    },
  });
  const skeleton = (await beginSkeleton(run, runner))!;
  await Promise.resolve();
  expect(told).toEqual([]);
  const finished = skeleton.finish();
  expect(told).toEqual([line('early')]);
  end.resolve();
  await finished;
  expect(told).toEqual([line('early'), line('late')]);
});

it('fails where it is waited for, and nowhere else', async () => {
  const { run } = await runOf();
  const skeleton = (await beginSkeleton(run, () => ({ run: () => Promise.reject(new Error('no space')) })))!;
  await skeleton.settled;
  await expect(skeleton.finish()).rejects.toThrow('no space');
});

it.each([{ kind: 'managed' }, { exec: () => {} }])(
  'waits for the interpreter, and for injected commands: %o',
  async (more) => {
    const { run, written } = await runOf(more);
    expect(await beginSkeleton(run, () => ({ run: () => Promise.reject(new Error('called')) }))).toBe(null);
    expect(written).toEqual([]);
  },
);
