import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { installManagedPythonRuntime } from '../../src/embed/install.ts';
import type { ManagedPythonRuntimeExec } from '../../src/process/exec.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { KtxExpectedError } from '../../src/support/errors.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** The install items of the runtime library's conformance checklist; names begin with their number. */

interface Call {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv | undefined;
}

async function machine(options: { requiresPython?: string } = {}) {
  const root = await temporaryFolder();
  const assetDir = join(root, 'assets');
  const runtimeRoot = join(root, 'runtime');
  const { wheelPath } = await writeForeignAsset(assetDir, options);
  const uvPath = managedUvPath({ runtimeRoot });
  await mkdir(dirname(uvPath), { recursive: true });
  await writeFile(uvPath, 'a uv that nobody runs', { mode: 0o755 });
  const calls: Call[] = [];
  /** Leaves what the real commands leave: an environment with two executables. */
  const exec: ManagedPythonRuntimeExec = async (command, args, execOptions) => {
    calls.push({ command, args, env: execOptions?.env });
    if (args[0] === 'venv') {
      await mkdir(join(args[3]!, 'bin'), { recursive: true });
      await writeFile(join(args[3]!, 'bin/python'), '');
    }
    if (args[0] === 'pip') await writeFile(join(dirname(args[3]!), 'ktx-daemon'), '');
    return { stdout: args[0] === '--version' ? 'uv 0.11.21\n' : '', stderr: '' };
  };
  const fetched: string[] = [];
  const fetchUvArtifact = async (url: string): Promise<Uint8Array> => {
    fetched.push(url);
    throw new Error('no network in this test');
  };
  const base = {
    cliVersion: '0.3.0',
    runtimeRoot,
    assetDir,
    exec,
    fetchUvArtifact,
    env: { PATH: '/usr/bin' },
  };
  return { root, assetDir, runtimeRoot, wheelPath, uvPath, calls, fetched, exec, base };
}

type Machine = Awaited<ReturnType<typeof machine>>;
const install = (m: Machine, extra: Partial<Parameters<typeof installManagedPythonRuntime>[0]> = {}) =>
  installManagedPythonRuntime({ ...m.base, features: ['core'], ...extra });

