import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { managedPythonRuntimeLayout, managedRuntimeRoot } from '../../src/core/layout.ts';

const PLATFORMS = ['darwin', 'linux', 'win32'] as const;
const before = process.env['KTX_RUNTIME_ROOT'];

afterEach(() => {
  if (before === undefined) delete process.env['KTX_RUNTIME_ROOT'];
  else process.env['KTX_RUNTIME_ROOT'] = before;
});

describe('layout', () => {
  it.each(PLATFORMS)(
    '1. the default root on %s is ~/.ktx/runtime, whatever XDG and LocalAppData say',
    (platform) => {
      const layout = managedPythonRuntimeLayout({
        cliVersion: '0.3.0',
        platform,
        homeDir: '/home/ada',
        env: { XDG_DATA_HOME: '/xdg', XDG_CACHE_HOME: '/xdg', LOCALAPPDATA: '/local', APPDATA: '/app' },
      });
      expect(layout.runtimeRoot).toBe(join('/home/ada', '.ktx', 'runtime'));
      expect(layout.versionDir).toBe(join('/home/ada', '.ktx', 'runtime', '0.3.0'));
      expect(layout.manifestPath).toBe(join(layout.versionDir, 'manifest.json'));
      expect(layout.installLogPath).toBe(join(layout.versionDir, 'install.log'));
    },
  );

  it('1. without a home directory given, it is that of the user', () => {
    expect(managedRuntimeRoot({ env: {} })).toBe(join(homedir(), '.ktx', 'runtime'));
  });

  it.each([
    ['the variable, verbatim', { KTX_RUNTIME_ROOT: '/srv/ktx/../ktx' }, undefined, '/srv/ktx/../ktx'],
    ['not an empty variable', { KTX_RUNTIME_ROOT: '' }, undefined, join('/home/ada', '.ktx', 'runtime')],
    ['the option before the variable', { KTX_RUNTIME_ROOT: '/srv/ktx' }, '/opt/ktx', '/opt/ktx'],
    ['an empty option as it is', { KTX_RUNTIME_ROOT: '/srv/ktx' }, '', ''],
  ])('2. the root is %s', (_name, env, runtimeRoot, expected) => {
    expect(managedRuntimeRoot({ env, runtimeRoot, homeDir: '/home/ada' })).toBe(expected);
  });

  it.each([
    ['an option with a line break', { runtimeRoot: '/r/a\nb' }, '"/r/a\\u000ab" (as it was given)'],
    ['a variable with an escape', { env: { KTX_RUNTIME_ROOT: '/r/\u001b[2J' } }, '(from KTX_RUNTIME_ROOT)'],
    ['a variable with an 8-bit escape', { env: { KTX_RUNTIME_ROOT: '/r/\u009b2J' } }, '\\u009b'],
    ['a home with a return', { homeDir: '/home/a\rb', env: {} }, '(in the home directory)'],
    ['a NUL', { runtimeRoot: '/r\0' }, '\\u0000'],
  ])('refuses %s and shows where it is', (_name, options, text) => {
    expect(() => managedPythonRuntimeLayout({ cliVersion: '0.3.0', ...options })).toThrow(text);
    expect(() => managedRuntimeRoot(options)).toThrow(/choose another one\.$/);
    expect(() => managedRuntimeRoot(options)).not.toThrow(/[\n\r\0\u001b\u009b]/);
  });

  it('what is merely rare is no reason to refuse', () => {
    const runtimeRoot = '/r/é 漢 ,#%\u00a0\u2028\u202e';
    expect(managedRuntimeRoot({ runtimeRoot })).toBe(runtimeRoot);
  });

  it.each(PLATFORMS)('3. executables on %s', (platform) => {
    const { venvDir, pythonPath, daemonPath } = managedPythonRuntimeLayout({
      cliVersion: '0.3.0',
      platform,
      runtimeRoot: '/r',
    });
    expect(venvDir).toBe(join('/r', '0.3.0', '.venv'));
    expect([pythonPath, daemonPath]).toEqual(
      platform === 'win32'
        ? [join(venvDir, 'Scripts', 'python.exe'), join(venvDir, 'Scripts', 'ktx-daemon.exe')]
        : [join(venvDir, 'bin', 'python'), join(venvDir, 'bin', 'ktx-daemon')],
    );
  });

  it('3. a supplied environment replaces that of the process entirely', () => {
    process.env['KTX_RUNTIME_ROOT'] = '/of/the/process';
    expect(managedRuntimeRoot({ homeDir: '/h' })).toBe('/of/the/process');
    expect(managedRuntimeRoot({ homeDir: '/h', env: {} })).toBe(join('/h', '.ktx', 'runtime'));
  });
});
