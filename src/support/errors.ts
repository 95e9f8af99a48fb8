import { harmlessLine, harmlessText, harmlessValue } from './harmless.ts';
import { type Remedy, remedy, remedyText, uniqueRemedies } from './remedy.ts';

/** What kind of failure it is. Shown in text and JSON; decides which remedies are offered. */
export type FailureClass =
  | 'network'
  | 'verification'
  | 'disk'
  | 'permission'
  | 'platform'
  | 'conflict'
  | 'internal';

/** In the global symbol registry, so that all packages and copies of this one share it. */
const EXPECTED = Symbol.for('ktx.expected-error');

/**
 * A failure caused by the environment and not by a bug: error reporting skips it, the user still sees the
 * message. The name and the constructor are part of the library's contract. `instanceof` also accepts errors
 * of other packages whose property `Symbol.for('ktx.expected-error')` is `true`.
 */
export class KtxExpectedError extends Error {
  readonly [EXPECTED] = true;

  constructor(message: string, options?: ErrorOptions) {
    super(harmlessText(message), options);
    this.name = 'KtxExpectedError';
  }
}

// Not a static method: subclasses would inherit it, and they promise fields that the brand does not.
Object.defineProperty(KtxExpectedError, Symbol.hasInstance, {
  value(value: unknown): boolean {
    return Error[Symbol.hasInstance].call(this, value) || (this === KtxExpectedError && isBranded(value));
  },
});

/**
 * Whether an error is expected, whichever package created it: by the brand, or by the name of its class or of
 * a base class. For programs with a `KtxExpectedError` of their own, where `instanceof` fails.
 */
export function isKtxExpectedError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (isBranded(error)) return true;
  for (let type = Object.getPrototypeOf(error); type !== null; type = Object.getPrototypeOf(type)) {
    if (type.constructor?.name === 'KtxExpectedError') return true;
  }
  return error.name === 'KtxExpectedError';
}

function isBranded(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[EXPECTED] === true;
}

export interface SetupErrorDetails extends ErrorOptions {
  failureClass: FailureClass;
  /** Facts, one per line: host, file, digests. Never a secret. */
  evidence?: readonly string[];
  /** What to do, best first. */
  remedies?: readonly Remedy[];
  /** The `host[:port]` or folder concerned. */
  host?: string;
  /** Id for programs, if the thrower knows it; see the tables in src/failure/causes. */
  causeId?: string;
}

/** An expected error with its class, evidence and remedies. */
export class SetupError extends KtxExpectedError {
  readonly failureClass: FailureClass;
  evidence: readonly string[];
  remedies: readonly Remedy[];
  readonly host: string | null;
  readonly causeId: string | null;

  constructor(message: string, details: SetupErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.failureClass = details.failureClass;
    this.evidence = (details.evidence ?? []).map(harmlessLine);
    this.remedies = harmlessValue(details.remedies ?? []);
    this.host = details.host ?? null;
    this.causeId = details.causeId ?? null;
  }

  /** The texts of `remedies`. */
  get nextSteps(): readonly string[] {
    return this.remedies.map((each) => harmlessLine(remedyText(each)));
  }

  /** Adds context that the thrower could not know, such as settings that are ignored. */
  explain(evidence: readonly string[], remedies: readonly Remedy[]): void {
    this.evidence = [...new Set([...this.evidence, ...evidence.map(harmlessLine)])];
    this.remedies = uniqueRemedies([...remediesOf(this), ...harmlessValue(remedies)]);
  }
}

/**
 * A shared file has a format that this version does not know. Files of a newer ktx are never guessed at or
 * overwritten.
 */
export class NewerFormatError extends SetupError {
  /** @param writtenBy the version that wrote it, if the file says so. */
  constructor(path: string, writtenBy: string | null) {
    super(
      `${path} was written by a newer ktx${writtenBy === null ? '' : `, ${writtenBy}`}. Nothing was changed.`,
      {
        failureClass: 'conflict',
        causeId: 'newer-ktx',
        evidence: [path],
        remedies: [
          remedy('other', 'Update ktx, then run', {
            afterwards: ['ktx', 'setup'],
            nextAttempt: 'afterwards',
          }),
          remedy('other', 'Or use the newer ktx for this runtime folder'),
        ],
      },
    );
    this.name = 'NewerFormatError';
  }
}

/** An error's remedies or, if it has none, those of its nearest cause. */
function remediesOf(error: SetupError): readonly Remedy[] {
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 8; depth++) {
    if (current instanceof SetupError && current.remedies.length > 0) return current.remedies;
    current = current.cause;
  }
  return [];
}

/** The user stopped the operation (Ctrl+C, SIGTERM, SIGHUP). Exit code 130. */
export class CancelledError extends Error {
  constructor(message = 'Operation cancelled.') {
    super(message);
    this.name = 'CancelledError';
  }
}

/** Throws `CancelledError` when the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}

/** The errno of a system error (`ENOENT`, `ECONNREFUSED`, …), or `undefined`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether a file system error means that the path does not exist. */
export function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '');
}

/**
 * Node takes an undeletable file, such as an immutable one, for a folder and then fails because it is not
 * one.
 */
export function isRefusedRemoval(error: unknown): boolean {
  return errorCode(error) === 'ENOTDIR' && (error as NodeJS.ErrnoException).syscall === 'scandir';
}

/** For `catch`: `null` when the path does not exist; rethrows anything else. */
export function absentAsNull(error: unknown): null {
  if (isAbsence(error)) return null;
  throw error;
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

/** The message and that of each `cause`, joined with `: `, skipping repetitions. */
export function errorChain(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 8; depth++) {
    const text = errorMessage(current);
    if (text && !parts.some((part) => part.includes(text))) parts.push(text);
    current =
      current instanceof AggregateError
        ? current.errors[0]
        : current instanceof Error
          ? current.cause
          : undefined;
  }
  return parts.join(': ');
}
