import { NetworkFailure } from '../network/errors/network-failure.ts';
import { errorMessage, type FailureClass, SetupError } from '../support/errors.ts';
import type { Remedy } from '../support/remedy.ts';
import { UvCommandError } from '../uv/runner.ts';
import { MACHINE_CAUSES } from './causes/machine-causes.ts';
import { machineReasonOf } from './causes/machine-reason.ts';
import { UV_CAUSES } from './causes/uv-causes.ts';

/** Evidence about a failure, for the diagnosis. */
export interface FailureSignals {
  error: unknown;
  /** The first NetworkFailure in the chain of causes. */
  network: NetworkFailure | null;
  /** Output of a failed uv command; `null` for other failures. */
  uvOutput: string | null;
  /** The first error in the chain with a known cause. */
  known: { cause: string; failureClass: FailureClass } | null;
}

/** A public failure cause. */
export interface Cause {
  cause: string;
  failureClass: FailureClass;
  /** Absent when the error has its own title. */
  title?: string;
  remedies?: readonly Remedy[];
}

/** Collects evidence from the whole chain of causes: the top error is rarely the root cause. */
export function signalsOf(error: unknown): FailureSignals {
  const signals: FailureSignals = { error, network: null, uvOutput: null, known: null };
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 8; depth++) {
    if (current instanceof NetworkFailure) signals.network ??= current;
    if (current instanceof UvCommandError) signals.uvOutput ??= current.output;
    if (current instanceof SetupError && current.causeId !== null)
      signals.known ??= { cause: current.causeId, failureClass: current.failureClass };
    current = current.cause;
  }
  return signals;
}

/** The cause: the error's own, else a machine cause, else one from uv's output; `null` when unknown. */
export function causeOf(signals: FailureSignals): Cause | null {
  const { error, uvOutput, known } = signals;
  if (error instanceof SetupError && error.failureClass === 'verification' && error.host !== null)
    return { cause: 'other-bytes', failureClass: 'verification' };
  if (known !== null) return known;
  const machine = machineReasonOf(error);
  if (machine !== null) {
    const { cause, failureClass, title, remedies } = MACHINE_CAUSES[machine.reason];
    const facts = {
      ...machine,
      ...(uvOutput === null ? {} : { program: 'uv' }),
      ...(machine.path === undefined && uvOutput === null ? { where: errorMessage(error) } : {}),
    };
    return { cause, failureClass, title: title(facts), remedies: remedies(facts) };
  }
  return UV_CAUSES.find((row) => uvOutput !== null && row.uv.test(uvOutput)) ?? null;
}
