import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { programWordsOf, typedWords } from '../../src/support/own-command.ts';

let dir: string;
let packageRoot: string;

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'ktx-words-')));
  packageRoot = await makePackage(join(dir, 'lib', 'ktx-setup'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function makePackage(root: string): Promise<string> {
  await mkdir(join(root, 'bin'), { recursive: true });
  await mkdir(join(root, 'scripts'));
  await writeFile(join(root, 'bin', 'ktx.cjs'), '');
  await chmod(join(root, 'bin', 'ktx.cjs'), 0o755);
  await writeFile(join(root, 'scripts', 'start.mjs'), '');
  return root;
}

function words(
  scriptPath: string | undefined,
  env: NodeJS.ProcessEnv = {},
  root = packageRoot,
  platform: NodeJS.Platform = 'linux',
) {
  return programWordsOf({
    scriptPath,
    env: { PATH: join(dir, 'bin'), ...env },
    execPath: process.execPath,
    platform,
    packageRoot: root,
  });
}

async function link(path: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await symlink(join(packageRoot, 'bin', 'ktx.cjs'), path);
  return path;
}

const ofPackage = () => join(packageRoot, 'bin', 'ktx.cjs');

describe.runIf(process.platform !== 'win32')('the words that start this program again', () => {
  it('are ktx, where PATH leads to it', async () => {
    expect(words(await link(join(dir, 'bin', 'ktx')))).toEqual(['ktx']);
  });

  it('are its path, where another ktx or none is on PATH', async () => {
    const elsewhere = await link(join(dir, 'elsewhere', 'ktx'));
    expect(words(elsewhere)).toEqual([elsewhere]);
    await mkdir(join(dir, 'bin'));
    await writeFile(join(dir, 'bin', 'ktx'), '');
    await chmod(join(dir, 'bin', 'ktx'), 0o755);
    expect(words(elsewhere)).toEqual([elsewhere]);
    // A relative folder on PATH depends on the working directory.
    expect(words(elsewhere, { PATH: `elsewhere:${join(dir, 'bin')}` })).toEqual([elsewhere]);
  });

  it('are Node and the script, where it was started so', async () => {
    expect(words(ofPackage())).toEqual([process.execPath, ofPackage()]);
    await mkdir(join(dir, 'bin'), { recursive: true });
    await symlink(process.execPath, join(dir, 'bin', 'node'));
    expect(words(ofPackage())).toEqual(['node', ofPackage()]);
  });

  it('are npm start, in the repository', () => {
    expect(words(join(packageRoot, 'scripts', 'start.mjs'))).toEqual(['npm', 'start', '--']);
  });

  const npm = 'npm/11.6.0 node/v24';
  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['npx', { npm_command: 'exec', npm_lifecycle_event: 'npx' }, 'npx ktx'],
    ['a script of a project', { npm_config_user_agent: npm, npm_lifecycle_event: 'prepare' }, 'npx ktx'],
    ['pnpm', { npm_config_user_agent: 'pnpm/10.1.0 npm/?', npm_lifecycle_event: 'x' }, 'pnpm exec ktx'],
    ['yarn', { npm_config_user_agent: 'yarn/4.0.0 npm/?', npm_lifecycle_event: 'x' }, 'yarn ktx'],
    ['bun', { npm_config_user_agent: 'bun/1.3.0', npm_lifecycle_event: 'x' }, 'bunx ktx'],
  ])('are those of the runner that a project uses: %s', (_name, env, expected) => {
    expect(words(ofPackage(), env).join(' ')).toBe(expected);
  });

  it('are no runner in a shell that npm started', () => {
    expect(words(ofPackage(), { npm_config_user_agent: npm })).toEqual([process.execPath, ofPackage()]);
  });

  it.each([
    ['_npx', npm, 'npx ktx-setup'],
    ['_npx', undefined, 'npx ktx-setup'],
    ['dlx', 'pnpm/10.1.0 npm/?', 'pnpm dlx ktx-setup'],
    ['dlx', 'yarn/4.0.0 npm/?', 'yarn dlx ktx-setup'],
  ])('name the package, where a runner fetched it for one run: %s, %s', async (folder, agent, expected) => {
    const root = await makePackage(join(dir, folder, 'abc', 'node_modules', 'ktx-setup'));
    const script = join(root, 'bin', 'ktx.cjs');
    expect(words(script, { npm_config_user_agent: agent }, root).join(' ')).toBe(expected);
  });

  it('are ktx, where another program uses the library', () => {
    expect(words(undefined)).toEqual(['ktx']);
    expect(words(join(dir, 'their-tool.mjs'))).toEqual(['ktx']);
  });

  it('are ktx on Windows, where the shim of npm is on PATH', async () => {
    const shim = join(dir, 'lib', 'ktx.cmd');
    await writeFile(shim, '');
    await chmod(shim, 0o755);
    expect(words(ofPackage(), { PATH: join(dir, 'lib') }, packageRoot, 'win32')).toEqual(['ktx']);
    expect(words(ofPackage(), { PATH: join(dir, 'lib') })).not.toEqual(['ktx']);
  });
});

describe.runIf(process.platform !== 'win32')('the same words, typed', () => {
  it.each([
    [['node', '/opt/ktx/bin/ktx.cjs'], '/opt/ktx', 'node bin/ktx.cjs'],
    [['node', '/opt/ktx/bin/ktx.cjs'], '/opt/ktx/bin', 'node ./ktx.cjs'],
    [['node', '/opt/ktx/bin/ktx.cjs'], '/home/ada', 'node /opt/ktx/bin/ktx.cjs'],
    [['/it/node_modules/.bin/ktx'], '/it', 'node_modules/.bin/ktx'],
    [['node', '/opt/my tools/ktx.cjs'], '/', "node 'opt/my tools/ktx.cjs'"],
    [['npx', 'ktx-setup'], '/', 'npx ktx-setup'],
  ])('%j in %s', (typed, cwd, expected) => {
    expect(typedWords(typed, cwd)).toBe(expected);
  });
});
