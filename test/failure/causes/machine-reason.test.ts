import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MACHINE_CAUSES, type MachineReason } from '../../../src/failure/causes/machine-causes.ts';
import { explainMachineFailure } from '../../../src/failure/causes/machine-failure.ts';
import {
  machineReasonOf,
  reasonOfCode,
  reasonOfEnding,
  reasonOfText,
} from '../../../src/failure/causes/machine-reason.ts';
import { describeFailure } from '../../../src/failure/failure.ts';
import { ExecError } from '../../../src/process/exec.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { UvCommandError } from '../../../src/uv/runner.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const REASONS = Object.keys(MACHINE_CAUSES) as MachineReason[];
const VIRUS = 'Operation did not complete successfully because the file contains a virus';
const causeOf = (error: unknown) =>
  describeFailure(error, { step: null, untouched: '', logPath: null }).cause;

/** One fact as each origin says it: our own file system, uv, Python, and words alone. */
const FACTS: readonly (readonly [MachineReason, code: string, linuxNumber: number, words: string])[] = [
  ['disk-full', 'ENOSPC', 28, 'No space left on device'],
  ['quota', 'EDQUOT', 122, 'Disk quota exceeded'],
  ['file-too-large', 'EFBIG', 27, 'File too large'],
  ['read-only', 'EROFS', 30, 'Read-only file system'],
  ['no-permission', 'EACCES', 13, 'Permission denied'],
  ['refused-by-system', 'EPERM', 1, 'Operation not permitted'],
  ['path-too-long', 'ENAMETOOLONG', 36, 'File name too long'],
  ['too-many-files', 'EMFILE', 24, 'Too many open files'],
  ['too-many-files', 'ENFILE', 23, 'Too many open files in system'],
  ['out-of-memory', 'ENOMEM', 12, 'Cannot allocate memory'],
  ['held-by-another-program', 'ETXTBSY', 26, 'Text file busy'],
  ['held-by-another-program', 'EBUSY', 16, 'Device or resource busy'],
  ['file-in-the-way', 'ENOTDIR', 20, 'open x: Not a directory'],
  ['file-in-the-way', 'EEXIST', 17, 'mkdir x: File exists'],
  ['link-loop', 'ELOOP', 40, 'Too many levels of symbolic links'],
  ['disk-error', 'EIO', 5, 'Input/output error'],
  ['volume-gone', 'ESTALE', 116, 'Stale file handle'],
  ['volume-gone', 'ENOTCONN', 107, 'Transport endpoint is not connected'],
  ['wrong-architecture', 'ENOEXEC', 8, 'Exec format error'],
  ['unsupported-by-volume', 'EOPNOTSUPP', 95, 'Operation not supported'],
  ['blocked-call', 'ENOSYS', 38, 'Function not implemented'],
];

describe.runIf(process.platform === 'linux')('the same fact has the same cause, whoever notices it', () => {
  it.each(FACTS)('%s: %s, %i, %s', (reason, code, number, words) => {
    const ours = Object.assign(new Error(`${code}: it, write '/x/y'`), {
      code,
      path: '/x/y',
      syscall: 'write',
    });
    const said = [
      ours,
      new Error('could not be written', { cause: ours }),
      new UvCommandError(['venv'], '', `error: écriture\n  Caused by: é (os error ${number})`, '/log'),
      new ExecError('python ended with exit code 1.', {
        stdout: '',
        stderr: `OSError: [Errno ${number}] ${words}: 'x'`,
        exitCode: 1,
        signal: null,
      }),
      new ExecError('cat ended.', { stdout: '', stderr: `cat: ${words}`, exitCode: 1, signal: null }),
    ];
    expect(said.map(causeOf)).toEqual(said.map(() => reason));
    const explained = explainMachineFailure(ours) as SetupError;
    expect(causeOf(explained)).toBe(reason);
    expect([explained.message, ...explained.evidence].join('\n')).toContain('/x/y');
    expect(explained.remedies.length).toBeGreaterThan(0);
  });
});

describe('how a process ended', () => {
  it.each<[number | null, string | null, MachineReason | null]>([
    [null, 'SIGKILL', 'out-of-memory'],
    [137, null, 'out-of-memory'],
    [null, 'SIGILL', 'old-processor'],
    [132, null, 'old-processor'],
    [null, 'SIGXFSZ', 'file-too-large'],
    [153, null, 'file-too-large'],
    [null, 'SIGBUS', 'disk-error'],
    [null, 'SIGSYS', 'blocked-call'],
    [null, 'SIGXCPU', 'cpu-limit'],
    [null, 'SIGSEGV', 'crash'],
    [139, null, 'crash'],
    [null, 'SIGTERM', 'stopped-from-outside'],
    [0xc000001d, null, 'old-processor'],
    [0xc0000135, null, 'missing-library'],
    [1, null, null],
    [200, null, null],
    [0, null, null],
  ])('%s %s is %s', (exitCode, signal, reason) => {
    expect(reasonOfEnding(exitCode, signal)).toBe(reason);
    if (signal !== null) expect(reasonOfText(`it was ended by ${signal}`)).toEqual({ reason, signal });
    else if (exitCode !== 0)
      expect(reasonOfText(`it ended with exit code ${exitCode}`)?.reason ?? null).toBe(reason);
  });
});