describe('runtime-library checklist: install', () => {
  it('6. a fresh core install with uv present issues exactly the four rows, with the absolute uv path', async () => {
    const m = await machine();
    const result = await install(m);
    const { venvDir, pythonPath } = result.layout;
    expect(dirname(venvDir)).toBe(join(m.runtimeRoot, '0.3.0', 'envs'));
    expect(m.calls.map(({ command, args }) => [command, ...args])).toEqual([
      [m.uvPath, '--version'],
      [m.uvPath, 'python', 'install', '3.13'],
      [m.uvPath, 'venv', '--python', '3.13', venvDir],
      [m.uvPath, 'pip', 'install', '--python', pythonPath, m.wheelPath],
    ]);
    expect(result.status).toBe('installed');
    expect(m.fetched).toEqual([]);
    const manifest = await readFile(result.layout.manifestPath, 'utf8');
    expect(manifest).toBe(`${JSON.stringify(result.manifest, null, 2)}\n`);
    expect(result.manifest.python).toEqual({
      executable: pythonPath,
      daemonExecutable: result.layout.daemonPath,
    });
  });

  it('7. every uv call has UV_NO_CONFIG=1 even if the caller set another value; other variables pass', async () => {
    const m = await machine();
    await install(m, {
      env: { UV_NO_CONFIG: '0', UV_INDEX_URL: 'https://pypi.example/simple', MY_OWN: 'x' },
    });
    expect(m.calls).toHaveLength(4);
    for (const { env } of m.calls) {
      expect(env).toMatchObject({
        UV_NO_CONFIG: '1',
        UV_INDEX_URL: 'https://pypi.example/simple',
        MY_OWN: 'x',
      });
    }
  });

  it('8. local-embeddings: the last argument ends with the extra, the manifest has both features', async () => {
    const m = await machine();
    const { manifest } = await install(m, { features: ['local-embeddings'] });
    expect(m.calls.at(-1)!.args.at(-1)).toBe(`${m.wheelPath}[local-embeddings]`);
    expect(manifest.features).toEqual(['core', 'local-embeddings']);
  });

  it('9. a second identical install is ready, with no exec call and no fetch', async () => {
    const m = await machine();
    const first = await install(m);
    m.calls.length = 0;
    const second = await install(m);
    expect(second.status).toBe('ready');
    expect(second.manifest).toEqual(first.manifest);
    expect(m.calls).toEqual([]);
    expect(m.fetched).toEqual([]);
  });

  describe('10. reuse is refused on', () => {
    const cases: [string, (m: Machine, manifestPath: string) => Promise<object | undefined>][] = [
      ['force', async () => ({ force: true })],
      [
        'a changed wheel',
        async (m) => {
          await writeForeignAsset(m.assetDir, { content: '# changed' });
          return undefined;
        },
      ],
      ['a missing feature', async () => ({ features: ['local-embeddings'] })],
      [
        'a missing interpreter',
        async (_m, manifestPath) => {
          await rm(JSON.parse(await readFile(manifestPath, 'utf8')).python.executable);
          return undefined;
        },
      ],
      [
        'a missing daemon',
        async (_m, manifestPath) => {
          await rm(JSON.parse(await readFile(manifestPath, 'utf8')).python.daemonExecutable);
          return undefined;
        },
      ],
      [
        'another CLI version in the manifest',
        async (_m, manifestPath) => {
          const text = await readFile(manifestPath, 'utf8');
          await writeFile(manifestPath, text.replace('"cliVersion": "0.3.0"', '"cliVersion": "0.2.0"'));
          return undefined;
        },
      ],
      [
        'executables outside of the version, whatever they are',
        async (m, manifestPath) => {
          const { python, ...rest } = JSON.parse(await readFile(manifestPath, 'utf8'));
          const executable = join(m.root, 'envs', 'aaaaaaaa', 'bin', 'python');
          const daemonExecutable = join(m.root, 'envs', 'aaaaaaaa', 'bin', 'ktx-daemon');
          await mkdir(dirname(executable), { recursive: true });
          for (const path of [executable, daemonExecutable]) await writeFile(path, '');
          await writeFile(
            manifestPath,
            JSON.stringify({ ...rest, python: { executable, daemonExecutable } }),
          );
          return undefined;
        },
      ],
      [
        'an invalid manifest, which is no reason to refuse',
        async (_m, manifestPath) => {
          await writeFile(manifestPath, '{');
          return undefined;
        },
      ],
    ];
    it.each(cases)('%s', async (_name, change) => {
      const m = await machine();
      const first = await install(m);
      const extra = await change(m, first.layout.manifestPath);
      m.calls.length = 0;
      const second = await install(m, extra);
      expect(second.status).toBe('installed');
      expect(m.calls).toHaveLength(4);
      expect(second.layout.venvDir).not.toBe(first.layout.venvDir);
    });
  });

  it('10. a superset install satisfies a core request and returns the existing manifest unchanged', async () => {
    const m = await machine();
    const first = await install(m, { features: ['local-embeddings'] });
    const second = await install(m, { features: ['core'] });
    expect(second).toMatchObject({ status: 'ready', manifest: first.manifest });
  });

  it('11. reuse works offline: no uv binary, fetch rejecting, still ready', async () => {
    const m = await machine();
    await install(m);
    await rm(m.uvPath);
    expect((await install(m)).status).toBe('ready');
    expect(m.fetched).toEqual([]);
  });

  it('12. missing uv: exactly one fetch, from the release page', async () => {
    const m = await machine();
    await rm(m.uvPath);
    await expect(install(m)).rejects.toThrow(KtxExpectedError);
    expect(m.fetched).toHaveLength(1);
    expect(m.fetched[0]).toMatch(/^https:\/\/github\.com\/astral-sh\/uv\/releases\/download\//);
  });

  it('13. and 14. a failed acquisition calls nothing and leaves the version folder as it was', async () => {
    const m = await machine();
    const { layout } = await install(m);
    await rm(m.uvPath);
    m.calls.length = 0;
    const before = await stat(layout.installLogPath);
    await expect(install(m, { force: true })).rejects.toThrow(/could not download uv/);
    const altered = async () => new Uint8Array([1, 2, 3]);
    await expect(install(m, { force: true, fetchUvArtifact: altered })).rejects.toThrow(/failed checksum/);
    expect(m.calls).toEqual([]);
    expect((await stat(layout.installLogPath)).mtimeMs).toBe(before.mtimeMs);
    expect((await readManagedPythonRuntimeStatus(m.base)).kind).toBe('ready');
  });

  it('19. a uv that does not run is an expected error before anything is touched', async () => {
    const m = await machine();
    await install(m);
    const exec: ManagedPythonRuntimeExec = async () => {
      throw Object.assign(new Error('Exec format error'), { code: 'ENOEXEC' });
    };
    const failure = await install(m, { force: true, exec }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(KtxExpectedError);
    expect((failure as Error).message).toBe(
      `Managed uv at ${m.uvPath} failed to run. Delete it and retry: ktx admin runtime install --yes`,
    );
    expect((failure as Error).cause).toBeDefined();
    expect((await readManagedPythonRuntimeStatus(m.base)).kind).toBe('ready');
  });

  it('20. a failing venv: the output in the message and in the log, no manifest, status missing', async () => {
    const m = await machine();
    const exec: ManagedPythonRuntimeExec = async (command, args, options) => {
      if (args[0] === 'venv') {
        throw Object.assign(new Error('exit 2'), {
          stdout: 'half way\n',
          stderr: 'error: No space for venv\n',
        });
      }
      return m.exec(command, args, options);
    };
    const logPath = join(m.runtimeRoot, '0.3.0', 'install.log');
    const failure = await install(m, { exec }).catch((error: unknown) => error as Error);
    expect(failure).not.toBeInstanceOf(KtxExpectedError);
    expect((failure as Error).message).toBe(
      `Python runtime install failed.\nerror: No space for venv\nhalf way\nInstall log: ${logPath}`,
    );
    const log = await readFile(logPath, 'utf8');
    expect(log).toContain(`$ ${m.uvPath} venv --python 3.13 `);
    expect(log).toMatch(/half way\nerror: No space for venv\n$/);
    expect((await readManagedPythonRuntimeStatus(m.base)).kind).toBe('missing');
  });

  it('20. a failing command with no output at all', async () => {
    const m = await machine();
    const exec: ManagedPythonRuntimeExec = async (command, args, options) => {
      if (args[0] === 'venv') throw new Error('exit 2');
      return m.exec(command, args, options);
    };
    const logPath = join(m.runtimeRoot, '0.3.0', 'install.log');
    await expect(install(m, { exec })).rejects.toThrow(
      `Python runtime install failed. Install log: ${logPath}`,
    );
  });
});

describe('beyond the checklist: the present runtime stays', () => {
  it('a failed reinstall leaves manifest, environment and status as they were, and nothing half-built', async () => {
    const m = await machine();
    const first = await install(m);
    const exec: ManagedPythonRuntimeExec = async (command, args, options) => {
      if (args[0] === 'pip') throw Object.assign(new Error('exit 1'), { stdout: '', stderr: 'error: no\n' });
      return m.exec(command, args, options);
    };
    await expect(install(m, { force: true, exec })).rejects.toThrow(/error: no/);
    const status = await readManagedPythonRuntimeStatus(m.base);
    expect(status).toMatchObject({
      kind: 'ready',
      manifest: first.manifest,
      layout: { venvDir: first.layout.venvDir },
    });
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(join(m.runtimeRoot, '0.3.0', 'envs'))).toEqual([
      first.layout.venvDir.split('/').at(-1),
    ]);
    expect(await readdir(join(m.runtimeRoot, 'uv', 'runs'))).toEqual([]);
  });

  it('the link for people follows; a real .venv of an older installation stays until the switch, then goes', async () => {
    const m = await machine();
    const versionDir = join(m.runtimeRoot, '0.3.0');
    await mkdir(join(versionDir, '.venv', 'bin'), { recursive: true });
    await writeFile(join(versionDir, '.venv', 'bin', 'python'), 'old');
    let seenDuringBuild = '';
    const exec: ManagedPythonRuntimeExec = async (command, args, options) => {
      if (args[0] === 'pip')
        seenDuringBuild = await readFile(join(versionDir, '.venv', 'bin', 'python'), 'utf8');
      return m.exec(command, args, options);
    };
    const { layout } = await install(m, { exec });
    expect(seenDuringBuild).toBe('old');
    expect(await readFile(join(versionDir, '.venv', 'bin', 'python'), 'utf8')).toBe('');
    const { realpath } = await import('node:fs/promises');
    expect(await realpath(join(versionDir, '.venv'))).toBe(layout.venvDir);
  });

  it('features of the present install are carried over', async () => {
    const m = await machine();
    await install(m, { features: ['local-embeddings'] });
    const { manifest } = await install(m, { features: ['core'], force: true });
    expect(manifest.features).toEqual(['core', 'local-embeddings']);
  });

  it('keeps the previous environment and removes older ones', async () => {
    const m = await machine();
    const first = await install(m);
    const second = await install(m, { force: true });
    const third = await install(m, { force: true });
    await expect(stat(first.layout.venvDir)).rejects.toThrow(/ENOENT/);
    await expect(stat(second.layout.venvDir)).resolves.toBeDefined();
    await expect(stat(third.layout.venvDir)).resolves.toBeDefined();
  });
});

it('what cannot be removed does not hide why an install failed', async () => {
  const m = await machine();
  const envs = join(m.runtimeRoot, '0.3.0', 'envs');
  const exec: ManagedPythonRuntimeExec = async (command, args, options) => {
    if (args[0] !== 'pip') return m.exec(command, args, options);
    // Nothing below a file can be removed, even by root.
    await rm(envs, { recursive: true });
    await writeFile(envs, '');
    throw Object.assign(new Error('exit code 2'), { stdout: '', stderr: 'error: no such wheel' });
  };
  const events: SetupEvent[] = [];
  const failure = install(m, { exec, onEvent: (event) => void events.push(event) });
  await expect(failure).rejects.toThrow(/error: no such wheel/);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'note', text: expect.stringMatching(/^.*envs.* could not be removed/) }),
  );
});
