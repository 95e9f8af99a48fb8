import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { programWordsOf } from '../../src/core/program-words.ts';

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

function words(scriptPath: string | undefined, env: NodeJS.ProcessEnv = {}, root = packageRoot) {
  return programWordsOf({
    scriptPath,
    env: { PATH: join(dir, 'bin'), ...env },
    execPath: process.execPath,
    platform: 'linux',
    packageRoot: root,
  });
}

async function link(path: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await symlink(join(packageRoot, 'bin', 'ktx.cjs'), path);
  return path;
}

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
  });

  it('are Node and the script, where it was started so', async () => {
    const script = join(packageRoot, 'bin', 'ktx.cjs');
    expect(words(script)).toEqual([process.execPath, script]);
    await mkdir(join(dir, 'bin'), { recursive: true });
    await symlink(process.execPath, join(dir, 'bin', 'node'));
    expect(words(script)).toEqual(['node', script]);
  });

  it('are npm start, in the repository', () => {
    expect(words(join(packageRoot, 'scripts', 'start.mjs'))).toEqual(['npm', 'start', '--']);
  });

  it('are npx with the name of the package that it fetched', async () => {
    const root = await makePackage(join(dir, '_npx', 'abc', 'node_modules', 'ktx-setup'));
    const script = join(root, 'bin', 'ktx.cjs');
    expect(words(script, { npm_command: 'exec' }, root)).toEqual(['npx', 'ktx-setup']);
  });

  it('are npx with the name of the command that a project has', () => {
    const env = { npm_command: 'exec', npm_lifecycle_event: 'npx' };
    expect(words(join(packageRoot, 'bin', 'ktx.cjs'), env)).toEqual(['npx', 'ktx']);
  });

  it('are ktx, where another program uses the library', () => {
    expect(words(undefined)).toEqual(['ktx']);
    expect(words(join(dir, 'their-tool.mjs'))).toEqual(['ktx']);
  });
});
