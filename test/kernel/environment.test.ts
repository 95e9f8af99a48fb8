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

  const everywhere = [
    ...[
      'PATH',
      'HOME',
      'USER',
      'LOGNAME',
      'SHELL',
      'LANG',
      'TERM',
      'TMPDIR',
      'TEMP',
      'TMP',
      'LD_LIBRARY_PATH',
    ],
    ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
    ...[
      'http_proxy',
      'https_proxy',
      'all_proxy',
      'no_proxy',
      'LC_CTYPE',
      'XDG_DATA_HOME',
      'KTX_A',
      'HF_HOME',
    ],
  ];
  const onWindows = [
    ...['APPDATA', 'LOCALAPPDATA', 'COMSPEC', 'PATHEXT', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)'],
    ...['SYSTEMDRIVE', 'SYSTEMROOT', 'USERPROFILE', 'USERNAME', 'WINDIR'],
  ];
  it.each(everywhere)('inherits %s', (name) => {
    expect(kernelEnvironment({ [name]: 'x' }, '/usr/bin/python3', {}, 'linux')).toEqual({
      [name]: 'x',
      ...FORCED,
    });
  });

  it.each([...everywhere.map((name) => name.toUpperCase()), ...onWindows])(
    'on Windows inherits %s in any case',
    (name) => {
      const mixed = name[0] + name.slice(1).toLowerCase();
      for (const given of [name, mixed])
        expect(kernelEnvironment({ [given]: 'x' }, '/usr/bin/python3', {}, 'win32')).toEqual({
          [given]: 'x',
          ...FORCED,
        });
    },
  );

  it.each([...onWindows, 'MY_LC_ALL', 'lc_all', 'XKTX_A', 'MYPATH'])(
    'elsewhere does not inherit %s',
    (name) => {
      expect(kernelEnvironment({ [name]: 'x' }, '/usr/bin/python3', {}, 'linux')).toEqual(FORCED);
    },
  );

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
