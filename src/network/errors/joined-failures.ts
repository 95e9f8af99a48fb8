import { SetupError, type SetupErrorDetails } from '../../support/errors.ts';
import { type Remedy, uniqueRemedies } from '../../support/remedy.ts';
import { isBuiltInHost } from '../address/official-hosts.ts';
import { NetworkFailure } from './network-failure.ts';

/**
 * The failure to report first: wrong bytes are an alarm; a refusal can be resolved by asking for access,
 * unlike an unreachable host; a source that the user configured matters more than a built-in address; a
 * missing file is normal for all sources but one.
 */
export function mostRelevantFailure(failures: readonly SetupError[]): SetupError | undefined {
  const network = failures.filter((failure) => failure instanceof NetworkFailure);
  const isOwn = ({ host, reason }: NetworkFailure) => reason !== 'not-found' && !isBuiltInHost(host);
  return (
    failures.find((failure) => failure.failureClass === 'verification') ??
    network.find((failure) => failure.isRefusal && isOwn(failure)) ??
    network.find((failure) => failure.isRefusal) ??
    network.find(isOwn) ??
    failures.find((failure) => !(failure instanceof NetworkFailure) || failure.reason !== 'not-found') ??
    failures[0]
  );
}

/** One error for several sources that failed. */
class JoinedFailure extends SetupError {
  readonly parts: readonly SetupError[];

  constructor(message: string, parts: readonly SetupError[], details: SetupErrorDetails) {
    super(message, details);
    this.parts = parts;
  }
}

/** The failures joined in one; any other failure is its own only part. */
export function partsOfFailure(failure: SetupError): readonly SetupError[] {
  return failure instanceof JoinedFailure ? failure.parts : [failure];
}

/**
 * One error for several sources that failed; of class verification if one of them is, because that is the
 * alarming one.
 */
export function joinFailures(
  message: string,
  joined: readonly SetupError[],
  more: { evidence?: readonly string[]; remedies?: readonly Remedy[] } = {},
): SetupError {
  const failures = joined.flatMap(partsOfFailure);
  const alarming = failures.filter((failure) => failure.failureClass === 'verification');
  const isSingle = failures.length === 1;
  const main = mostRelevantFailure(failures);
  const inOrder = main ? [main, ...failures.filter((failure) => failure !== main)] : failures;
  const text = isSingle ? `${message.replace(/\.$/, '')}: ${failures[0]!.message}` : message;
  return new JoinedFailure(text, failures, {
    failureClass: alarming.length > 0 ? 'verification' : (failures[0]?.failureClass ?? 'network'),
    evidence: [
      ...(more.evidence ?? []),
      ...(isSingle ? [] : failures.map((failure) => failure.message)),
      ...(isSingle ? failures : alarming).flatMap((failure) => failure.evidence),
    ],
    remedies: uniqueRemedies([...inOrder.flatMap((failure) => failure.remedies), ...(more.remedies ?? [])]),
    ...(main?.host ? { host: main.host } : {}),
    cause: main,
  });
}

/** A failure of the source, as opposed to this machine (disk, permission) or the user (cancelled). */
export function isSourceFailure(error: unknown): error is SetupError {
  return (
    error instanceof SetupError && (error.failureClass === 'network' || error.failureClass === 'verification')
  );
}
