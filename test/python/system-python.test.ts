import { execFile } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { candidatePaths } from '../../src/python/interpreter-places.ts';
import {
  findSystemPythons,
  type InterpreterFacts,
  inspectSystemPython,
  interpreterEnvironment,
  refusalOf,
} from '../../src/python/system-python.ts';
import type { HostPlatform } from '../../src/shipped/target.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const host: HostPlatform = {
  platform: 'linux',
  arch: 'x64',
  libc: 'gnu',
  glibcVersion: '2.36',
  macosVersion: null,
};
const minors = ['3.14', '3.13', '3.12', '3.11'];

const good: InterpreterFacts = {
  version: '3.11.2',
  implementation: 'CPython',
  bits: 64,
  executable: '/usr/bin/python3.11',
  isFreeThreaded: false,
  isDebugBuild: false,
  isVirtualEnvironment: false,
  isConda: false,
  missingModules: [],
};

describe('refusalOf', () => {
  it.each<[Partial<InterpreterFacts>, string | null]>([
    [{}, null],
    [{ implementation: 'PyPy' }, 'is PyPy, not CPython'],
    [
      { version: '3.10.13' },
      'is Python 3.10.13; packages are locked for 3.11, 3.12, 3.13, 3.14 on linux-x64-gnu',
    ],
    [
      { version: '2.7.18' },
      'is Python 2.7.18; packages are locked for 3.11, 3.12, 3.13, 3.14 on linux-x64-gnu',
    ],
    [{ bits: 32 }, 'is a 32-bit build'],
    [{ isFreeThreaded: true }, 'is a free-threaded build'],
    [{ isDebugBuild: true }, 'is a debug build'],
    [{ isConda: true }, 'belongs to a conda environment, which conda may change or remove at any time'],
    [{ isVirtualEnvironment: true }, 'belongs to a virtual environment'],
    [{ missingModules: ['ssl', 'sqlite3'] }, 'lacks the standard modules ssl, sqlite3'],
  ])('%j', (change, expected) => {
    expect(refusalOf({ ...good, ...change }, host, minors)).toBe(expected);
  });
});

it('looks on PATH first, newest minor first, then in the usual folders', () => {
  const paths = candidatePaths('linux', { PATH: '/opt/x/bin' }, ['3.13', '3.11']);
  expect(paths.slice(0, 4)).toEqual([
    '/opt/x/bin/python3.13',
    '/opt/x/bin/python3.11',
    '/opt/x/bin/python3',
    '/opt/x/bin/python',
  ]);
  expect(paths).toContain('/usr/bin/python3');
});

it('drops what would make an interpreter look at another environment', () => {
  const kept = interpreterEnvironment({
    PATH: '/bin',
    PYTHONPATH: '/x',
    PYTHONHOME: '/y',
    VIRTUAL_ENV: '/z',
    CONDA_PREFIX: '/c',
    __PYVENV_LAUNCHER__: '/l',
  });
  expect(kept).toEqual({ PATH: '/bin' });
});

describe('with real interpreters', () => {
  async function script(folder: string, name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(folder, { recursive: true });
    await writeFile(path, `#!/bin/sh\n${text}\n`);
    await chmod(path, 0o755);
    return path;
  }

  it('an unusable first hit is not the end of the search', async () => {
    const folder = join(await temporaryFolder(), 'bin');
    const shim = await script(
      folder,
      'python3.11',
      'echo "pyenv: python3.11: command not found" >&2; exit 127',
    );
    const env = { PATH: `${folder}:/usr/bin` };
    const { usable, refused } = await findSystemPythons({ host, minors, env });
    expect(usable.length).toBeGreaterThan(0);
    expect(refused).toContainEqual({
      path: shim,
      reason: 'is a shim of pyenv, which has not chosen a version that has it',
    });
  });

  it('names the interpreter behind a shim, and the same one only once', async () => {
    const folder = join(await temporaryFolder(), 'bin');
    await script(folder, 'python3.11', 'exec /usr/bin/python3 "$@"');
    await symlink('/usr/bin/python3', join(folder, 'python3'));
    const { usable } = await findSystemPythons({ host, minors, env: { PATH: folder } });
    const paths = usable.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.some((path) => path.startsWith('/usr/bin/python3'))).toBe(true);
    expect(paths.some((path) => path === join(folder, 'python3.11'))).toBe(false);
  });

  it.each([
    ['lacks the compiled half', `sys.modules["_ssl"] = None`, 'ssl'],
    ['lacks a module', `sys.meta_path[:] = [Without(each, "venv") for each in sys.meta_path]`, 'venv'],
  ])('refuses an interpreter that %s of what is needed', async (_, damage, lost) => {
    const folder = await temporaryFolder();
    const without = `
import sys
class Without:
    def __init__(self, finder, name):
        self.finder, self.name = finder, name
    def find_spec(self, name, *more):
        return None if name == self.name else self.finder.find_spec(name, *more)
${damage}
exec(sys.argv[1])`;
    // Its fourth argument is the question: it is asked, and answers, without what it has lost.
    const path = await script(folder, 'python3', `exec /usr/bin/python3 -I -B -c '${without}' "$4"`);
    expect(await inspectSystemPython({ path, host, minors, env: {} })).toMatchObject({
      path,
      reason: expect.stringMatching(`^lacks the standard modules ${lost}(;|$)`),
    });
  });

  it('is not disturbed by what old packages put into the search for modules', async () => {
    const folder = await temporaryFolder();
    const old = `
import sys
class Old:
    def find_module(self, name, path=None):
        return None
sys.meta_path.insert(0, Old())
exec(sys.argv[1])`;
    const path = await script(folder, 'python3', `exec /usr/bin/python3 -I -B -W ignore -c '${old}' "$4"`);
    expect(await inspectSystemPython({ path, host, minors, env: {} })).toHaveProperty('version');
  });

  it('says what a path is when it is not a Python', async () => {
    const folder = await temporaryFolder();
    const path = await script(folder, 'python', 'echo hello');
    expect(await inspectSystemPython({ path, host, minors, env: {} })).toMatchObject({
      path,
      reason: expect.stringMatching(/^does not run/),
    });
    const missing = join(folder, 'nothing');
    expect(await inspectSystemPython({ path: missing, host, minors, env: {} })).toMatchObject({
      reason: expect.stringContaining('ENOENT'),
    });
  });
});

it('takes what a virtual environment on PATH was made from', async () => {
  const folder = await temporaryFolder();
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [
    '-c',
    'import sys; print(sys.executable); print("3.%d" % sys.version_info[1])',
  ]);
  const [base = '', minor = ''] = stdout.trim().split('\n');
  await mkdir(join(folder, 'bin'));
  for (const name of ['python', 'python3', `python${minor}`]) await symlink(base, join(folder, 'bin', name));
  await writeFile(join(folder, 'pyvenv.cfg'), `home = ${dirname(base)}\nversion = ${minor}.0\n`);
  const { usable, refused } = await findSystemPythons({ host, minors, env: { PATH: join(folder, 'bin') } });
  expect(refused.map(({ path }) => path).filter((path) => path.startsWith(folder))).toHaveLength(1);
  expect(usable.length).toBeGreaterThan(0);
});
