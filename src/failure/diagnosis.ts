import { NetworkFailure } from '../network/errors/network-failure.ts';
import { SettingError } from '../network/settings/profile.ts';
import { NoSourceError } from '../store/sources.ts';
import { errorCode, type FailureClass, NewerFormatError, SetupError } from '../support/errors.ts';
import {
  CHECK_NETWORK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  excludeFromAntivirus,
  FREE_SPACE,
  GO_ONLINE,
  MAKE_WRITABLE,
  OTHER_ROOT,
  otherPython,
  otherRemedy,
  RETRY,
  SET_PROXY,
  setupAgain,
  thenSetup,
  USE_INDEX,
  USE_SYSTEM_PYTHON,
} from '../support/remedies.ts';
import type { Remedy } from '../support/remedy.ts';
import { UvCommandError } from '../uv/runner.ts';

/** What was seen of a failure: the client's verdict, uv's words, the system's code. */
export interface FailureSignals {
  error: unknown;
  /** The client's or a probe's verdict, found in the chain of causes. */
  network: NetworkFailure | null;
  /** What a failed uv command printed; `null` when it was none. */
  uvOutput: string | null;
  errno: string | null;
}

/** What programs know a failure by. */
export interface Cause {
  cause: string;
  failureClass: FailureClass;
  /** Absent where the error says it itself. */
  title?: string;
  remedies?: readonly Remedy[];
}

/** One cause: how it is known, and what to tell about it. */
export interface CauseRow extends Cause {
  uv?: RegExp;
  errno?: readonly string[];
  title: string;
  remedies: readonly Remedy[];
}

/**
 * What uv and the system say, most specific first: the first row that fits is the cause. `os error N` stands before words, which uv takes
 * from a localised system. What the client saw itself is in `NETWORK_CAUSES`.
 */
