import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { compileAhead } from '../../../src/setup/build/compile-ahead.ts';
import type { InstallRun } from '../../../src/setup/build/install-run.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const PYTHON = '/usr/bin/python3';
const isThere = process.platform === 'linux' && existsSync(PYTHON);
const SOURCE = 'def greet():\n    return "hello"\n';

/** An environment for two wheels that are there, not installed yet. */
async function machine(options: { isDamaged?: boolean } = {}) {
  const root = await temporaryFolder();
  const version = execFileSync(PYTHON, ['-c', 'import sys; print(sys.version.split()[0])'], {
    encoding: 'utf8',
  }).trim();
  const wheel = async (file: string, modules: Record<string, string>) => {
    const path = join(root, file);
    const files = Object.entries(modules).map(([name, text]) => [name, strToU8(text)] as const);
    const content = zipSync(Object.fromEntries(files));
    await writeFile(path, content);
    return { path, sha256: createHash('sha256').update(content).digest('hex') };
  };
  const own = await wheel('own.whl', { 'ktx_daemon/__init__.py': SOURCE });
  const h11 = await wheel('h11-1-py3-none-any.whl', { 'h11/__init__.py': SOURCE, 'h11/_events.py': SOURCE });
  const environmentDir = join(root, 'env');
  const sitePackages = join(
    environmentDir,
    'lib',
    `python${version.split('.', 2).join('.')}`,
    'site-packages',
  );
  const run = {
    plan: {
      environmentDir,
      locked: {
        python: { kind: 'system', path: PYTHON, version },
        wheels: [
          { file: 'h11-1-py3-none-any.whl', sha256: options.isDamaged ? '0'.repeat(64) : h11.sha256 },
          { file: 'other-1-py3-none-any.whl', sha256: '0'.repeat(64) },
        ],
      },
      asset: { manifest: { wheel: { sha256: own.sha256 } }, wheelPath: own.path },
    },
    tools: { store: { pathOf: () => h11.path } },
    env: process.env,
    journal: { child: () => {} },
  } as unknown as InstallRun;
  const install = async (text = SOURCE) => {
    for (const name of ['ktx_daemon', 'h11']) await mkdir(join(sitePackages, name), { recursive: true });
    await writeFile(join(sitePackages, 'ktx_daemon', '__init__.py'), SOURCE);
    await writeFile(join(sitePackages, 'h11', '__init__.py'), SOURCE);
    await writeFile(join(sitePackages, 'h11', '_events.py'), text);
  };
  const compiledIn = (name: string) => readdir(join(sitePackages, name, '__pycache__')).catch(() => []);
  return { run, sitePackages, install, compiledIn };
}

/** Runs it to its end, with every wheel there. */
async function compiled(run: InstallRun, install: () => Promise<void>): Promise<void> {
  const compiling = compileAhead(run, new AbortController().signal)!;
  for (const { sha256 } of run.plan.locked!.wheels) compiling.take(sha256);
  await install();
  await compiling.compiled;
  compiling.place();
  await compiling.ended;
}

it.runIf(isThere)('writes what Python itself would write', async () => {
  const { run, sitePackages, install, compiledIn } = await machine();
  await compiled(run, install);
  const [name] = await compiledIn('ktx_daemon');
  const path = join(sitePackages, 'ktx_daemon', '__pycache__', name ?? 'nothing');
  const ahead = await readFile(path);
  execFileSync(PYTHON, ['-m', 'py_compile', join(sitePackages, 'ktx_daemon', '__init__.py')]);
  expect(await readFile(path)).toEqual(ahead);
  expect(await compiledIn('h11')).toHaveLength(2);
});

it.runIf(isThere)('leaves out a module that was installed with other bytes', async () => {
  const { run, install, compiledIn } = await machine();
  await compiled(run, () => install(SOURCE.replace('hello', 'HELLO')));
  expect(await compiledIn('h11')).toEqual([expect.stringContaining('__init__')]);
});

it.runIf(isThere)('leaves out a wheel with another digest', async () => {
  const { run, install, compiledIn } = await machine({ isDamaged: true });
  await compiled(run, install);
  expect(await compiledIn('h11')).toEqual([]);
  expect(await compiledIn('ktx_daemon')).toHaveLength(1);
});

it.runIf(isThere)('ends with its signal, and nothing is written', async () => {
  const { run, install, compiledIn } = await machine();
  const stop = new AbortController();
  const compiling = compileAhead(run, stop.signal)!;
  await install();
  stop.abort();
  await compiling.ended;
  compiling.place();
  expect(await compiledIn('ktx_daemon')).toEqual([]);
});

it.runIf(isThere)('leaves out a wheel that has not arrived', async () => {
  const { run, install, compiledIn } = await machine();
  const compiling = compileAhead(run, new AbortController().signal)!;
  await install();
  compiling.place();
  await compiling.ended;
  expect(await compiledIn('h11')).toEqual([]);
});
