import type { FailureReport, SetupStep } from '../core/events.ts';
import { remedyFor } from '../core/invocation.ts';
import { errorChain, errorMessage, type FailureClass, SetupError } from '../support/errors.ts';
import { harmlessValue } from '../support/harmless.ts';
import { COPY_STORE, installFromBundle, otherRemedy, RETRY, SAVE_REPORT } from '../support/remedies.ts';
import { type Remedy, remedyText, uniqueRemedies } from '../support/remedy.ts';
import { UvCommandError } from '../uv/runner.ts';
import { type Cause, causeOf, type FailureSignals, signalsOf } from './diagnosis.ts';

/** Noise that Rust adds to a known crash: the source location, and how to get a backtrace. */
const PANIC = /panicked at \S+:\d+|^note: run with `RUST_BACKTRACE|was there a panic\?/;
/** uv states the error in its last lines. */
const UV_EVIDENCE_LINES = 10;

type Diagnosis = Omit<FailureReport, 'step' | 'untouched' | 'logPath'>;

/** Converts any thrown value to the description shared by the failure screen, plain output and JSON. */
export function describeFailure(
  error: unknown,
  context: { step: SetupStep | null; untouched: string; logPath: string | null },
  /** For a setup with unreachable hosts: a bundle that could be installed instead; `null` when none is here. */
  bundlePath?: string | null,
): FailureReport {
  return harmlessValue({ ...diagnose(error, bundlePath), ...context });
}

function diagnose(error: unknown, bundlePath: string | null | undefined): Diagnosis {
  const signals = signalsOf(error);
  const row = causeOf(signals);
  // A SetupError is specific to this machine and host; a table row is generic.
  if (error instanceof SetupError) return fromSetupError(error, row, signals, bundlePath);
  if (error instanceof UvCommandError) return fromUv(error, row);
  if (row?.title !== undefined) {
    return diagnosis(row.failureClass, row.cause, row.title, [errorMessage(error)], row.remedies);
  }
  const title = errorMessage(error).split('\n')[0]!;
  return diagnosis('internal', 'unknown', title, errorChain(error).split('\n').slice(0, 12), [
    RETRY,
    otherRemedy('If it happens again, report it with the install log'),
  ]);
}

function fromSetupError(
  error: SetupError,
  row: Cause | null,
  { network }: FailureSignals,
  bundlePath: string | null | undefined,
): Diagnosis {
  const { failureClass } = error;
  const evidence =
    error.evidence.length > 0 || error.cause === undefined ? error.evidence : [errorChain(error.cause)];
  // If the error has none of the cause's remedies, the cause knows more.
  const offered = network?.remedies ?? [];
  // Compared by label too: naming a Python mirror and naming an index share an id but are two remedies.
  const isOffered = (own: Remedy) => offered.some(({ id, label }) => id === own.id && label === own.label);
  const ofCause = error.remedies.some(isOffered) ? [] : offered;
  const bundle = bundlePath === undefined ? [] : [installFromBundle(bundlePath)];
  const isOwnWord = row?.cause === 'host-not-allowed' || row?.cause === 'setting';
  const ways = failureClass === 'network' && !isOwnWord ? [...bundle, COPY_STORE, SAVE_REPORT] : [];
  const remedies = uniqueRemedies([...ofCause, ...error.remedies, ...ways]).map((each) => remedyFor(each));
  return {
    failureClass,
    title: error.message,
    evidence,
    nextSteps: remedies.map(remedyText),
    cause: row?.cause ?? failureClass,
    host: network?.host ?? error.host,
    remedies,
  };
}

function fromUv(error: UvCommandError, row: Cause | null): Diagnosis {
  const command = `uv ${error.uvArgs.slice(0, 2).join(' ')}`;
  const evidence = [
    `${command} failed`,
    ...error.output
      .split('\n')
      .filter((line) => line !== '' && (row === null || !PANIC.test(line)))
      .slice(-UV_EVIDENCE_LINES),
  ];
  if (row?.title !== undefined)
    return diagnosis(row.failureClass, row.cause, row.title, evidence, row.remedies);
  return diagnosis('internal', 'unknown', `${command} failed`, evidence, [
    RETRY,
    otherRemedy('See the install log for everything that uv printed'),
  ]);
}

function diagnosis(
  failureClass: FailureClass,
  cause: string,
  title: string,
  evidence: readonly string[],
  remedies: readonly Remedy[] = [],
): Diagnosis {
  const here = remedies.map((each) => remedyFor(each));
  return {
    failureClass,
    title,
    evidence,
    nextSteps: here.map(remedyText),
    cause,
    host: null,
    remedies: here,
  };
}
