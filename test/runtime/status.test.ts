import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInstalledManifest } from '../../src/runtime/manifest.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { writeRuntime } from '../fixtures/asset.ts';

let root: string;
let versionDir: string;
let manifestPath: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ktx-status-'));
  versionDir = join(root, '0.3.0');
  manifestPath = join(versionDir, 'manifest.json');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const status = () => readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot: root });

describe('readManagedPythonRuntimeStatus', () => {
  it('21. missing', async () => {
    const found = await status();
    expect(found).toMatchObject({ kind: 'missing', detail: `No runtime manifest at ${manifestPath}` });
    expect(found.manifest).toBeUndefined();
    expect(found.layout.venvDir).toBe(join(versionDir, '.venv'));
  });

  it('21. ready', async () => {
    const manifest = await writeRuntime(root, '0.3.0');
    const found = await status();
    expect(found).toMatchObject({ kind: 'ready', detail: `Runtime ready at ${versionDir}`, manifest });
  });

  it('the layout names the environment of the manifest', async () => {
    const manifest = await writeRuntime(root, '0.3.0');
    const { layout } = await status();
    expect(layout.venvDir).toBe(join(versionDir, 'envs', '7f3c0000'));
    expect(layout.pythonPath).toBe(manifest.python.executable);
    expect(layout.daemonPath).toBe(manifest.python.daemonExecutable);
  });

  it.each([
    ['outside of the version', '/usr/bin/python3', '/usr/bin/ktx-daemon'],
    ['beside it by dots', 'DIR/../0.2.0/envs/a/bin/python', 'DIR/../0.2.0/envs/a/bin/ktx-daemon'],
    ['in a folder whose name only begins alike', 'DIR-x/envs/a/bin/python', 'DIR-x/envs/a/bin/ktx-daemon'],
    ['that is the version folder itself', 'DIR/bin/python', 'DIR/bin/ktx-daemon'],
    ['of two environments', 'DIR/envs/a/bin/python', 'DIR/envs/b/bin/ktx-daemon'],
  ])('the layout does not follow a manifest to an environment %s', async (_name, executable, daemon) => {
    const python = {
      executable: executable.replace('DIR', versionDir),
      daemonExecutable: daemon.replace('DIR', versionDir),
    };
    await writeRuntime(root, '0.3.0', { python });
    const { layout, manifest } = await status();
    expect(layout.venvDir).toBe(join(versionDir, '.venv'));
    expect(manifest?.python).toEqual(python);
  });

  describe('a manifest whose executables are there, but not in this version', () => {
    const program = async (path: string) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '');
      return path;
    };
    const pair = async (bin: string) => ({
      executable: await program(join(bin, 'python')),
      daemonExecutable: await program(join(bin, 'ktx-daemon')),
    });
    const elsewhere = () => join(root, 'elsewhere', 'envs', 'aaaaaaaa', 'bin');
    const here = () => join(versionDir, 'envs', '7f3c0000', 'bin');

    const cases: [string, () => Promise<{ executable: string; daemonExecutable: string }>, RegExp][] = [
      ['both elsewhere', () => pair(elsewhere()), /^Python executable lies outside of .*elsewhere/],
      [
        'beside it by dots',
        () => pair(join(versionDir, '..', '0.2.0', 'envs', 'a', 'bin')),
        /^Python executable lies outside of .*0\.2\.0/,
      ],
      [
        'the interpreter elsewhere',
        async () => ({ ...(await pair(here())), executable: (await pair(elsewhere())).executable }),
        /^Python executable lies outside of /,
      ],
      [
        'the daemon elsewhere',
        async () => ({
          ...(await pair(here())),
          daemonExecutable: (await pair(elsewhere())).daemonExecutable,
        }),
        /^ktx-daemon executable lies outside of .*elsewhere/,
      ],
      [
        'of two environments',
        async () => ({
          ...(await pair(here())),
          daemonExecutable: (await pair(join(versionDir, 'envs', 'b', 'bin'))).daemonExecutable,
        }),
        /^ktx-daemon executable lies outside of /,
      ],
      [
        'another program of the environment',
        async () => ({ ...(await pair(here())), daemonExecutable: await program(join(here(), 'activate')) }),
        /^ktx-daemon executable lies outside of /,
      ],
      [
        'an environment that is a link out of it',
        async () => {
          await pair(elsewhere());
          await symlink(dirname(elsewhere()), join(versionDir, 'envs', 'bbbbbbbb'));
          const bin = join(versionDir, 'envs', 'bbbbbbbb', 'bin');
          return { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
        },
        /^Python executable lies outside of .*elsewhere/,
      ],
      [
        'a folder in it that is a link out of it',
        async () => {
          await pair(elsewhere());
          await mkdir(join(versionDir, 'envs', 'bbbbbbbb'));
          await symlink(elsewhere(), join(versionDir, 'envs', 'bbbbbbbb', 'bin'));
          const bin = join(versionDir, 'envs', 'bbbbbbbb', 'bin');
          return { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
        },
        /^Python executable lies outside of .*elsewhere/,
      ],
      [
        'a .venv that is a link out of it',
        async () => {
          await pair(elsewhere());
          await symlink(dirname(elsewhere()), join(versionDir, '.venv'));
          const bin = join(versionDir, '.venv', 'bin');
          return { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
        },
        /^Python executable lies outside of .*elsewhere/,
      ],
      [
        'a daemon that is a link out of it',
        async () => {
          const { daemonExecutable } = await pair(elsewhere());
          const python = await pair(here());
          await unlink(python.daemonExecutable);
          await symlink(daemonExecutable, python.daemonExecutable);
          return python;
        },
        /^ktx-daemon executable lies outside of .*elsewhere/,
      ],
    ];
    it.each(cases)('%s: broken, and the layout does not name it', async (_name, place, detail) => {
      await writeRuntime(root, '0.3.0');
      const python = await place();
      await writeRuntime(root, '0.3.0', { python });
      const found = await status();
      expect(found.kind).toBe('broken');
      expect(found.detail).toMatch(detail);
      expect(found.layout.venvDir).toBe(join(versionDir, '.venv'));
    });
  });

  describe('what is normal is ready', () => {
    it('a .venv that is a real folder, as older installations have it', async () => {
      await writeRuntime(root, '0.3.0');
      await rename(join(versionDir, 'envs', '7f3c0000'), join(versionDir, '.venv'));
      const bin = join(versionDir, '.venv', 'bin');
      const python = { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
      const text = JSON.stringify({ ...(await readInstalledManifest(manifestPath)), python });
      await writeFile(manifestPath, text);
      expect(await status()).toMatchObject({ kind: 'ready', layout: { pythonPath: python.executable } });
    });

    it('a .venv that is a link to an environment', async () => {
      const bin = join(versionDir, '.venv', 'bin');
      const python = { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
      await writeRuntime(root, '0.3.0', { python });
      await symlink(join('envs', '7f3c0000'), join(versionDir, '.venv'));
      expect(await status()).toMatchObject({ kind: 'ready', layout: { venvDir: join(versionDir, '.venv') } });
    });

    it("an interpreter that is a link to the system's", async () => {
      const { python } = await writeRuntime(root, '0.3.0');
      await unlink(python.executable);
      await symlink(process.execPath, python.executable);
      expect(await status()).toMatchObject({ kind: 'ready', layout: { pythonPath: python.executable } });
    });

    it('a root that was reached by another name when it was installed', async () => {
      await writeRuntime(root, '0.3.0');
      const other = `${root}-link`;
      await symlink(root, other);
      const found = await readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot: other });
      await unlink(other);
      expect(found.kind).toBe('ready');
      // The path to run is built from where the manifest was found.
      expect(found.layout.pythonPath).toBe(join(other, '0.3.0', 'envs', '7f3c0000', 'bin', 'python'));
    });
  });

  it('21. mismatched, before anything is looked for', async () => {
    await writeRuntime(root, '0.3.0', {
      cliVersion: '0.2.0',
      python: { executable: '/gone/python', daemonExecutable: '/gone/daemon' },
    });
    const found = await status();
    expect(found).toMatchObject({
      kind: 'mismatched',
      detail: 'Runtime is for CLI 0.2.0, current CLI is 0.3.0',
    });
    expect(found.manifest?.cliVersion).toBe('0.2.0');
  });

  it('21. broken: no Python, then no daemon', async () => {
    const { python } = await writeRuntime(root, '0.3.0');
    await unlink(python.daemonExecutable);
    expect(await status()).toMatchObject({
      kind: 'broken',
      detail: `Missing ktx-daemon executable: ${python.daemonExecutable}`,
    });
    await unlink(python.executable);
    const found = await status();
    expect(found).toMatchObject({
      kind: 'broken',
      detail: `Missing Python executable: ${python.executable}`,
    });
    expect(found.manifest).toBeDefined();
  });

  it('21. broken: an interpreter whose base was removed', async () => {
    const { python } = await writeRuntime(root, '0.3.0');
    await unlink(python.executable);
    await symlink(join(root, 'uv', 'python', 'gone'), python.executable);
    expect(await status()).toMatchObject({ kind: 'broken' });
  });

  it.each([
    ['not JSON', '{"schemaVersion": 1', /^Runtime manifest is invalid: .*JSON/],
    ['an empty file', '', /^Runtime manifest is invalid: ./],
    [
      'another schema',
      '{"schemaVersion":2}',
      /^Runtime manifest is invalid: it was written by a newer ktx \(/,
    ],
    [
      'the format of a newer ktx',
      '{"schemaVersion":2,"cliVersion":"9.1.0"}',
      /^Runtime manifest is invalid: it was written by a newer ktx, 9\.1\.0/,
    ],
    ['no object', 'null', /^Runtime manifest is invalid: content: /],
  ])('21. broken: %s', async (_name, text, detail) => {
    await mkdir(versionDir);
    await writeFile(manifestPath, text);
    const found = await status();
    expect(found.kind).toBe('broken');
    expect(found.detail).toMatch(detail);
    expect(found.detail).not.toContain('\n');
    expect(found.manifest).toBeUndefined();
  });

  it('21. broken: no features, or one that nobody knows', async () => {
    await writeRuntime(root, '0.3.0', { features: [] });
    expect((await status()).detail).toMatch(/^Runtime manifest is invalid: features: /);
    await writeRuntime(root, '0.3.0', { features: ['gpu'] as never });
    expect((await status()).detail).toMatch(/^Runtime manifest is invalid: features\.0: /);
  });

  it('21. broken: a folder in its place', async () => {
    await mkdir(manifestPath, { recursive: true });
    expect(await status()).toMatchObject({
      kind: 'broken',
      detail: expect.stringContaining('is a folder, not a file'),
    });
  });

  it('writes nothing', async () => {
    await status();
    expect(await readdir(root)).toEqual([]);
    await writeRuntime(root, '0.3.0');
    const text = await readFile(manifestPath, 'utf8');
    await chmod(manifestPath, 0o444);
    await status();
    expect(await readFile(manifestPath, 'utf8')).toBe(text);
    expect((await readdir(versionDir)).sort()).toEqual(['envs', 'manifest.json']);
  });
});

describe('readInstalledManifest', () => {
  it('drops unknown keys, and returns null without a file', async () => {
    expect(await readInstalledManifest(manifestPath)).toBeNull();
    await writeRuntime(root, '0.3.0', { shoeSize: 43 } as never);
    expect(await readInstalledManifest(manifestPath)).not.toHaveProperty('shoeSize');
  });
});
