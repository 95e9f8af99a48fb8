import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../../support/errors.ts';
import type { MachineReason } from './machine-causes.ts';

type Numbers = readonly [linux?: readonly number[], macos?: readonly number[], windows?: readonly number[]];
/** Positions in `Numbers`. */
const [LINUX, MACOS, WINDOWS] = [0, 1, 2];

/**
 * How to recognise a reason: errno names, errno numbers where programs print those (`os error 28`, `[Errno
 * 28]`, `[WinError 112]`), and texts of programs that print neither. Numbers: errno(3) of Linux
 * (asm-generic), of macOS (sys/errno.h), and winerror.h.
 */
interface Signs {
  codes?: readonly string[];
  numbers?: Numbers;
  words?: RegExp;
  signals?: readonly string[];
}

/** The Windows message for a file blocked by its scanner (winerror.h, 225). */
const VIRUS_FOUND = /Operation did not complete successfully because the file contains a virus/i;

/** The first matching row wins, so specific ones come first. */
const SIGNS: readonly (readonly [MachineReason, Signs])[] = [
  ['quota', { codes: ['EDQUOT'], numbers: [[122], [69], [1295]], words: /disk quota exceeded/i }],
  [
    'disk-full',
    {
      codes: ['ENOSPC'],
      numbers: [[28], [28], [112, 39]],
      words: /no space left on device|not enough space on the disk/i,
    },
  ],
  [
    'file-too-large',
    {
      codes: ['EFBIG'],
      numbers: [[27], [27], [223]],
      words: /file (?:size limit exceeded|too large)/i,
      signals: ['SIGXFSZ'],
    },
  ],
  ['read-only', { codes: ['EROFS'], numbers: [[30], [30], [19]], words: /read-only file system/i }],
  [
    'libc-too-old',
    {
      words:
        /version [`'‘]?((?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)['’]? not found|((?:GLIBC|GLIBCXX)_[\d.]+) not defined/,
    },
  ],
  [
    'missing-library',
    {
      words:
        /error while loading shared libraries: ([^\s:]+)|([\w.+-]+\.so[\w.]*): cannot open shared object file|Library not loaded: (\S+)|DLL load failed/,
    },
  ],
  [
    'wrong-architecture',
    {
      codes: ['ENOEXEC', 'EBADARCH'],
      numbers: [[8], [8, 86], [193, 216]],
      words: /exec format error|bad CPU type in executable|wrong ELF class|is not a valid Win32 application/i,
    },
  ],
  [
    'too-many-processes',
    {
      codes: ['EAGAIN'],
      numbers: [[11], [35]],
      words:
        /ThreadPoolBuildError|failed to spawn thread|can't (?:spawn|start) (?:a )?(?:new |worker )?thread|fork: (?:retry: )?resource temporarily unavailable|pthread_create failed/i,
    },
  ],
  [
    'too-many-files',
    { codes: ['EMFILE', 'ENFILE'], numbers: [[24, 23], [24, 23], [4]], words: /too many open files/i },
  ],
  [
    'out-of-memory',
    {
      codes: ['ENOMEM', 'ERR_WORKER_OUT_OF_MEMORY'],
      numbers: [[12], [12], [8, 14, 1455]],
      words:
        /cannot allocate memory|^MemoryError\b|JavaScript heap out of memory|memory allocation of \d+ bytes failed|std::bad_alloc|failed to allocate memory/im,
      signals: ['SIGKILL'],
    },
  ],
  ['old-processor', { signals: ['SIGILL'], words: /illegal instruction/i }],
  [
    'path-too-long',
    { codes: ['ENAMETOOLONG'], numbers: [[36], [63], [206]], words: /file ?name too long|path too long/i },
  ],
  ['quarantined', { numbers: [[], [], [225, 226]], words: VIRUS_FOUND }],
  [
    'held-by-another-program',
    {
      codes: ['EBUSY', 'ETXTBSY'],
      numbers: [
        [16, 26],
        [16, 26],
        [5, 32, 33],
      ],
      words: /text file busy|device or resource busy|being used by another process/i,
    },
  ],
  [
    'link-loop',
    { codes: ['ELOOP'], numbers: [[40], [62], [1921]], words: /too many levels of symbolic links/i },
  ],
  [
    'file-in-the-way',
    {
      codes: ['ENOTDIR', 'EEXIST', 'EISDIR'],
      numbers: [
        [20, 17, 21],
        [20, 17, 21],
        [80, 183, 267],
      ],
      words: /: (?:not a directory|is a directory|file exists)\b/i,
    },
  ],
  [
    'volume-gone',
    {
      codes: ['ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ENODEV', 'ENXIO'],
      numbers: [
        [116, 107, 112, 19, 6],
        [70, 57, 64, 19, 6],
        [21, 55, 433],
      ],
      words: /stale (?:nfs )?file handle|transport endpoint is not connected|host is down/i,
    },
  ],
  [
    'disk-error',
    {
      codes: ['EIO', 'EUCLEAN', 'EBADMSG'],
      numbers: [[5, 117, 74], [5], [23, 1117, 1392]],
      words: /input\/output error|structure needs cleaning|bus error/i,
      signals: ['SIGBUS'],
    },
  ],
  [
    'unsupported-by-volume',
    {
      codes: ['EOPNOTSUPP', 'ENOTSUP', 'EILSEQ', 'ENOLCK', 'EMLINK'],
      numbers: [
        [95, 84, 37, 31],
        [45, 102, 92, 77, 31],
        [50, 123],
      ],
      words: /operation not supported|no locks available/i,
    },
  ],
  [
    'blocked-call',
    {
      codes: ['ENOSYS'],
      numbers: [[38], [78]],
      signals: ['SIGSYS'],
      words: /function not implemented|bad system call/i,
    },
  ],
  [
    'no-permission',
    { codes: ['EACCES'], numbers: [[13], [13]], words: /permission denied|access is denied/i },
  ],
  [
    'refused-by-system',
    { codes: ['EPERM'], numbers: [[1], [1], [1260, 4551]], words: /operation not permitted/i },
  ],
  ['cpu-limit', { signals: ['SIGXCPU'], words: /cputime limit exceeded/i }],
  ['crash', { signals: ['SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGTRAP'], words: /segmentation fault/i }],
  ['stopped-from-outside', { signals: ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] }],
];

/** Signal numbers, to which shells add 128. The same on Linux and macOS except SIGBUS and SIGSYS; signal(7). */
const SIGNAL_NUMBERS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** NTSTATUS values that Windows returns as exit codes. */
const STATUS_CODES: Readonly<Record<number, MachineReason>> = {
  3221225477: 'crash',
  3221225501: 'old-processor',
  3221225781: 'missing-library',
  3221225495: 'out-of-memory',
  3221225626: 'out-of-memory',
  3221225478: 'disk-error',
};

/** The reason for an errno name such as `ENOSPC`. */
export function reasonOfCode(code: string | undefined): MachineReason | null {
  return code === undefined ? null : (SIGNS.find(([, { codes }]) => codes?.includes(code))?.[0] ?? null);
}

/**
 * The reason for the end of a process: a signal, a shell's exit code, an NTSTATUS. `null` for an ordinary
 * exit code.
 */
export function reasonOfEnding(exitCode: number | null, signal?: string | null): MachineReason | null {
  if (exitCode !== null && STATUS_CODES[exitCode] !== undefined) return STATUS_CODES[exitCode];
  const name = signal ?? (exitCode === null ? undefined : SIGNAL_NUMBERS[exitCode - 128]);
  return name === undefined ? null : reasonOfSignal(name);
}

function reasonOfSignal(name: string): MachineReason | null {
  return SIGNS.find(([, { signals }]) => signals?.includes(name))?.[0] ?? null;
}

/** A reason, with the details found in the text. */
export interface ReadReason {
  reason: MachineReason;
  /** A missing version or library. */
  missing?: string;
  signal?: string;
}

/**
 * The reason in another program's output: numbers first, since they do not depend on the language, then errno
 * names, how a process ended, and known texts. `null` when it does not point to the machine.
 */
export function reasonOfText(text: string, platform: NodeJS.Platform = process.platform): ReadReason | null {
  const read = readText(text, platform);
  return read === null ? null : { ...read, reason: refusalReason(read.reason, text, platform) };
}

function systemOf(platform: NodeJS.Platform): number {
  if (platform === 'win32') return WINDOWS;
  return platform === 'darwin' ? MACOS : LINUX;
}

function readText(text: string, platform: NodeJS.Platform): ReadReason | null {
  const own = systemOf(platform);
  const found = [...text.matchAll(/\bos error (\d+)\b|\[(Errno|WinError) (\d+)\]/g)].map(
    ([, ofRust, kind, ofPython]) => ({
      number: Number(ofRust ?? ofPython),
      // Python on Windows prints both kinds: the errno numbers of its C library match those of Linux where
      // known.
      system: kind === 'Errno' && own === WINDOWS ? LINUX : own,
    }),
  );
  const names = new Set<string>(text.match(/\bE[A-Z]{2,}\b/g));
  const byNumber = SIGNS.find(([, { numbers = [] }]) =>
    found.some(({ number, system }) => numbers[system]?.includes(number)),
  );
  if (byNumber) return { reason: byNumber[0] };
  const byName = SIGNS.find(([, { codes = [] }]) => codes.some((code) => names.has(code)));
  if (byName) return { reason: byName[0] };
  const ending = endingIn(text);
  if (ending !== null) return ending;
  for (const [reason, { words }] of SIGNS) {
    const match = words?.exec(text);
    if (!match) continue;
    const missing = match.slice(1).find((part) => part !== undefined);
    return { reason, ...(missing === undefined ? {} : { missing }) };
  }
  return null;
}

/** `was ended by SIGKILL`, `exit code 137`. */
function endingIn(text: string): ReadReason | null {
  const signal = /\b(SIG(?:ILL|KILL|BUS|XFSZ|XCPU|SEGV|ABRT|FPE|TRAP|SYS|TERM|HUP|INT|QUIT))\b/.exec(
    text,
  )?.[1];
  const exitCode = /\bexit(?:ed with)? (?:code|status):? (\d+)\b/i.exec(text)?.[1];
  const reason = reasonOfEnding(exitCode === undefined ? null : Number(exitCode), signal);
  return reason === null ? null : { reason, ...(signal === undefined ? {} : { signal }) };
}

/**
 * The reason behind an error: its code or an errno in the chain of causes, or what a child printed (`output`,
 * `stderr`) and how it ended.
 */
export function machineReasonOf(
  error: unknown,
  platform: NodeJS.Platform = process.platform,
): (ReadReason & { path?: string }) | null {
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 8;
    current = current.cause, depth++
  ) {
    const ofCode = VIRUS_FOUND.test(current.message) ? 'quarantined' : reasonOfCode(errorCode(current));
    if (ofCode !== null) {
      const reason = refusalReason(ofCode, current.message, platform);
      const path = reason === 'file-in-the-way' ? obstacleAt(pathIn(current)) : pathIn(current);
      return {
        reason: isStart(current) ? startReason(reason) : reason,
        ...(path === undefined ? {} : { path }),
      };
    }
    const { output, stderr } = current as { output?: unknown; stderr?: unknown };
    const printed = [output, stderr].filter((text) => typeof text === 'string').join('\n');
    const { exitCode = null, signal = null } = current as {
      exitCode?: number | null;
      signal?: string | null;
    };
    const read = reasonOfText(printed, platform) ?? endedBy(exitCode, signal);
    if (read !== null) return read;
  }
  return null;
}

function endedBy(exitCode: number | null, signal: string | null): ReadReason | null {
  const reason = reasonOfEnding(exitCode, signal);
  return reason === null ? null : { reason, ...(signal === null ? {} : { signal }) };
}

/** macOS has no errno for quarantine: it returns EPERM, and only the text names it. */
function refusalReason(reason: MachineReason, text: string, platform: NodeJS.Platform): MachineReason {
  const isQuarantine = reason === 'refused-by-system' && platform === 'darwin' && /quarantine/i.test(text);
  return isQuarantine ? 'quarantined' : reason;
}

/** A program that cannot be started does not lack write permission. */
function startReason(reason: MachineReason): MachineReason {
  return reason === 'no-permission' || reason === 'refused-by-system' ? 'start-refused' : reason;
}

function isStart(error: Error): boolean {
  return (error as NodeJS.ErrnoException).syscall?.startsWith('spawn') === true;
}

function pathIn(error: Error): string | undefined {
  const { path, dest } = error as { path?: unknown; dest?: unknown };
  const named = typeof dest === 'string' ? dest : path;
  return typeof named === 'string' ? named : undefined;
}

/** The first non-folder on the way to a path: the system's error names the path below it. */
function obstacleAt(path: string | undefined): string | undefined {
  for (
    let current = path;
    current !== undefined && dirname(current) !== current;
    current = dirname(current)
  ) {
    const isDirectory = isDirectoryAt(current);
    if (isDirectory !== null) return isDirectory ? path : current;
  }
  return path;
}

/** `null`: it does not exist, or a parent is not a folder. */
function isDirectoryAt(path: string): boolean | null {
  try {
    return statSync(path).isDirectory();
  } catch {
    return null;
  }
}
