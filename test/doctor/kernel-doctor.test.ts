import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ManagedPythonRuntimeLayout, managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { type KernelDoctorOptions, runKernelDoctor } from '../../src/doctor/kernel-doctor.ts';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';
import { findPidsByEnvironment } from '../../src/process/process-table.ts';
import { REFERENCE_VECTOR } from '../../src/proof/reference-vector.ts';
import { findInstalledEnvironment } from '../../src/runtime/installed-environment.ts';
import { readInstalledManifest } from '../../src/runtime/manifest.ts';
import { isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';

/** A real core runtime, and the folder of its packages. */
let home: string;
let layout: ManagedPythonRuntimeLayout;
let packages: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ktx-deep-'));
  const setup = await runProgram(['setup', '--yes', '--no-input', '--json', '--feature', 'core'], {
    env: plainEnvironment(home),
  });
  if (setup.exitCode !== 0) throw new Error(`setup: ${setup.stdout.slice(-2000)}${setup.stderr}`);
  const computed = managedPythonRuntimeLayout({ cliVersion: '0.1.0', homeDir: home, env: {} });
  const manifest = await readInstalledManifest(computed.manifestPath);
  layout = (await findInstalledEnvironment(computed, manifest!))!.layout;
  const [python] = await readdir(join(layout.venvDir, 'lib'));
  packages = join(layout.venvDir, 'lib', python!, 'site-packages');
});
afterAll(() => rm(home, { recursive: true, force: true }));

function examine(options: Partial<KernelDoctorOptions> = {}) {
  return runKernelDoctor({ layout, features: ['core'], cliVersion: '0.1.0', ...options });
}

async function treeOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs, size } = await stat(join(folder, name)).catch(() => ({ mtimeMs: 0, size: 0 }));
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
}

/** A session that answers as it is told, for what a real environment cannot be made to say. */
function answering(answers: Record<string, unknown>) {
  return async () => ({
    execute: async (code: string, { onDisplay }: Parameters<PythonKernel['execute']>[1] = {}) => {
      for (const [mark, data] of Object.entries(answers)) {
        if (code.includes(mark)) await onDisplay?.({ type: 'json', data });
      }
      return { status: 'ok' as const, cancelled: false, timedOut: false, stdinRequested: false };
    },
    shutdown: async () => ({ confirmed: true }),
  });
}

const HEALTHY = {
  'sys.version_info': { version: '3.13.14', executable: '/py', prefix: '' },
  ktx_import: { module: 'ktx_daemon', version: '0.1.0' },
};

describe('a healthy environment', () => {
  it('passes every check, writes nothing and leaves no process', async () => {
    const mark = randomUUID();
    const before = await treeOf(home);
    const checks = await examine({
      startKernel: (options) =>
        PythonKernel.start({ ...options, env: { ...options.env, KTX_TEST_MARK: mark } }),
    });
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(checks.map(({ id }) => id)).toEqual(['kernel', 'import', 'versions', 'analysis']);
    expect(checks[0]!.detail).toMatch(/^Python 3\.\d+\.\d+ \(.*\/bin\/python\d?.*\)$/);
    expect(checks[1]!.detail).toBe('ktx_daemon 0.1.0');
    expect(checks[2]!.detail).toMatch(/^kaelio-ktx 0\.1\.0 and \d+ packages as locked$/);
    expect(checks[3]!.detail).toMatch(/^\d+ ms$/);
    expect(await treeOf(home)).toEqual(before);
    expect(findPidsByEnvironment(`KTX_TEST_MARK=${mark}`)).toEqual([]);
  });
});

describe('ktx admin runtime doctor', () => {
  it('prints three checks and starts no Python session', async () => {
    // Whatever starts this interpreter is written down.
    const real = `${layout.pythonPath}.real`;
    const calls = join(home, 'calls');
    await rename(layout.pythonPath, real);
    await writeFile(layout.pythonPath, `#!/bin/sh\necho "$@" >> '${calls}'\nexec '${real}' "$@"\n`, {
      mode: 0o755,
    });
    try {
      const { stdout } = await runProgram(['admin', 'runtime', 'doctor'], { env: plainEnvironment(home) });
      expect(stdout.match(/^(?:PASS|FAIL) .*/gm)).toHaveLength(3);
      expect(await readFile(calls, 'utf8').catch(() => '')).not.toContain('session.py');
      await examine();
      expect(await readFile(calls, 'utf8')).toContain('session.py');
    } finally {
      await rm(layout.pythonPath);
      await rename(real, layout.pythonPath);
    }
  });
});