describe('what other programs say', () => {
  it.each<[string, NodeJS.Platform, MachineReason | null, string?]>([
    [
      "/lib64/libc.so.6: version `GLIBC_2.28' not found (required by python)",
      'linux',
      'libc-too-old',
      'GLIBC_2.28',
    ],
    [
      'python: error while loading shared libraries: libssl.so.3: cannot open shared object file: No such file',
      'linux',
      'missing-library',
      'libssl.so.3',
    ],
    ['ImportError: libgomp.so.1: cannot open shared object file', 'linux', 'missing-library', 'libgomp.so.1'],
    ['ImportError: DLL load failed while importing _ssl', 'win32', 'missing-library'],
    ['MemoryError', 'linux', 'out-of-memory'],
    ['memory allocation of 1234 bytes failed', 'linux', 'out-of-memory'],
    ["RuntimeError: can't start new thread", 'linux', 'too-many-processes'],
    ['ThreadPoolBuildError { kind: IOError(Os { code: 11 }) }', 'linux', 'too-many-processes'],
    ['Accès refusé. (os error 5)', 'win32', 'held-by-another-program'],
    ['used by another process. (os error 32)', 'win32', 'held-by-another-program'],
    ['(os error 112)', 'win32', 'disk-full'],
    ['PermissionError: [WinError 32] in use', 'win32', 'held-by-another-program'],
    ["OSError: [Errno 28] No space left on device: 'x'", 'win32', 'disk-full'],
    ['Der Vorgang wurde nicht ausgeführt. (os error 225)', 'win32', 'quarantined'],
    ['OSError: [WinError 226] removed', 'win32', 'quarantined'],
    [`${VIRUS} or potentially unwanted software.`, 'win32', 'quarantined'],
    ['cp: EPERM: /x/uv is in quarantine', 'darwin', 'quarantined'],
    ['/x/uv: Operation not permitted (com.apple.quarantine)', 'darwin', 'quarantined'],
    ['quarantined by Scanner. (os error 1)', 'darwin', 'quarantined'],
    // A name of a folder is no quarantine where the system has none, and neither is the word without a refusal.
    ['/quarantine/uv: Operation not permitted', 'linux', 'refused-by-system'],
    ['(os error 1)', 'darwin', 'refused-by-system'],
    ['/x/uv has the attribute com.apple.quarantine', 'darwin', null],
    ['(os error 69)', 'darwin', 'quota'],
    ['(os error 63)', 'darwin', 'path-too-long'],
    ['(os error 36)', 'linux', 'path-too-long'],
    // Numbers of another system, and of what is no matter of the machine.
    ['(os error 69)', 'linux', null],
    ['(os error 2)', 'linux', null],
    ['(os error 111)', 'linux', null],
    ['ERROR: [Errno 98] address already in use', 'linux', null],
    ["ModuleNotFoundError: No module named 'fastapi'", 'linux', null],
    ['', 'linux', null],
  ])('%s on %s', (text, platform, reason, missing) => {
    const read = reasonOfText(text, platform);
    expect(read?.reason ?? null).toBe(reason);
    expect(read?.missing).toBe(missing);
  });

  it('numbers count before words, and the telling reason before the general one', () => {
    expect(reasonOfText('Permission denied while it said (os error 28)', 'linux')?.reason).toBe('disk-full');
    expect(reasonOfText('[Errno 13] and then [Errno 28]', 'linux')?.reason).toBe('disk-full');
    expect(reasonOfText('permission denied; no space left on device', 'linux')?.reason).toBe('disk-full');
  });
});

it('what a program may not be started for is no right to write', () => {
  const error = Object.assign(new Error('spawn /x EACCES'), { code: 'EACCES', syscall: 'spawn /x' });
  expect(machineReasonOf(error)?.reason).toBe('start-refused');
});

