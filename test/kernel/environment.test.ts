import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelEnvironment } from '../../src/kernel/environment.ts';

const FORCED = { PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8', PYTHONNOUSERSITE: '1' };

let venv: string;
beforeAll(async () => {
  venv = await mkdtemp(join(tmpdir(), 'ktx-venv-'));
  await mkdir(join(venv, 'bin'));
  await writeFile(join(venv, 'pyvenv.cfg'), '');
});
afterAll(() => rm(venv, { recursive: true, force: true }));

describe('kernelEnvironment', () => {
  it('inherits a short list and nothing else', () => {
    const inherited = {
      PATH: '/bin',
      LC_ALL: 'C',
      XDG_CACHE_HOME: '/c',
      KTX_X: '1',
      HF_HOME: '/h',
      no_proxy: 'a',
    };
    const dropped = {
      OPENAI_API_KEY: 'k',
      PYTHONPATH: '/p',
      PYTHONHOME: '/p',
      CONDA_PREFIX: '/c',
      VIRTUAL_ENV: '/v',
      LD_PRELOAD: '/x.so',
      path: '/lower',
      APPDATA: 'C:\\',
    };
    expect(kernelEnvironment({ ...inherited, ...dropped }, '/usr/bin/python3', {}, 'linux')).toEqual({
      ...inherited,
      ...FORCED,
    });
  });

  it('names the virtual environment of the interpreter and puts it first on the PATH', () => {
    const env = kernelEnvironment({ PATH: '/bin' }, join(venv, 'bin', 'python'), {}, 'linux');
    expect(env).toMatchObject({ VIRTUAL_ENV: venv, PATH: `${join(venv, 'bin')}${delimiter}/bin` });
    const bare = kernelEnvironment({}, join(venv, 'bin', 'python'), {}, 'linux');
    expect(bare['PATH']).toBe(join(venv, 'bin'));
  });

  it('lets the overlay win over everything but the forced ones', () => {
    const overlay = { PATH: '/mine', VIRTUAL_ENV: '/v', GONE: undefined, PYTHONIOENCODING: 'latin-1' };
    const env = kernelEnvironment({ PATH: '/bin' }, join(venv, 'bin', 'python'), overlay, 'linux');
    expect(env).toEqual({ PATH: '/mine', VIRTUAL_ENV: '/v', ...FORCED });
  });

  it('compares names on Windows without their case', () => {
    const base = {
      Path: 'C:\\bin',
      SystemRoot: 'C:\\Windows',
      appdata: 'C:\\A',
      'ProgramFiles(x86)': 'C:\\P',
      Secret: 's',
    };
    const env = kernelEnvironment(base, 'C:\\py\\python.exe', { PATH: 'D:\\' }, 'win32');
    expect(env).toEqual({
      SystemRoot: 'C:\\Windows',
      appdata: 'C:\\A',
      'ProgramFiles(x86)': 'C:\\P',
      PATH: 'D:\\',
      ...FORCED,
    });
  });
});
