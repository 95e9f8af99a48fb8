import { NetworkFailure } from '../network/errors/network-failure.ts';
import { errorMessage, type FailureClass, SetupError } from '../support/errors.ts';
import type { Remedy } from '../support/remedy.ts';
import { UvCommandError } from '../uv/runner.ts';
import { MACHINE_CAUSES } from './causes/machine-causes.ts';
import { machineReasonOf } from './causes/machine-reason.ts';
import { UV_CAUSES } from './causes/uv-causes.ts';

/** What was seen of a failure. */
export interface FailureSignals {
  error: unknown;
  /** The client's or a probe's verdict, found in the chain of causes. */
  network: NetworkFailure | null;
  /** What a failed uv command printed; `null` when it was none. */
  uvOutput: string | null;
  /** What the first error in the chain that knows its cause says. */
  known: { cause: string; failureClass: FailureClass } | null;
}

/** What programs know a failure by. */
export interface Cause {
  cause: string;
  failureClass: FailureClass;
  /** Absent where the error says it itself. */
  title?: string;
  remedies?: readonly Remedy[];
}

/** Looks through the chain of causes: what is thrown at the top rarely is what happened. */
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

/** What it was: what an error knows itself, else what the machine is known to do, else what uv says; `null` for what nobody has seen before. */
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