export const CAUSES: readonly CauseRow[] = [
  // uv said it.
  { ...disk('disk-full', 'The disk is full'), uv: /\(os error (?:28|112)\)/ },
  { ...disk('disk-full', 'The disk quota of this user is used up'), uv: /\(os error (?:122|69)\)/ },
  { ...readOnly(), uv: /\(os error 30\)/ },
  {
    cause: 'held-by-another-program',
    uv: /\(os error 32\)|\(os error 5\)/,
    failureClass: 'permission',
    title: 'Another program holds a file of the runtime',
    remedies: [RETRY, excludeFromAntivirus('the runtime folder')],
  },
  { ...noPermission(), uv: /\(os error 13\)/ },
  {
    cause: 'other-bytes',
    uv: /Hash mismatch for|Size mismatch for|but the lockfile records/,
    failureClass: 'verification',
    title: 'A file is not the one that the lock names',
    remedies: [setupAgain('The altered file is fetched again by the next run')],
  },
  {
    cause: 'tls-interception',
    uv: /invalid peer certificate|UnknownIssuer/,
    failureClass: 'network',
    title: 'A certificate is not trusted; TLS on this network may be intercepted',
    remedies: [CHOOSE_CA_FILE],
  },
  {
    cause: 'proxy-refused',
    uv: /tunnel error: unsuccessful|407 Proxy/,
    failureClass: 'network',
    title: 'The proxy did not let uv through',
    remedies: [CHECK_PROXY],
  },
  {
    cause: 'login',
    uv: /401 Unauthorized|lack of valid authentication credentials/,
    failureClass: 'network',
    title: 'The package index requires a login',
    remedies: [otherRemedy('Give the login in ~/.netrc, or in the address of the index'), USE_INDEX],
  },
  {
    cause: 'forbidden',
    uv: /403 Forbidden/,
    failureClass: 'network',
    title: 'The package index refuses access',
    remedies: [USE_INDEX],
  },
  {
    cause: 'server-error',
    uv: /HTTP status server error|429 Too Many Requests/,
    failureClass: 'network',
    title: 'The package index returned a server error',
    remedies: [RETRY, USE_INDEX],
  },
  {
    cause: 'dns',
    uv: /dns error|failed to lookup address|are you offline/i,
    failureClass: 'network',
    title: 'A host name could not be resolved',
    remedies: [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  },
  {
    cause: 'offline',
    uv: /Network connectivity is disabled|offline Python installation was requested/,
    failureClass: 'network',
    title: 'uv needs a host, and the network is switched off for it',
    remedies: [GO_ONLINE],
  },
  {
    cause: 'no-answer',
    uv: /network timeout|operation timed out/i,
    failureClass: 'network',
    title: 'A host did not answer in time',
    remedies: [RETRY, SET_PROXY],
  },
  {
    cause: 'no-connection',
    uv: /client error \(Connect\)|Failed to fetch: |error sending request/,
    failureClass: 'network',
    title: 'A host could not be reached',
    remedies: [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  },
  {
    cause: 'damaged-package',
    uv: /Failed to extract archive|Failed to read `|invalid zip|corrupt deflate/i,
    failureClass: 'verification',
    title: 'A package file is damaged',
    remedies: [setupAgain('The damaged file is fetched again by the next run')],
  },
  {
    cause: 'unusable-python',
    uv: /No interpreter found|Failed to inspect Python interpreter|Failed to query Python interpreter/,
    failureClass: 'platform',
    title: 'uv cannot use this Python',
    remedies: [otherPython('Choose another one'), USE_SYSTEM_PYTHON],
  },
  {
    cause: 'wrong-platform',
    uv: /no wheels with a matching|incompatible with the current platform|only found wheels for/,
    failureClass: 'platform',
    title: 'A package has no build for this machine',
    remedies: [otherPython('Choose another Python')],
  },
  {
    cause: 'busy',
    uv: /when waiting for lock on/,
    failureClass: 'conflict',
    title: 'Another uv is at work in the same folder',
    remedies: [thenSetup('Wait for it, then run')],
  },

  // The system said it.
  { ...disk('disk-full', 'The disk is full'), errno: ['ENOSPC'] },
  { ...disk('quota', 'Your disk quota is used up'), errno: ['EDQUOT'] },
  { ...noPermission(), errno: ['EACCES'] },
  {
    cause: 'refused-by-system',
    errno: ['EPERM'],
    failureClass: 'permission',
    title: 'The system refused the operation',
    remedies: [MAKE_WRITABLE, excludeFromAntivirus('the runtime folder'), OTHER_ROOT],
  },
  {
    cause: 'held-by-another-program',
    errno: ['EBUSY', 'ETXTBSY'],
    failureClass: 'conflict',
    title: 'Another program holds a file of the runtime',
    remedies: [RETRY, excludeFromAntivirus('the runtime folder')],
  },
  { ...readOnly(), errno: ['EROFS'] },
  {
    cause: 'file-in-the-way',
    errno: ['ENOTDIR', 'EEXIST'],
    failureClass: 'conflict',
    title: 'A file is where a folder should be',
    remedies: [otherRemedy('Move the file away'), OTHER_ROOT],
  },
  {
    cause: 'path-too-long',
    errno: ['ENAMETOOLONG'],
    failureClass: 'platform',
    title: 'The path is too long for this file system',
    remedies: [{ ...OTHER_ROOT, label: 'Choose a shorter folder' }],
  },
  {
    cause: 'too-many-files',
    errno: ['EMFILE', 'ENFILE'],
    failureClass: 'conflict',
    title: 'Too many files are open',
    remedies: [thenSetup('Raise the limit (ulimit -n), then run')],
  },
];

function disk(cause: string, title: string): CauseRow {
  return { cause, failureClass: 'disk', title, remedies: [FREE_SPACE, OTHER_ROOT] };
}

function noPermission(): CauseRow {
  return {
    cause: 'no-permission',
    failureClass: 'permission',
    title: 'No permission to write',
    remedies: [MAKE_WRITABLE, OTHER_ROOT],
  };
}

function readOnly(): CauseRow {
  return {
    cause: 'read-only',
    failureClass: 'permission',
    title: 'The file system is read-only',
    remedies: [OTHER_ROOT],
  };
}

function isVerification({ error }: FailureSignals): boolean {
  return error instanceof SetupError && error.failureClass === 'verification' && error.host !== null;
}

/** Looks through the chain of causes: what is thrown at the top rarely is what happened. */
export function signalsOf(error: unknown): FailureSignals {
  const signals: FailureSignals = { error, network: null, uvOutput: null, errno: null };
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 8; depth++) {
    if (current instanceof NetworkFailure) signals.network ??= current;
    if (current instanceof UvCommandError) signals.uvOutput ??= current.output;
    signals.errno ??= errorCode(current) ?? null;
    current = current.cause;
  }
  return signals;
}

/** What it was, where the error says so itself; a row, where it does not; `null` for what nobody has seen before. */
export function causeOf(signals: FailureSignals): Cause | null {
  const { network } = signals;
  if (isVerification(signals)) return { cause: 'other-bytes', failureClass: 'verification' };
  if (network && network.reason !== 'unknown')
    return { cause: network.causeId, failureClass: network.failureClass };
  if (signals.error instanceof SettingError) return { cause: 'setting', failureClass: 'network' };
  if (signals.error instanceof NewerFormatError) return { cause: 'newer-ktx', failureClass: 'conflict' };
  if (isWithoutSource(signals)) return { cause: 'no-source', failureClass: 'network' };
  return CAUSES.find((row) => fits(row, signals)) ?? null;
}

function isWithoutSource({ error }: FailureSignals): boolean {
  return error instanceof NoSourceError || (error as Error | null)?.cause instanceof NoSourceError;
}

function fits(row: CauseRow, signals: FailureSignals): boolean {
  const { network, uvOutput, errno } = signals;
  if (row.uv) return uvOutput !== null && row.uv.test(uvOutput);
  // An errno below a verdict of the client is what the verdict was made of.
  return network === null && errno !== null && row.errno?.includes(errno) === true;
}
