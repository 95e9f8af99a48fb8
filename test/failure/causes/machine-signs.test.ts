import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { reasonOfCode, reasonOfEnding, reasonOfText } from '../../../src/failure/causes/machine-reason.ts';

type Row = [
  reason: string,
  codes: string,
  linux: readonly number[],
  macos: readonly number[],
  windows: readonly number[],
];

/** errno(3) of Linux, sys/errno.h of macOS, winerror.h. */
const ROWS: readonly Row[] = [
  ['quota', 'EDQUOT', [122], [69], [1295]],
  ['disk-full', 'ENOSPC', [28], [28], [112, 39]],
  ['file-too-large', 'EFBIG', [27], [27], [223]],
  ['read-only', 'EROFS', [30], [30], [19]],
  ['wrong-architecture', 'ENOEXEC EBADARCH', [8], [8, 86], [193, 216]],
  ['too-many-processes', 'EAGAIN', [11], [35], []],
  ['too-many-files', 'EMFILE ENFILE', [24, 23], [24, 23], [4]],
  ['out-of-memory', 'ENOMEM ERR_WORKER_OUT_OF_MEMORY', [12], [12], [8, 14, 1455]],
  ['path-too-long', 'ENAMETOOLONG', [36], [63], [206]],
  ['quarantined', '', [], [], [225, 226]],
  ['held-by-another-program', 'EBUSY ETXTBSY', [16, 26], [16, 26], [5, 32, 33]],
  ['link-loop', 'ELOOP', [40], [62], [1921]],
  ['file-in-the-way', 'ENOTDIR EEXIST EISDIR', [20, 17, 21], [20, 17, 21], [80, 183, 267]],
  [
    'volume-gone',
    'ESTALE ENOTCONN EHOSTDOWN ENODEV ENXIO',
    [116, 107, 112, 19, 6],
    [70, 57, 64, 19, 6],
    [21, 55, 433],
  ],
  ['disk-error', 'EIO EUCLEAN EBADMSG', [5, 117, 74], [5], [23, 1117, 1392]],
  [
    'unsupported-by-volume',
    'EOPNOTSUPP ENOTSUP EILSEQ ENOLCK EMLINK',
    [95, 84, 37, 31],
    [45, 102, 92, 77, 31],
    [50, 123],
  ],
  ['blocked-call', 'ENOSYS', [38], [78], []],
  ['no-permission', 'EACCES', [13], [13], []],
  ['refused-by-system', 'EPERM', [1], [1], [1260, 4551]],
];

it.each(ROWS)('%s: every name and number of each system', (reason, codes, linux, macos, windows) => {
  for (const code of codes.split(' ').filter(Boolean)) {
    expect([code, reasonOfCode(code)]).toEqual([code, reason]);
    // Node's own names are not those of a system, and no other program prints them.
    if (!code.startsWith('ERR_')) expect(reasonOfText(`it failed: ${code}`, 'linux')?.reason).toBe(reason);
  }
  const systems = { linux, darwin: macos, win32: windows };
  for (const [platform, numbers] of Object.entries(systems) as [NodeJS.Platform, readonly number[]][])
    for (const number of numbers) {
      const name = platform === 'win32' ? 'WinError' : 'Errno';
      for (const text of [`failed (os error ${number})`, `[${name} ${number}] failed`])
        expect([platform, text, reasonOfText(text, platform)]).toEqual([platform, text, { reason }]);
    }
  // Python on Windows has the numbers of its C library, which are those of Linux where we know them.
  for (const number of linux) expect(reasonOfText(`[Errno ${number}] failed`, 'win32')).toEqual({ reason });
});

it('a number is that of its own system', () => {
  for (const [platform, text] of [
    ['linux', '[Errno 69] failed'],
    ['darwin', '[Errno 122] failed'],
    ['win32', 'failed (os error 30)'],
    ['linux', 'failed (os error 1295)'],
  ] as const)
    expect([text, reasonOfText(text, platform)]).toEqual([text, null]);
});

it.runIf(process.platform === 'linux')('the names and the numbers of this system agree', () => {
  const numbered = Object.entries(constants.errno).filter(([name]) => reasonOfCode(name) !== null);
  expect(numbered.length).toBeGreaterThan(20);
  for (const [name, number] of numbered)
    expect([name, reasonOfText(`(os error ${number})`, 'linux')?.reason]).toEqual([name, reasonOfCode(name)]);
});

it.each([
  ['SIGKILL', 9, 'out-of-memory'],
  ['SIGILL', 4, 'old-processor'],
  ['SIGABRT', 6, 'crash'],
  ['SIGBUS', 7, 'disk-error'],
  ['SIGFPE', 8, 'crash'],
  ['SIGSEGV', 11, 'crash'],
  ['SIGTERM', 15, 'stopped-from-outside'],
  ['SIGXCPU', 24, 'cpu-limit'],
  ['SIGXFSZ', 25, 'file-too-large'],
  ['SIGSYS', 31, 'blocked-call'],
  ['SIGHUP', null, 'stopped-from-outside'],
  ['SIGINT', null, 'stopped-from-outside'],
  ['SIGQUIT', null, 'stopped-from-outside'],
  ['SIGTRAP', null, 'crash'],
] as const)('%s, and the exit code of a shell for it', (signal, number, reason) => {
  expect(reasonOfEnding(null, signal)).toBe(reason);
  expect(reasonOfText(`the interpreter was ended by ${signal}`, 'linux')).toEqual({ reason, signal });
  if (number === null) return;
  expect(reasonOfEnding(128 + number, null)).toBe(reason);
  for (const text of [`exit code ${128 + number}`, `exited with status: ${128 + number}`])
    expect([text, reasonOfText(text, 'linux')]).toEqual([text, { reason }]);
});

it.each([
  [0xc0000005, 'crash'],
  [0xc000001d, 'old-processor'],
  [0xc0000135, 'missing-library'],
  [0xc0000017, 'out-of-memory'],
  [0xc000009a, 'out-of-memory'],
  [0xc0000006, 'disk-error'],
] as const)('status %d of Windows', (status, reason) => {
  expect(reasonOfEnding(status, null)).toBe(reason);
});

it.each([0, 1, 2, 9, 127, 128, 129, null])('exit code %s is an end of its own', (exitCode) => {
  expect(reasonOfEnding(exitCode, null)).toBeNull();
});
