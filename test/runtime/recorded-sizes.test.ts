import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeKnownFiles, writeKnownFiles } from '../../src/runtime/known-files.ts';
import { findDamage, SIZES_FILE, writeRecordedSizes } from '../../src/runtime/recorded-sizes.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { measureRuntime } from '../../src/setup/build/measure-runtime.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** An environment with two packages, a managed Python and a model. */
async function runtime() {
  const runtimeRoot = await temporaryFolder();
  const { python } = await writeRuntime(runtimeRoot, '0.3.0');
  const environmentDir = join(python.executable, '..', '..');
  const pythonDir = join(runtimeRoot, 'uv', 'python', 'aaaaaaaa');
  const modelPath = join(runtimeRoot, 'uv', 'models', 'm@1', 'model.safetensors');
  const site = join(environmentDir, 'lib', 'python3.13', 'site-packages');
  const files = {
    [join(site, 'ktx_daemon', '__init__.py')]: '',
    [join(site, 'ktx_daemon', 'server.py')]: 'import json\n',
    [join(site, 'ktx_daemon', '__pycache__', 'server.pyc')]: 'x'.repeat(1000),
    [join(site, 'sqlglot', 'parser.py')]: 'class Parser: ...\n',
    [join(site, 'sqlglot-1.dist-info', 'RECORD')]: 'sqlglot/parser.py,,\n',
    [join(pythonDir, 'lib', 'os.py')]: 'name = 1\n',
    [join(pythonDir, 'bin', 'python3')]: 'ELF',
    [modelPath]: 'weights',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  }
  const sizes = await measureRuntime({ runtimeRoot, environmentDir, pythonDir, modelPaths: [modelPath] });
  await writeRecordedSizes(environmentDir, sizes);
  return { runtimeRoot, environmentDir, site, pythonDir, modelPath, sizes };
}

const statusOf = async (runtimeRoot: string) => {
  const { kind, detail } = await readManagedPythonRuntimeStatus({ cliVersion: '0.3.0', runtimeRoot });
  return { kind, detail };
};

it("a daemon's script that has grown cannot be trusted to start", async () => {
  const { runtimeRoot, environmentDir } = await runtime();
  const path = join(environmentDir, 'bin', 'ktx-daemon');
  const text = await readFile(path, 'utf8');
  await writeFile(path, `${text}\r`);
  expect(await statusOf(runtimeRoot)).toEqual({
    kind: 'broken',
    detail: `Runtime file was altered: ${path}`,
  });
});

it('measures the largest file of each package, of the Python and of the model, but no bytecode', async () => {
  const { sizes, runtimeRoot } = await runtime();
  const names = Object.keys(sizes).map((name) => name.replace(/^0\.3\.0\/envs\/[^/]+\//, ''));
  expect(names.sort()).toEqual(
    [
      'lib/python3.13/site-packages/ktx_daemon/server.py',
      'lib/python3.13/site-packages/sqlglot-1.dist-info/RECORD',
      'lib/python3.13/site-packages/sqlglot/parser.py',
      'pyvenv.cfg',
      'bin/ktx-daemon',
      'uv/models/m@1/model.safetensors',
      'uv/python/aaaaaaaa/bin/python3',
      'uv/python/aaaaaaaa/lib/os.py',
    ].sort(),
  );
  expect((await statusOf(runtimeRoot)).kind).toBe('ready');
});

type Given = Awaited<ReturnType<typeof runtime>>;

it.each<[string, (given: Given) => string]>([
  ['a module', (r) => join(r.site, 'sqlglot', 'parser.py')],
  ['the configuration', (r) => join(r.environmentDir, 'pyvenv.cfg')],
  ['the Python', (r) => join(r.pythonDir, 'bin', 'python3')],
  ['the model', (r) => r.modelPath],
])('status says broken and why when %s is empty, or gone', async (_, pathOf) => {
  const given = await runtime();
  const path = pathOf(given);
  await truncate(path, 0);
  expect(await statusOf(given.runtimeRoot)).toEqual({
    kind: 'broken',
    detail: expect.stringMatching(/^Runtime file is cut short: .* \(0 of \d+ bytes\)$/),
  });
  await rm(path);
  const { kind, detail } = await statusOf(given.runtimeRoot);
  expect(kind).toBe('broken');
  expect(detail).toContain(path);
});

it.skipIf(process.platform === 'win32')(
  'a program that may not be run is damage, as after a restore from an archive without permissions',
  async () => {
    for (const program of ['python', 'ktx-daemon']) {
      const { environmentDir, runtimeRoot } = await runtime();
      const path = join(environmentDir, 'bin', program);
      await chmod(path, 0o644);
      expect(await statusOf(runtimeRoot)).toEqual({
        kind: 'broken',
        detail: `Not executable: ${path}`,
      });
    }
  },
);

it('a record that is empty itself is damage; none at all, of an older ktx, is not', async () => {
  const { environmentDir, runtimeRoot } = await runtime();
  await truncate(join(environmentDir, SIZES_FILE), 0);
  expect(await findDamage(runtimeRoot, environmentDir)).toContain('Runtime file is damaged');
  await rm(join(environmentDir, SIZES_FILE));
  expect(await findDamage(runtimeRoot, environmentDir)).toBeNull();
});

it('a record looks at nothing outside of the runtime root, and through no link', async () => {
  const { environmentDir, runtimeRoot } = await runtime();
  await writeFile(join(environmentDir, SIZES_FILE), '{"schemaVersion":1,"files":{"../../etc/passwd":9e9}}');
  expect(await findDamage(runtimeRoot, environmentDir)).toContain('not a record of sizes');
  await rm(join(environmentDir, SIZES_FILE));
  await symlink('/etc/passwd', join(environmentDir, SIZES_FILE));
  expect(await findDamage(runtimeRoot, environmentDir)).toContain('symbolic link');
});

it('a model that was written to is hashed: other weights of the same size are damage, the same ones are not', async () => {
  const { runtimeRoot, modelPath } = await runtime();
  const shared = join(runtimeRoot, 'uv');
  const sha256 = createHash('sha256').update('weights').digest('hex');
  await writeKnownFiles(shared, await describeKnownFiles(shared, [{ path: modelPath, sha256 }]));
  expect(await statusOf(runtimeRoot)).toMatchObject({ kind: 'ready' });
  await writeFile(modelPath, 'weightz');
  expect(await statusOf(runtimeRoot)).toEqual({
    kind: 'broken',
    detail: `Model file was altered: ${modelPath}`,
  });
  await writeFile(modelPath, 'weights');
  expect(await statusOf(runtimeRoot)).toMatchObject({ kind: 'ready' });
});
