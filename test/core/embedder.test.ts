import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  configureKtxSetup,
  declaredEmbedder,
  embedderOfProgram,
  forgetEmbedder,
  ownerOfVersionName,
} from '../../src/core/embedder.ts';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { packageVersion, programVersion } from '../../src/core/program-version.ts';
import { isVersionName } from '../../src/core/version-name.ts';
import { managedPythonDaemonLayout } from '../../src/daemon/layout.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { programName } from '../../src/support/program-name.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

afterEach(forgetEmbedder);

const place = { runtimeRoot: '/r', platform: 'linux' } as const;

describe('configureKtxSetup', () => {
  it('gives every call without an assetDir the wheel, the folder and the command of the embedder', () => {
    configureKtxSetup({ name: 'acme', assetDir: '/acme/assets', command: 'acme-agent' });
    const layout = managedPythonRuntimeLayout({ cliVersion: '0.3.0', ...place });
    expect(layout).toMatchObject({
      cliVersion: '0.3.0',
      versionDir: '/r/0.3.0+wheel.acme',
      assetDir: '/acme/assets',
      daemonPath: '/r/0.3.0+wheel.acme/.venv/bin/acme-agent',
    });
    expect(
      managedPythonRuntimeLayout({ cliVersion: '0.3.0', ...place, assetDir: '/acme/assets/' }),
    ).toMatchObject({
      versionDir: layout.versionDir,
    });
    const daemon = managedPythonDaemonLayout({ cliVersion: '0.3.0', ...place, projectDir: '/p' });
    expect(daemon.daemonStatePath).toBe('/p/.ktx/runtime/acme/daemon.json');
  });

  it('leaves a call with another assetDir, and a process without a declaration, as they were', () => {
    const asked = { cliVersion: '0.3.0', ...place };
    expect(managedPythonRuntimeLayout(asked).versionDir).toBe('/r/0.3.0');
    configureKtxSetup({ name: 'acme', assetDir: '/acme/assets' });
    expect(managedPythonRuntimeLayout({ ...asked, assetDir: '/other' }).versionDir).toBe('/r/0.3.0');
  });

  it('gives texts its own name, until it is forgotten', () => {
    configureKtxSetup({ name: 'acme', assetDir: '/acme/assets', program: 'acme-tool', version: '7.0.0' });
    expect([programName(), programVersion()]).toEqual(['acme-tool', '7.0.0']);
    forgetEmbedder();
    expect([programName(), programVersion()]).toEqual(['ktx', packageVersion()]);
  });

  it('takes the same declaration again, and no other', () => {
    configureKtxSetup({ name: 'acme', assetDir: '/acme/assets' });
    configureKtxSetup({ name: 'acme', assetDir: '/acme/assets/' });
    expect(() => configureKtxSetup({ name: 'other', assetDir: '/o' })).toThrow(
      'already installs the wheel of acme',
    );
  });

  it.each([
    [{ name: 'Acme', assetDir: '/a' }, 'the name "Acme"'],
    [{ name: '../acme', assetDir: '/a' }, 'the name "../acme"'],
    [{ name: '', assetDir: '/a' }, 'the name ""'],
    [{ name: 'acme', assetDir: 'assets' }, 'the folder assets is not an absolute path'],
    [{ name: 'acme', assetDir: '/a', command: '../x' }, '"../x" is not the name of a console script'],
  ])('refuses %j', (embedder, reason) => {
    expect(() => configureKtxSetup(embedder)).toThrow(reason);
  });
});

describe('the declaration in package.json', () => {
  async function program(packageJson: object | string) {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'dist', 'bin'), { recursive: true });
    const path = join(folder, 'dist', 'bin', 'acme.js');
    await writeFile(path, '');
    await writeFile(
      join(folder, 'package.json'),
      typeof packageJson === 'string' ? packageJson : JSON.stringify(packageJson),
    );
    return { folder, path };
  }

  it('is that of the nearest package of the program, also through a link of a package manager', async () => {
    const { folder, path } = await program({
      name: '@acme/data-tool',
      'ktx-setup': { assets: './assets/python', command: 'acme' },
    });
    const link = join(await temporaryFolder(), 'acme');
    await symlink(path, link);
    const expected = { name: 'acme-data-tool', assetDir: join(folder, 'assets', 'python'), command: 'acme' };
    expect(embedderOfProgram(path)).toEqual(expected);
    expect(embedderOfProgram(link)).toEqual(expected);
  });

  it('is none without the key, without a package, for a package of ours, and for no program', async () => {
    expect(embedderOfProgram((await program({ name: 'acme' })).path)).toBeNull();
    expect(embedderOfProgram((await program('{')).path)).toBeNull();
    expect(embedderOfProgram(join(PACKAGE_ROOT, 'bin', 'ktx.cjs'))).toBeNull();
    expect(embedderOfProgram(undefined)).toBeNull();
    expect(embedderOfProgram('/nowhere/acme.js')).toBeNull();
    expect(declaredEmbedder()).toBeNull();
  });

  it.each([
    [{ name: 'acme', 'ktx-setup': true }, 'is not an object'],
    [{ name: 'acme', 'ktx-setup': {} }, 'has no "assets"'],
    [{ 'ktx-setup': { assets: 'a' } }, 'has no "name"'],
    [{ name: 'acme', 'ktx-setup': { assets: 'a', name: 'A B' } }, 'the name "A B"'],
  ])('%j is refused with the path of the file', async (packageJson, reason) => {
    const { folder, path } = await program(packageJson);
    expect(() => embedderOfProgram(path)).toThrow(`"ktx-setup" in ${join(folder, 'package.json')}`);
    expect(() => embedderOfProgram(path)).toThrow(reason);
  });
});

it('tells whose the folder of a version is', () => {
  for (const [folder, owner] of [
    ['0.3.0', null],
    ['0.3.0+build.7', null],
    ['0.3.0-wheel.acme', null],
    ['0.3.0+wheel.acme', 'acme'],
    ['0.3.0-rc.1+build.7.wheel.acme-data', 'acme-data'],
  ] as const) {
    expect(isVersionName(folder)).toBe(true);
    expect(ownerOfVersionName(folder)).toBe(owner);
  }
  configureKtxSetup({ name: 'acme', assetDir: '/a' });
  const { versionDir } = managedPythonRuntimeLayout({ cliVersion: '0.3.0+build.7', ...place });
  expect(versionDir).toBe('/r/0.3.0+build.7.wheel.acme');
});
