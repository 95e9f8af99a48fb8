import { chmod, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { takeInventory } from '../../src/lifecycle/inventory.ts';
import { keepFailure, readLastFailure } from '../../src/log/failure-log.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const failure = (title: string, logPath: string | null = null) => ({
  step: 'fetch' as const,
  title,
  failureClass: 'network' as const,
  cause: 'dns',
  evidence: ['https://me:index-secret@index.example/simple'],
  nextSteps: ['Check the network'],
  remedies: [],
  untouched: 'Nothing was changed.',
  logPath,
});
const asked = { cliVersion: '0.3.0', features: ['core'], settings: ['proxy: http://p.example:1'] };

it('keeps the failure with its settings and the end of its log, and no secret', async () => {
  const runtimeRoot = await temporaryFolder();
  const logPath = join(runtimeRoot, 'install.log');
  await writeFile(logPath, `${'x'.repeat(600 * 1024)}\nuv said no\n`);
  await keepFailure({ ...asked, runtimeRoot, failure: failure('The index is gone', logPath) });
  const { text } = (await readLastFailure(runtimeRoot))!;
  for (const part of ['The index is gone (network, dns)', 'proxy: http://p.example:1', 'uv said no'])
    expect(text).toContain(part);
  expect(text).not.toContain('index-secret');
  expect(text.length).toBeLessThan(1000);
});

it('keeps the newest few, which an uninstall knows; the next attempt takes none away', async () => {
  const runtimeRoot = await temporaryFolder();
  const folder = join(runtimeRoot, 'uv', 'logs');
  for (let at = 0; at < 7; at++) {
    await keepFailure({ ...asked, runtimeRoot, failure: failure(`failure ${at}`) });
    const when = 1_700_000_000 + at;
    for (const name of await readdir(folder)) {
      // The order of writing, whatever the clock of the file system shows.
      if (!seen.has(name)) await utimes(join(folder, name), when, when);
      seen.add(name);
    }
  }
  expect(await readdir(folder)).toHaveLength(5);
  expect((await readLastFailure(runtimeRoot))!.text).toContain('failure 6');
  expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
});
const seen = new Set<string>();

it('a root that cannot store a log does not hide the failure', async () => {
  const root = await temporaryFolder();
  await writeFile(join(root, 'file'), '');
  await keepFailure({ ...asked, runtimeRoot: join(root, 'file'), failure: failure('x') });
  expect(await readLastFailure(join(root, 'file'))).toBeNull();
});

it('is never kept in a folder that others can write to, nor through a link', async () => {
  const home = await temporaryFolder();
  const runtimeRoot = join(home, 'runtime');
  await mkdir(runtimeRoot);
  await chmod(runtimeRoot, 0o777);
  const options = { cliVersion: '0.3.0', features: ['core' as const], runtimeRoot, homeDir: home, env: {} };
  await expect(runSetup(options)).rejects.toThrow('Every user of this machine can write');
  expect(await readdir(runtimeRoot)).toEqual([]);
  await chmod(runtimeRoot, 0o755);
  await mkdir(join(home, 'elsewhere'));
  await symlink(join(home, 'elsewhere'), join(runtimeRoot, 'uv'));
  await keepFailure({ ...asked, runtimeRoot, failure: failure('x') });
  expect(await readdir(join(home, 'elsewhere'))).toEqual([]);
});

it('a first setup that fails leaves its reason', async () => {
  const home = await temporaryFolder();
  const runtimeRoot = join(home, 'runtime');
  const options = { cliVersion: '0.3.0', features: ['core' as const], runtimeRoot, homeDir: home, env: {} };
  await mkdir(join(home, 'assets'));
  await expect(runSetup({ ...options, assetDir: join(home, 'assets') })).rejects.toThrow();
  expect((await readLastFailure(runtimeRoot))!.text).toContain('setup of core failed');
});