describe('a damaged environment', () => {
  /** Damages, looks, and puts our packages and all metadata back. */
  async function withDamage(damage: () => Promise<void>) {
    const isOurs = (name: string) => /^(?:ktx_daemon|semantic_layer|.*\.dist-info)$/.test(name);
    const kept = await mkdtemp(join(home, 'kept-'));
    const names = (await readdir(packages)).filter(isOurs);
    for (const name of names)
      await cp(join(packages, name), join(kept, name), { recursive: true, preserveTimestamps: true });
    try {
      await damage();
      return await examine();
    } finally {
      for (const name of (await readdir(packages)).filter(isOurs))
        await rm(join(packages, name), { recursive: true });
      for (const name of names) await rename(join(kept, name), join(packages, name));
    }
  }
  const at = (...names: string[]) => join(packages, ...names);
  async function infoOf(name: string): Promise<string> {
    return at(
      (await readdir(packages)).find(
        (entry) => entry.startsWith(`${name}-`) && entry.endsWith('.dist-info'),
      )!,
    );
  }

  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'a package that is gone',
      () => rm(at('ktx_daemon'), { recursive: true }),
      /^ImportError: .*empty or missing/,
    ],
    [
      'an empty file',
      () => writeFile(at('ktx_daemon', 'app.py'), ''),
      /^ImportError: ktx_daemon\/app\.py is empty/,
    ],
    [
      'a package without its exports',
      () => writeFile(at('semantic_layer', '__init__.py'), '__all__ = ["find_references"]\n'),
      /does not have find_references/,
    ],
    [
      'a package that fails',
      () => writeFile(at('ktx_daemon', '__init__.py'), 'raise RuntimeError("torn")\n'),
      /^RuntimeError: torn/,
    ],
    [
      'a package that ends the process',
      () => writeFile(at('ktx_daemon', '__init__.py'), 'import os\nos._exit(5)\n'),
      /^Python kernel exited with code 5$/,
    ],
    [
      'missing metadata',
      async () => rm(await infoOf('kaelio_ktx'), { recursive: true }),
      /^PackageNotFoundError: /,
    ],
  ])('fails the import of %s, with a fix and no later check', async (_name, damage, detail) => {
    const checks = await withDamage(damage);
    expect(checks.map(({ id, status }) => [id, status])).toEqual([
      ['kernel', 'pass'],
      ['import', 'fail'],
    ]);
    expect(checks[1]!.detail).toMatch(detail);
    expect(checks[1]!.fix).toBe('Run: ktx setup --force');
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'another version',
      async () => {
        const path = join(await infoOf('sqlglot'), 'METADATA');
        await writeFile(path, (await readFile(path, 'utf8')).replace(/^Version: .*$/m, 'Version: 1.2.3'));
      },
      /^sqlglot is 1\.2\.3 instead of /,
    ],
    [
      'a missing one',
      async () => rm(await infoOf('sqlglot'), { recursive: true }),
      /^sqlglot \S+ is missing$/,
    ],
    [
      'one too many',
      async () => {
        await mkdir(at('stranger-1.0.dist-info'));
        await writeFile(
          at('stranger-1.0.dist-info', 'METADATA'),
          'Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n',
        );
      },
      /^stranger 1\.0 is not in the lock$/,
    ],
  ])('fails the versions for %s and goes on', async (_name, damage, detail) => {
    const checks = await withDamage(damage);
    const versions = checks.find(({ id }) => id === 'versions')!;
    expect(versions).toMatchObject({ status: 'fail', fix: 'Run: ktx setup --force' });
    expect(versions.detail).toMatch(detail);
    expect(checks.at(-1)).toMatchObject({ id: 'analysis', status: 'pass' });
  });

  it('fails the analysis of other tables', async () => {
    const path = at('ktx_daemon', 'sql', 'analysis.py');
    const checks = await withDamage(async () => {
      await writeFile(
        path,
        (await readFile(path, 'utf8')).replace('"name": table.name', '"name": table.name + "x"'),
      );
    });
    expect(checks.at(-1)).toMatchObject({
      id: 'analysis',
      status: 'fail',
      detail: 'Found sales.customersx, sales.ordersx instead of sales.customers, sales.orders',
    });
  });

  it('fails the session when the interpreter is gone or belongs elsewhere', async () => {
    const gone = await examine({ layout: { ...layout, pythonPath: join(home, 'no-python') } });
    expect(gone).toMatchObject([{ id: 'kernel', status: 'fail', detail: expect.stringContaining('ENOENT') }]);
    const elsewhere = await examine({ layout: { ...layout, venvDir: home } });
    expect(elsewhere).toMatchObject([{ id: 'kernel', status: 'fail' }]);
    expect(elsewhere[0]!.detail).toContain('another environment');
  });
});

