import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { bytesIn } from '../fixtures/folder-size.ts';
import { packPackage } from '../fixtures/packed-package.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
let project: string;
let installed: string;

beforeAll(async () => {
  const folder = await temporaryFolderForFile();
  const tarball = await packPackage(folder);
  project = await temporaryFolderForFile();
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--cache', join(folder, 'cache'), tarball], {
    cwd: project,
  });
  installed = join(project, 'node_modules', 'ktx-setup');
});

it('is one package of at most 8 MB and 300 files, since each file costs npm 2 ms', async () => {
  const names = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'));
  expect(names).toEqual(['ktx-setup']);
  expect(bytesIn(installed)).toBeLessThan(8_000_000);
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => entry.isFile()).length).toBeLessThanOrEqual(300);
});

it('starts, as program and as library', async () => {
  const { version } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  const ktx = await run(process.execPath, [join(installed, 'bin', 'ktx.cjs'), '--version']);
  expect(ktx.stdout.trim()).toBe(`ktx ${version}`);
  for (const name of [
    'ktx-setup',
    'ktx-setup/cli',
    'ktx-setup/internal',
    'ktx-setup/models',
    'ktx-setup/hosts',
  ]) {
    const script = `import('${name}').then((m) => console.log(Object.keys(m).length > 0))`;
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: project });
    expect([name, stdout.trim()]).toEqual([name, 'true']);
  }
});

it('sets up a runtime', async () => {
  const home = await temporaryFolderForFile();
  const args = [join(installed, 'bin', 'ktx.cjs'), 'setup', '--yes'];
  const { stdout } = await run(process.execPath, args, { env: plainEnvironment(home), cwd: home });
  expect(stdout).toMatch(/ktx \S+ is ready/);
});

/** Type checks a program in the project, where nothing but the package is installed. @returns the compiler's errors */
async function typeErrors(name: string, program: string, options: readonly string[]): Promise<string> {
  const path = join(project, name);
  await writeFile(path, program);
  const tsc = join(PACKAGE_ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const typeRoots = join(PACKAGE_ROOT, 'node_modules', '@types');
  const always = ['--noEmit', '--ignoreConfig', '--strict', '--types', 'node', '--typeRoots', typeRoots];
  return run(process.execPath, [tsc, ...always, ...options, path]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

const NODENEXT = ['--module', 'nodenext', '--target', 'es2024'];
const BUNDLER = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2024'];

it.each([
  ['nodenext', NODENEXT],
  ['bundler', BUNDLER],
])(
  'has declarations that compile with module resolution %s and nothing else installed',
  async (name, options) => {
    const imports = `import { runSetup, runtimeFeatureSchema } from 'ktx-setup';
import { runSetupCli } from 'ktx-setup/cli';
import * as internal from 'ktx-setup/internal';
import * as models from 'ktx-setup/models';
import * as hosts from 'ktx-setup/hosts';
void [runSetup, runSetupCli, internal, models, hosts];\n`;
    const parsed = (type: string) =>
      `${imports}export const feature: ${type} = runtimeFeatureSchema.parse('');`;
    expect(await typeErrors(`${name}.ts`, parsed("'core' | 'local-embeddings'"), options)).toBe('');
    expect(await typeErrors(`${name}-wrong.ts`, parsed('number'), options)).toContain('TS2322');
  },
  120_000,
);

it('has declarations that export what the sources export, with the same types', async () => {
  const sources = {
    'ktx-setup': 'src/index.ts',
    'ktx-setup/cli': 'src/cli/embedded.ts',
    'ktx-setup/internal': 'src/internal.ts',
    'ktx-setup/models': 'src/models/index.ts',
    'ktx-setup/hosts': 'src/hosts/index.ts',
  };
  // To the compiler, no two declarations of these are the same: zod's classes and what takes them, a unique symbol,
  // a private constructor.
  const NOT_COMPARED = [
    'runtimeFeatureSchema',
    'startCodexRuntimeMcpServer',
    'CodexKtxLlmRuntime',
    'CodexKtxLlmRuntimeOptions',
    'KtxExpectedError',
    'SetupError',
    'PythonKernel',
  ];
  const lines = [
    'type Plain<T> = T extends abstract new (...given: never) => infer I ? Plain<I> : { [K in keyof T]: T[K] };',
    'type Same<A, B> = [Plain<A>, Plain<B>] extends [Plain<B>, Plain<A>] ? true : false;',
    'declare function same<T extends true>(): T;',
  ];
  let compared = 0;
  for (const [at, [specifier, source]] of Object.entries(sources).entries()) {
    const path = join(PACKAGE_ROOT, source);
    lines.push(`import * as Published${at} from '${specifier}';`, `import * as Source${at} from '${path}';`);
    for (const [, isTypes, names] of (await readFile(path, 'utf8')).matchAll(
      /^export (type )?\{([^}]*)\}/gm,
    )) {
      for (const entry of names!
        .split(',')
        .map((each) => each.trim())
        .filter(Boolean)) {
        const name = entry.replace(/^type /, '');
        if (NOT_COMPARED.includes(name)) continue;
        const operator = isTypes || name !== entry ? '' : 'typeof ';
        lines.push(
          `same<Same<${operator}Published${at}.${name}, ${operator}Source${at}.${name}>>(); // ${name}`,
        );
        compared++;
      }
    }
  }
  expect(compared).toBeGreaterThan(200);
  const options = [...NODENEXT, '--jsx', 'react-jsx', '--allowImportingTsExtensions', '--skipLibCheck'];
  expect(await typeErrors('same.ts', lines.join('\n'), options)).toBe('');
});

it('holds each chunk once, and the licences of what is in them', async () => {
  const dist = await readdir(join(installed, 'dist'));
  const texts = await Promise.all(
    dist
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFile(join(installed, 'dist', name), 'utf8')),
  );
  // Without the lines that only tie chunks to each other.
  const bodies = texts
    .map((text) => text.replace(/^(?:import|export)\b.*$/gm, ''))
    .filter((text) => text.length > 20_000);
  expect(new Set(bodies).size).toBe(bodies.length);
  const licences = await readFile(join(installed, 'dist', 'LICENSES.txt'), 'utf8');
  for (const name of ['react', 'ink', 'undici', 'zod', 'yoga-layout']) {
    expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  }
});
