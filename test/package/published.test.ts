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
}, 300_000);

it('is one package of at most 8 MB', async () => {
  const names = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'));
  expect(names).toEqual(['ktx-setup']);
  expect(bytesIn(installed)).toBeLessThan(8_000_000);
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
}, 180_000);

it('has declarations that compile where nothing else is installed, and that know the types', async () => {
  const program = join(project, 'program.ts');
  const compile = () =>
    run(process.execPath, [
      join(PACKAGE_ROOT, 'node_modules', 'typescript', 'bin', 'tsc'),
      '--noEmit',
      '--ignoreConfig',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--typeRoots',
      join(PACKAGE_ROOT, 'node_modules', '@types'),
      program,
    ]);
  const imports = `import { runSetup, runtimeFeatureSchema } from 'ktx-setup';
import { runSetupCli } from 'ktx-setup/cli';
import * as internal from 'ktx-setup/internal';
import * as models from 'ktx-setup/models';
import * as hosts from 'ktx-setup/hosts';
void [runSetup, runSetupCli, internal, models, hosts];\n`;
  await writeFile(
    program,
    `${imports}export const feature: 'core' | 'local-embeddings' = runtimeFeatureSchema.parse('');`,
  );
  await compile().catch((error: { stdout?: string }) => expect.fail(error.stdout));
  await writeFile(program, `${imports}export const feature: number = runtimeFeatureSchema.parse('');`);
  await expect(compile()).rejects.toMatchObject({ stdout: expect.stringContaining('TS2322') });
}, 120_000);

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
