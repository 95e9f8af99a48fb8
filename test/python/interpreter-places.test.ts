import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { candidatePaths, managedElsewhere, minorsByName } from '../../src/python/interpreter-places.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const binary = async (path: string) => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o755);
};

describe('interpreters that PATH does not lead to', () => {
  it.each<[string, string, string, Record<string, string>]>([
    ['pyenv', '.pyenv/versions/3.12.1/bin', 'python3.12', {}],
    ['pyenv, PYENV_ROOT', 'elsewhere/versions/3.12.1/bin', 'python3.12', { PYENV_ROOT: 'elsewhere' }],
    ['uv', '.local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin', 'python3.12', {}],
    [
      'uv, UV_PYTHON_INSTALL_DIR',
      'pythons/cpython-3.12.1-x/bin',
      'python3.12',
      { UV_PYTHON_INSTALL_DIR: 'pythons' },
    ],
    ['uv, XDG_DATA_HOME', 'data/uv/python/cpython-3.12-x/bin', 'python3.12', { XDG_DATA_HOME: 'data' }],
    ['mise', '.local/share/mise/installs/python/3.12.1/bin', 'python3.12', {}],
    ['mise, MISE_INSTALLS_DIR', 'tools/python/3.12.1/bin', 'python3.12', { MISE_INSTALLS_DIR: 'tools' }],
    ['asdf', '.asdf/installs/python/3.12.1/bin', 'python3.12', {}],
    ['asdf, ASDF_DATA_DIR', 'data/installs/python/3.12.1/bin', 'python3.12', { ASDF_DATA_DIR: 'data' }],
    ['rye', '.rye/py/cpython@3.12.1/bin', 'python3.12', {}],
    ['hatch', '.local/share/hatch/pythons/3.12/python/bin', 'python3.12', {}],
    ['poetry', '.local/share/pypoetry/python/cpython@3.12.1/bin', 'python3.12', {}],
    ['PDM', '.local/share/pdm/python/cpython@3.12.1/bin', 'python3.12', {}],
    ['Homebrew', 'brew/opt/python@3.12/bin', 'python3.12', { HOMEBREW_PREFIX: 'brew' }],
    ['a hosted runner', 'cache/Python/3.12.1/x64/bin', 'python3.12', { RUNNER_TOOL_CACHE: 'cache' }],
    ['conda that is not active', 'miniconda3/bin', 'python', {}],
    ['an active environment', 'venv/bin', 'python', { VIRTUAL_ENV: 'venv' }],
    ['an active conda', 'envs/x/bin', 'python', { CONDA_PREFIX: 'envs/x' }],
  ])('%s', async (_, folder, name, variables) => {
    const home = await temporaryFolder();
    await binary(join(home, folder, name));
    const env = Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, join(home, value)]));
    const paths = await managedElsewhere('linux', { HOME: home, ...env }, ['3.13', '3.12']);
    expect(paths).toContain(join(home, folder, name));
  });

  it('looks in no folder of a manager that depends on where ktx was started', async () => {
    const here = await temporaryFolder();
    await binary(join(here, 'mine/versions/3.12.1/bin/python3.12'));
    const before = process.cwd();
    process.chdir(here);
    onTestFinished(() => process.chdir(before));
    const env = { HOME: here, PYENV_ROOT: 'mine', ASDF_DATA_DIR: 'mine', RUNNER_TOOL_CACHE: 'mine' };
    expect((await managedElsewhere('linux', env, ['3.12'])).filter((path) => path.includes('mine'))).toEqual(
      [],
    );
  });

  it('takes the newest of a manager first, by number', async () => {
    const home = await temporaryFolder();
    for (const version of ['3.12.9', '3.12.10', '2.7.18', 'miniconda3-3.12'])
      await binary(join(home, '.pyenv/versions', version, 'bin/python3.12'));
    const paths = await managedElsewhere('linux', { HOME: home }, ['3.12']);
    expect(paths.filter((path) => path.includes('.pyenv'))).toEqual([
      join(home, '.pyenv/versions/3.12.10/bin/python3.12'),
      join(home, '.pyenv/versions/3.12.9/bin/python3.12'),
    ]);
  });

  it('knows the folders of Windows', async () => {
    const env = { USERPROFILE: 'C:\\Users\\me', VIRTUAL_ENV: 'C:\\venv', CONDA_PREFIX: 'C:\\conda' };
    const paths = await managedElsewhere('win32', env, ['3.12']);
    expect(paths).toEqual(
      expect.arrayContaining([
        'C:\\venv\\Scripts\\python.exe',
        'C:\\conda\\python.exe',
        'C:\\Users\\me\\miniconda3\\python.exe',
      ]),
    );
  });
});

it('looks in no folder of PATH that depends on where ktx was started', () => {
  const paths = candidatePaths('linux', { PATH: 'bin:.::~/bin:/opt/x/bin' }, ['3.13']);
  expect(paths[0]).toBe('/opt/x/bin/python3.13');
  expect(paths.every((path) => path.startsWith('/'))).toBe(true);
});

it.each<[NodeJS.Platform, NodeJS.ProcessEnv, string[]]>([
  [
    'linux',
    { PATH: '/a' },
    ['/a', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin', '/opt/local/bin'].flatMap((folder) =>
      ['python3.13', 'python3.12', 'python3', 'python'].map((name) => `${folder}/${name}`),
    ),
  ],
  [
    'darwin',
    {},
    ['/usr/local/bin', '/usr/bin', '/opt/homebrew/bin', '/opt/local/bin'].flatMap((folder) =>
      ['python3.13', 'python3.12', 'python3', 'python'].map((name) => `${folder}/${name}`),
    ),
  ],
  ['win32', { Path: 'C:\\a;b', PATH: 'D:\\b' }, ['C:\\a\\python.exe', 'C:\\a\\python3.exe']],
  ['win32', { PATH: 'D:\\b' }, ['D:\\b\\python.exe', 'D:\\b\\python3.exe']],
  ['win32', {}, []],
])('on %s with %j looks in these places, in this order, once each', (platform, env, expected) => {
  expect(candidatePaths(platform, env, ['3.13', '3.12'])).toEqual(expected);
  const twice = { ...env, UV_PYTHON_SEARCH_PATH: (env['Path'] ?? env['PATH'] ?? '').split(';')[0]! };
  expect(candidatePaths(platform, twice, ['3.13', '3.12'])).toEqual(expected);
});

it('looks first where UV_PYTHON_SEARCH_PATH says', () => {
  const env = { PATH: '/usr/bin', UV_PYTHON_SEARCH_PATH: '/a:/b' };
  const paths = candidatePaths('linux', env, ['3.13']);
  expect(paths.filter((path) => path.endsWith('3.13')).slice(0, 3)).toEqual([
    '/a/python3.13',
    '/b/python3.13',
    '/usr/bin/python3.13',
  ]);
});

it('reads minors from the names of real files, and runs none', async () => {
  const folder = await temporaryFolder();
  await binary(join(folder, 'bin/python3.12'));
  await symlink('python3.12', join(folder, 'bin/python3'));
  await binary(join(folder, 'shims/python3.13'));
  await symlink(join(folder, 'shims/mise'), join(folder, 'shims/python3'));
  const env = { PATH: join(folder, 'bin'), HOME: folder };
  expect([...(await minorsByName('linux', env, ['3.12']))]).toContain('3.12');
});
