import { errorMessage, SetupError } from '../../support/errors.ts';
import { MACHINE_CAUSES, type MachineReason } from './machine-causes.ts';
import type { MachineFacts } from './machine-facts.ts';
import { machineReasonOf } from './machine-reason.ts';

interface MachineFailureDetails extends MachineFacts {
  /** In place of the row's own title, where what was tried says more. */
  title?: string;
  /** Lines before what the error itself says. */
  evidence?: readonly string[];
  /** What was made of it. */
  cause?: unknown;
}

/** An error of this machine with the words and the remedies of its row. */
export function machineFailure(reason: MachineReason, details: MachineFailureDetails = {}): SetupError {
  const { title, evidence = [], cause, ...facts } = details;
  const row = MACHINE_CAUSES[reason];
  const said = cause === undefined ? [] : errorMessage(cause).split('\n').slice(0, 6);
  return new SetupError(title ?? `${row.title(facts)}.`, {
    causeId: row.cause,
    failureClass: row.failureClass,
    evidence: [...evidence, ...said],
    remedies: row.remedies(facts),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The same for an error whose reason can be told; any other error as it is. What has words of its own keeps them. */
export function explainMachineFailure(error: unknown, details: MachineFailureDetails = {}): unknown {
  if (error instanceof SetupError) return error;
  const read = machineReasonOf(error);
  if (read === null) return error;
  // What is in the way was looked for; else who calls knows best what it is about.
  const path = read.reason === 'file-in-the-way' ? read.path : (details.path ?? read.path);
  return machineFailure(read.reason, {
    ...read,
    ...details,
    ...(path === undefined ? {} : { path }),
    cause: error,
  });
}
