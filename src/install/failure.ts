import {
  CancelledError,
  errorChain,
  errorCode,
  errorMessage,
  type FailureClass,
  SetupError,
} from '../support/errors.ts';
import type { FailureReport, SetupStep } from '../support/events.ts';
import { UvCommandError } from './uv-runner.ts';

interface Diagnosis {
  failureClass: FailureClass;
  title: string;
  evidence: readonly string[];
  nextSteps: readonly string[];
}

/** errno of the file system to what it means for somebody who installs. `{path}` is where. */
const ERRNO: Record<string, { failureClass: FailureClass; title: string; nextSteps: string[] }> = {
  ENOSPC: {
    failureClass: 'disk',
    title: 'The disk is full',
    nextSteps: [
      'Free some space, then run the same command again',
      'Put the runtime elsewhere: --runtime-root <dir>',
    ],
  },
  EDQUOT: {
    failureClass: 'disk',
    title: 'Your disk quota is used up',
    nextSteps: [
      'Free some space, then run the same command again',
      'Put the runtime elsewhere: --runtime-root <dir>',
    ],
  },
  EACCES: {
    failureClass: 'permission',
    title: 'No permission to write',
    nextSteps: ['Make the folder writable for this user', 'Put the runtime elsewhere: --runtime-root <dir>'],
  },
  EPERM: {
    failureClass: 'permission',
    title: 'The system refused the operation',
    nextSteps: ['Make the folder writable for this user', 'Put the runtime elsewhere: --runtime-root <dir>'],
  },
  EROFS: {
    failureClass: 'permission',
    title: 'The file system is read-only',
    nextSteps: ['Put the runtime on a writable volume: --runtime-root <dir>'],
  },
  ENOTDIR: {
    failureClass: 'conflict',
    title: 'A file is where a folder should be',
    nextSteps: ['Move the file away', 'Put the runtime elsewhere: --runtime-root <dir>'],
  },
  EEXIST: {
    failureClass: 'conflict',
    title: 'A file is where a folder should be',
    nextSteps: ['Move the file away', 'Put the runtime elsewhere: --runtime-root <dir>'],
  },
  ENAMETOOLONG: {
    failureClass: 'platform',
    title: 'The path is too long for this file system',
    nextSteps: ['Choose a shorter folder: --runtime-root <dir>'],
  },
};

/** What uv prints to what it means, most specific first: `os error` before words, which may be localised. */
const UV_OUTPUT: { pattern: RegExp; code?: string; diagnosis?: Omit<Diagnosis, 'evidence'> }[] = [
  { pattern: /\(os error 28\)/, code: 'ENOSPC' },
  { pattern: /\(os error 30\)/, code: 'EROFS' },
  { pattern: /\(os error (?:13|5)\)/, code: 'EACCES' },
  {
    pattern: /Hash mismatch for/,
    diagnosis: {
      failureClass: 'verification',
      title: 'A file is not the one that the lock names',
      nextSteps: ['Run the same command again: the altered file is fetched anew'],
    },
  },
  {
    pattern: /Failed to extract archive|invalid peer|Failed to read `/,
    diagnosis: {
      failureClass: 'verification',
      title: 'A package file is damaged',
      nextSteps: ['Run the same command again: the damaged file is fetched anew'],
    },
  },
  {
    pattern: /No interpreter found|Failed to inspect Python interpreter|Failed to query Python interpreter/,
    diagnosis: {
      failureClass: 'platform',
      title: 'uv cannot use this Python',
      nextSteps: ['Choose another one: ktx setup --python <path>'],
    },
  },
  {
    pattern: /dns error|failed to lookup address|are you offline/i,
    diagnosis: {
      failureClass: 'network',
      title: 'A host name could not be resolved',
      nextSteps: ['Check the network and the proxy settings, then run the same command again'],
    },
  },
];

/** Turns whatever was thrown into what a failure screen, plain output and JSON say alike. */
export function describeFailure(
  error: unknown,
  context: { step: SetupStep | null; untouched: string; logPath: string | null },
): FailureReport {
  return { ...diagnose(error), ...context };
}

function diagnose(error: unknown): Diagnosis {
  if (error instanceof SetupError) {
    const evidence =
      error.evidence.length > 0 || error.cause === undefined ? error.evidence : [errorChain(error.cause)];
    return { failureClass: error.failureClass, title: error.message, evidence, nextSteps: error.nextSteps };
  }
  if (error instanceof UvCommandError) return diagnoseUv(error);
  const code = errorCode(error);
  const known = code === undefined ? undefined : ERRNO[code];
  if (known) return { ...known, title: `${known.title}: ${pathOf(error)}`, evidence: [errorMessage(error)] };
  return {
    failureClass: 'internal',
    title: errorMessage(error).split('\n')[0] ?? 'Something went wrong',
    evidence: errorChain(error).split('\n').slice(0, 12),
    nextSteps: ['Run the same command again', 'Report it with the install log when it stays'],
  };
}

function diagnoseUv(error: UvCommandError): Diagnosis {
  const command = `uv ${error.uvArgs.slice(0, 2).join(' ')}`;
  const evidence = [`${command} failed`, ...error.output.split('\n').filter(Boolean).slice(-10)];
  const row = UV_OUTPUT.find(({ pattern }) => pattern.test(error.output));
  const errno = row?.code === undefined ? undefined : ERRNO[row.code];
  if (errno) return { ...errno, evidence };
  if (row?.diagnosis) return { ...row.diagnosis, evidence };
  const cause = errorCode(error.cause);
  if (cause !== undefined && ERRNO[cause]) return { ...ERRNO[cause], evidence };
  return {
    failureClass: 'internal',
    title: `${command} failed`,
    evidence,
    nextSteps: ['Run the same command again', 'The install log has everything that uv printed'],
  };
}

function pathOf(error: unknown): string {
  const { path, dest } = error as { path?: unknown; dest?: unknown };
  if (typeof dest === 'string') return dest;
  return typeof path === 'string' ? path : errorMessage(error);
}

/** True for an ending by the user's own will, which is no failure. */
export function isCancellation(error: unknown): boolean {
  return error instanceof CancelledError;
}