it('a program in quarantine is that, and not one without the right to start', () => {
  const spawn = { path: '/x/uv', syscall: 'spawn /x/uv' };
  const macos = Object.assign(new Error('spawn /x/uv EPERM: com.apple.quarantine'), {
    code: 'EPERM',
    ...spawn,
  });
  const windows = Object.assign(new Error(`${VIRUS}.`), { code: 'UNKNOWN', ...spawn });
  expect(machineReasonOf(macos, 'darwin')).toEqual({ reason: 'quarantined', path: '/x/uv' });
  expect(machineReasonOf(macos, 'linux')?.reason).toBe('start-refused');
  expect(machineReasonOf(windows, 'win32')).toEqual({ reason: 'quarantined', path: '/x/uv' });
  const report = describeFailure(windows, { step: null, untouched: '', logPath: null });
  expect(report).toMatchObject({
    cause: 'quarantined',
    failureClass: 'permission',
    title: 'A virus scanner has quarantined a file: /x/uv',
    evidence: [`${VIRUS}.`],
  });
  expect(report.nextSteps[0]).toBe(
    'Ask your IT department to release /x/uv from quarantine and to exclude the runtime folder, then run: ktx setup',
  );
});

it('an error that has words of its own keeps them', () => {
  const own = new SetupError('Own words.', { failureClass: 'conflict' });
  expect(explainMachineFailure(own)).toBe(own);
  const other = new Error('something else');
  expect(explainMachineFailure(other)).toBe(other);
  expect(machineReasonOf('a text')).toBeNull();
  expect(reasonOfCode(undefined)).toBeNull();
});

it.each(REASONS)('%s has a title, a class, and a remedy that is another one than the next', (reason) => {
  const { title, remedies, failureClass, cause } = MACHINE_CAUSES[reason];
  expect(cause).toBe(reason);
  expect(failureClass).not.toBe('network');
  for (const facts of [{}, { path: '/x', program: 'uv', missing: 'libx.so', signal: 'SIGX' }]) {
    expect(title(facts)).toMatch(/^\S.*[^.:]$/);
    const labels = remedies(facts).map(({ label }) => label);
    expect(labels.length).toBeGreaterThan(0);
    expect(new Set(labels).size).toBe(labels.length);
  }
});

/** The real thing, where it is cheap. */
describe.runIf(process.platform === 'linux')('a real fault', () => {
  const sh = (script: string, cwd: string) => {
    const { status, signal, stderr, stdout } = spawnSync('sh', ['-c', script], { cwd, encoding: 'utf8' });
    return new ExecError('sh ended', { stdout, stderr, exitCode: status, signal });
  };
  const python = 'exec /usr/bin/python3 -I -S -c';

  it.each<[string, string, MachineReason]>([
    ['ulimit -f, Python', `ulimit -f 1; ${python} 'open("big","wb").write(b"x"*9999)'`, 'file-too-large'],
    ['ulimit -f, a shell', 'ulimit -f 1; trap "" XFSZ; head -c 9999 /dev/zero > big', 'file-too-large'],
    ['ulimit -f, the signal', 'ulimit -f 1; exec head -c 9999 /dev/zero > big', 'file-too-large'],
    [
      'ulimit -n',
      `ulimit -n 8; ${python} '[open("/dev/null") for _ in range(99)]; x=[open("/dev/null") for _ in range(99)]; l=[]\nwhile 1: l.append(open("/dev/null"))'`,
      'too-many-files',
    ],
    ['ulimit -v', `ulimit -v 100000; ${python} 'x = bytearray(10**9)'`, 'out-of-memory'],
    ['the signal of ulimit -t', 'kill -XCPU $$', 'cpu-limit'],
    ['a long name', `touch ${'x'.repeat(300)}`, 'path-too-long'],
    ['a full device', `${python} 'open("/dev/full","w").write("x"*99999)'`, 'disk-full'],
    ['a full device, a shell', 'cat plain > /dev/full', 'disk-full'],
    ['a program that is no program', 'chmod +x file; ./file', 'wrong-architecture'],
    ['a program without the bit', './plain', 'no-permission'],
    ['killed', 'kill -KILL $$', 'out-of-memory'],
    ['an instruction that is not there', 'kill -ILL $$', 'old-processor'],
    ['a file in the way', 'mkdir file/x', 'file-in-the-way'],
    ['a loop of links', 'cat loop', 'link-loop'],
  ])('%s', async (_name, script, reason) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '\x7fELF nonsense');
    await writeFile(join(folder, 'plain'), '#!/bin/sh\n');
    await symlink('loop', join(folder, 'loop'));
    await mkdir(join(folder, 'd'));
    expect(causeOf(sh(script, folder))).toBe(reason);
  });

  it.runIf(process.getuid?.() === 0)('a full volume, and a read-only one', async () => {
    const folder = await temporaryFolder();
    const inside = (script: string) =>
      sh(
        `exec unshare -m sh -c 'mount -t tmpfs -o size=64k none . && cd . && cd "$PWD" && ${script}'`,
        folder,
      );
    expect(causeOf(inside('head -c 999999 /dev/zero > x'))).toBe('disk-full');
    expect(causeOf(inside('mount -o remount,ro . && touch x'))).toBe('read-only');
  });
});
