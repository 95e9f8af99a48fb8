import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hasLeftEnvironments } from '../../src/runtime/left-runs.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { planSetup, runSetup } from '../../src/setup/setup.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const plan = (runtimeRoot: string) =>
  planSetup({ cliVersion: '0.3.0', features: ['core'], runtimeRoot, isOffline: true });

it.runIf(process.platform !== 'win32')(
  'a root whose path is too long for a lock is refused, and nothing is made',
  async () => {
    const folder = await temporaryFolder();
    const runtimeRoot = join(folder, ...Array.from({ length: 4 }, () => 'x'.repeat(120)));
    const refusal = {
      failureClass: 'conflict',
      message: expect.stringMatching(/^The path of the runtime folder is \d+ bytes too long/),
    };
    await expect(plan(runtimeRoot)).rejects.toMatchObject(refusal);
    // Not even for a record of the failure.
    const options = { cliVersion: '0.3.0', runtimeRoot, isOffline: true };
    await expect(runSetup({ ...options, features: ['core'] })).rejects.toMatchObject(refusal);
    expect(await readdir(folder)).toEqual([]);
  },
);

it.runIf(process.platform !== 'win32')(
  'a link in the place of the environments is refused before anything is built, and status names it',
  async () => {
    const runtimeRoot = await temporaryFolder();
    const elsewhere = join(await temporaryFolder(), 'big-disk');
    await mkdir(join(runtimeRoot, '0.3.0'));
    await mkdir(elsewhere);
    await symlink(elsewhere, join(runtimeRoot, '0.3.0', 'envs'));
    await expect(plan(runtimeRoot)).rejects.toThrow(
      /envs is a link, and ktx uses environments only in a real folder/,
    );
    await writeRuntime(runtimeRoot, '0.3.0');
    const { kind, detail } = await readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot });
    expect({ kind, detail }).toEqual({ kind: 'broken', detail: expect.stringContaining('envs is a link') });
  },
);

it('a version with more environments than it keeps, or with parts of removed ones, is to be tidied', async () => {
  const versionDir = await temporaryFolder();
  const put = (name: string) => mkdir(join(versionDir, 'envs', name), { recursive: true });
  for (const name of ['aaaaaaaa', 'bbbbbbbb', 'notes']) await put(name);
  await writeFile(join(versionDir, 'envs', 'x'), '');
  expect(await hasLeftEnvironments(versionDir)).toBe(false);
  await put('cccccccc.deadbeef.removed');
  expect(await hasLeftEnvironments(versionDir)).toBe(true);
});
