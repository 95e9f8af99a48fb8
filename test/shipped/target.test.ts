import { describe, expect, it } from 'vitest';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import {
  compareVersions,
  detectHost,
  type HostPlatform,
  lockedMinors,
  macosVersionOf,
  platformKey,
  targetKey,
  unmetMinimum,
} from '../../src/shipped/target.ts';

const linux: HostPlatform = {
  platform: 'linux',
  arch: 'x64',
  libc: 'gnu',
  glibcVersion: '2.36',
  macosVersion: null,
};

it('keys say platform, architecture, libc and Python minor', () => {
  expect(platformKey(linux)).toBe('linux-x64-gnu');
  expect(platformKey({ platform: 'darwin', arch: 'arm64', libc: null })).toBe('darwin-arm64');
  expect(targetKey(linux, '3.13.14')).toBe('linux-x64-gnu-cp313');
  expect(targetKey({ platform: 'win32', arch: 'x64', libc: null }, '3.9')).toBe('win32-x64-cp39');
});

it.each([
  ['2.17', '2.17', 0],
  ['2.9', '2.17', -1],
  ['14', '13.6', 1],
  ['2.36', '2.36.1', -1],
  ['10.12', '10.12.0', 0],
  ['10.12.0', '10.12', 0],
  ['10.12', '10.12.1', -1],
  ['10.12.1', '10.12', 1],
  ['0', '1', -1],
  ['2', '2.0.0.1', -1],
])('compareVersions(%s, %s)', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});

it('minors of the lock are those of this platform, newest first', () => {
  const target = { minimum: {}, features: {} };
  const lock = {
    targets: {
      'linux-x64-gnu-cp311': target,
      'linux-x64-gnu-cp314': target,
      'linux-x64-musl-cp313': target,
      'linux-x64-gnu-cp39t': target,
    },
  } as unknown as RuntimeLock;
  expect(lockedMinors(lock, linux)).toEqual(['3.14', '3.11']);
});

describe('unmetMinimum', () => {
  it.each([
    [{ glibc: '2.17' }, linux, null],
    [{ glibc: '2.36' }, linux, null],
    [
      { macos: '13.6' },
      { ...linux, platform: 'darwin', libc: null, glibcVersion: null, macosVersion: '13.6' } as HostPlatform,
      null,
    ],
    [{ macos: '14.0' }, { ...linux, macosVersion: null }, null],
    [{}, linux, null],
    [{ glibc: '2.38' }, linux, 'needs glibc 2.38 or newer; this system has 2.36'],
    [
      { macos: '14.0' },
      { ...linux, platform: 'darwin', libc: null, glibcVersion: null, macosVersion: '13.6' } as HostPlatform,
      'needs macOS 14.0 or newer; this is 13.6',
    ],
    // What the system does not say is not held against it.
    [{ glibc: '2.38' }, { ...linux, glibcVersion: null }, null],
  ])('%j', (minimum, host, expected) => {
    expect(unmetMinimum(minimum, host)).toBe(expected);
  });
});

it('detects the machine that runs this', async () => {
  const host = await detectHost();
  expect(host).toMatchObject({ platform: process.platform, arch: process.arch });
  if (host.libc === 'gnu') expect(host.glibcVersion).toMatch(/^2\.\d+/);
});

it.each([
  ['<key>ProductVersion</key>\n\t<string>14.5</string>', '14.5'],
  [
    '<key>ProductBuildVersion</key><string>23F79</string><key>ProductVersion</key><string>13.6.7</string>',
    '13.6.7',
  ],
  ['<key>ProductVersion</key><string>unknown</string>', null],
  ['<key>iOSSupportVersion</key><string>17.5</string>', null],
  ['', null],
])('the version of macOS in %j is %s', (plist, version) => {
  expect(macosVersionOf(plist)).toBe(version);
});