describe('a session', () => {
  it('has a budget for every check', async () => {
    const late = await examine({ timeouts: { kernel: 1 } });
    expect(late).toMatchObject([{ id: 'kernel', status: 'fail', detail: 'Timed out after 0.001 s' }]);
    const slow = await examine({
      timeouts: { import: 500 },
      startKernel: async (options) => {
        const kernel = await PythonKernel.start(options);
        await kernel.execute(
          'import importlib, time\nimportlib.import_module = lambda name: time.sleep(1000)',
        );
        return kernel;
      },
    });
    expect(slow.at(-1)).toMatchObject({ id: 'import', status: 'fail', detail: 'Timed out after 0.5 s' });
  });

  it('is ended when the examination is cancelled', async () => {
    const stop = new AbortController();
    let pid = 0;
    const cancelled = examine({
      signal: stop.signal,
      startKernel: async (options) => {
        const kernel = await PythonKernel.start(options);
        await kernel.execute('import os\nprint(os.getpid())', {
          onChunk: (text) => {
            if (pid === 0) pid = Number(text);
          },
        });
        setImmediate(() => stop.abort());
        return kernel;
      },
    });
    await expect(cancelled).rejects.toMatchObject({ name: 'CancelledError' });
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), PATIENT);
  });

  it.each([
    ['one number short', REFERENCE_VECTOR.slice(1), 'The vector has 383 numbers instead of 384'],
    ['one that is no number', ['nan', ...REFERENCE_VECTOR.slice(1)], 'The vector has a number that is none'],
    [
      'another weight',
      [REFERENCE_VECTOR[0]! + 0.001, ...REFERENCE_VECTOR.slice(1)],
      /differs from its reference by 0\.001/,
    ],
    ['no vector', undefined, 'Local embedding returned no result'],
  ])('fails the embedding with %s', async (_name, vector, detail) => {
    const checks = await examine({
      features: ['local-embeddings'],
      startKernel: answering({
        ...HEALTHY,
        'sys.version_info': { ...HEALTHY['sys.version_info'], prefix: layout.venvDir },
        ktx_embedding: { vector, ms: 3 },
      }),
    });
    expect(checks.at(-1)).toMatchObject({ id: 'embedding', status: 'fail' });
    expect(checks.at(-1)!.detail).toMatch(detail);
  });

  it('passes the embedding with the reference vector', async () => {
    const checks = await examine({
      features: ['local-embeddings'],
      startKernel: answering({
        ...HEALTHY,
        'sys.version_info': { ...HEALTHY['sys.version_info'], prefix: layout.venvDir },
        ktx_embedding: { vector: REFERENCE_VECTOR, ms: 3 },
      }),
    });
    expect(checks.at(-1)).toMatchObject({ status: 'pass', detail: 'all-MiniLM-L6-v2, 384 dimensions, 3 ms' });
    expect(checks.find(({ id }) => id === 'versions')).toMatchObject({
      status: 'fail',
      detail: 'Package versions returned no result',
    });
  });
});
