import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  changedOptions,
  mergedChanges,
  pythonOf,
  type SetupChanges,
} from '../../../src/wizard/panels/changes.ts';

it.each([
  ['auto', 'auto'],
  ['managed', 'managed'],
  ['system', 'system'],
  ['3.12', { version: '3.12' }],
  ['python3.12', { version: '3.12' }],
  ['/opt/python3', { path: '/opt/python3' }],
])('the Python called %s', (value, python) => {
  expect(pythonOf(value)).toEqual(python);
});

describe('changes one after the other', () => {
  it.each<[string, SetupChanges, SetupChanges, SetupChanges]>([
    [
      'the later wins',
      { uvPath: '/a', shouldForce: true },
      { uvPath: '/b' },
      { uvPath: '/b', shouldForce: true },
    ],
    [
      'none changes nothing',
      { bundlePath: '/b', env: { A: '1' }, allowedHosts: ['a'] },
      {},
      {
        bundlePath: '/b',
        env: { A: '1' },
        allowedHosts: ['a'],
      },
    ],
    [
      'an index takes the place of a bundle',
      { bundlePath: '/b', uvPath: '/a' },
      { indexUrl: 'i' },
      {
        uvPath: '/a',
        indexUrl: 'i',
      },
    ],
    [
      'a bundle beside an index',
      { indexUrl: 'i' },
      { bundlePath: '/b' },
      { indexUrl: 'i', bundlePath: '/b' },
    ],
    [
      'variables add up',
      { env: { A: '1', B: '1' } },
      { env: { B: '2', C: '3' } },
      {
        env: { A: '1', B: '2', C: '3' },
      },
    ],
    ['variables begin', {}, { env: { A: '1' } }, { env: { A: '1' } }],
    [
      'hosts add up, each once',
      { allowedHosts: ['a', 'b'] },
      { allowedHosts: ['b', 'c'] },
      {
        allowedHosts: ['a', 'b', 'c'],
      },
    ],
    ['hosts begin', {}, { allowedHosts: ['a'] }, { allowedHosts: ['a'] }],
  ])('%s', (_what, before, later, merged) => {
    expect(mergedChanges(before, later)).toEqual(merged);
  });
});

describe('changes as options', () => {
  const given = { cliVersion: '0.3.0', homeDir: '/home/ada', env: { HOME: '/home/ada', A: '1' } };
  it.each<[string, SetupChanges, object]>([
    ['none', {}, {}],
    ['the feature is given with each call', { feature: 'core' }, {}],
    [
      'flags',
      { isOffline: false, shouldForce: true, shouldIgnoreDisk: true, indexUrl: 'i' },
      {
        isOffline: false,
        shouldForce: true,
        shouldIgnoreDisk: true,
        indexUrl: 'i',
      },
    ],
    ['a folder at home', { runtimeRoot: '~/big' }, { runtimeRoot: resolve('/home/ada/big') }],
    ['home itself', { runtimeRoot: '~' }, { runtimeRoot: resolve('/home/ada') }],
    ['a name with a tilde', { runtimeRoot: '/a/~/b' }, { runtimeRoot: resolve('/a/~/b') }],
    ['the home of another', { runtimeRoot: '~bob/b' }, { runtimeRoot: resolve('~bob/b') }],
    ['a folder from here', { runtimeRoot: 'big' }, { runtimeRoot: resolve('big') }],
    [
      'a Python at home',
      { python: { path: '~/python3' } },
      { python: { path: resolve('/home/ada/python3') } },
    ],
    ['a version of Python', { python: { version: '3.12' } }, { python: { version: '3.12' } }],
    ['any Python', { python: 'system' }, { python: 'system' }],
    ['a uv', { uvPath: '~/uv' }, { uvPath: resolve('/home/ada/uv') }],
    ['a bundle', { bundlePath: '~/b' }, { bundle: { path: resolve('/home/ada/b') } }],
    ['variables', { env: { A: '2', B: '3' } }, { env: { HOME: '/home/ada', A: '2', B: '3' } }],
    ['hosts', { allowedHosts: ['a'] }, { allowedHosts: ['a'] }],
  ])('%s', (_what, changes, options) => {
    expect(changedOptions(changes, given)).toEqual(options);
  });

  it('are added to what the command line gave', () => {
    const bundle = { path: '/old', trust: 'key' } as never;
    const options = changedOptions(
      { allowedHosts: ['b'], bundlePath: '/new' },
      { ...given, allowedHosts: ['a'], bundle },
    );
    expect(options).toEqual({ allowedHosts: ['a', 'b'], bundle: { path: resolve('/new'), trust: 'key' } });
  });

  it('variables are those of the process where none are given', () => {
    const { env } = changedOptions(
      { env: { KTX_TEST_CHANGE: '1' } },
      { cliVersion: '0.3.0', homeDir: '/home/ada' },
    );
    expect(env).toEqual({ ...process.env, KTX_TEST_CHANGE: '1' });
  });
});
