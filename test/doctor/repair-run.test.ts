import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DoctorEvent } from '../../src/doctor/events.ts';
import { fixRuntime } from '../../src/doctor/repair-run.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { holdAccess } from '../fixtures/hold-access.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** Whether another process could change the runtime now. */
function isFree(runtimeRoot: string): boolean {
  const module = JSON.stringify(join(PACKAGE_ROOT, 'src', 'runtime', 'write-access.ts'));
  const options = JSON.stringify({ runtimeRoot, versions: ['0.3.0'], step: 'probe', shouldWait: false });
  const code = `const { withWriteAccess } = await import(${module});
    console.log(await withWriteAccess({ ...${options}, note() {} }, async () => 'free') ?? 'busy');`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  expect(['free\n', 'busy\n']).toContain(stdout);
  return stdout === 'free\n';
}

it('nobody else changes the runtime between the plan of a run of repairs and its last look', async () => {
  const runtimeRoot = join(await temporaryFolder(), 'runtime');
  await writeRuntime(runtimeRoot, '0.3.0');
  await mkdir(join(runtimeRoot, '0.3.0', 'envs', 'deadbeef'));
  await writeFile(join(runtimeRoot, '0.3.0', 'manifest.json.123.01234567.tmp'), '{');
  const seen: [string, boolean][] = [];
  const result = await fixRuntime(
    { cliVersion: '0.3.0', runtimeRoot, env: { PATH: '/usr/bin:/bin' } },
    {
      repairs: ['remove-leftovers'],
      onEvent: (event) => {
        const isLastLook = event.type === 'check' && event.check.id === 'leftovers' && seen.length > 0;
        if (event.type === 'repair-plan' || event.type === 'repair-finished' || isLastLook)
          seen.push([event.type, isFree(runtimeRoot)]);
      },
    },
  );
  expect(result.repairs).toEqual(['remove-leftovers']);
  expect(seen).toEqual([
    ['repair-plan', false],
    ['repair-finished', false],
    ['check', false],
  ]);
  // Its own hold is no reason to warn of somebody else.
  expect(result.after.find(({ id }) => id === 'lock')?.status).toBe('pass');
  expect(isFree(runtimeRoot)).toBe(true);
});

it('says so when what a failed run changed could not be put back', async () => {
  const runtimeRoot = join(await temporaryFolder(), 'runtime');
  await writeRuntime(runtimeRoot, '0.3.0');
  await mkdir(join(runtimeRoot, '0.3.0', 'envs', 'deadbeef'));
  const fix = (breaksBackup: boolean) =>
    fixRuntime(
      { cliVersion: '0.3.0', runtimeRoot, env: { PATH: '/usr/bin:/bin' } },
      {
        repairs: ['remove-leftovers'],
        onEvent: (event) => {
          if (event.type !== 'repair-finished') return;
          if (breaksBackup) rmSync(join(runtimeRoot, 'uv', 'backups'), { recursive: true });
          throw new Error('out of order');
        },
      },
    );
  await expect(fix(false)).rejects.toMatchObject({ message: 'out of order' });
  await expect(fix(true)).rejects.toMatchObject({
    name: 'NotPutBackError',
    message: expect.stringMatching(/^out of order\. Not everything could be put back: /),
    evidence: [expect.stringContaining(join('uv', 'backups'))],
  });
});

it('says for the first repair whom it waits for', async () => {
  const runtimeRoot = join(await temporaryFolder(), 'runtime');
  await writeRuntime(runtimeRoot, '0.3.0');
  const access = { runtimeRoot, versions: ['0.3.0'], step: 'packages', note: () => {} };
  const other = await holdAccess(access);
  const notes: DoctorEvent[] = [];
  const waits = Promise.withResolvers<void>();
  const fixing = fixRuntime(
    { cliVersion: '0.3.0', runtimeRoot, env: { PATH: '/usr/bin:/bin' } },
    {
      repairs: ['remove-leftovers', 'free-space'],
      onEvent: (event) => {
        if (event.type !== 'repair-note') return;
        notes.push(event);
        waits.resolve();
      },
    },
  );
  await Promise.race([waits.promise, fixing]);
  await other.release();
  expect((await fixing).repairs).toEqual(['remove-leftovers', 'free-space']);
  expect(notes[0]).toMatchObject({ id: 'remove-leftovers', text: expect.stringContaining('packages') });
});
