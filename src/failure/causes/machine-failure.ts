import { errorMessage, SetupError } from '../../support/errors.ts';
import { MACHINE_CAUSES, type MachineReason } from './machine-causes.ts';
import type { MachineFacts } from './machine-facts.ts';
import { machineReasonOf } from './machine-reason.ts';

interface MachineFailureDetails extends MachineFacts {
  /** Replaces the row's title when the attempted action says more. */
  title?: string;
  /** Lines shown before the error's own text. */
  evidence?: readonly string[];
  /** The underlying error. */
  cause?: unknown;
}

/** An error of this machine with the texts and remedies of its row. */
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

/**
 * Explains an error with a recognisable machine cause; returns any other error, and every SetupError,
 * unchanged.
 */
export function explainMachineFailure(error: unknown, details: MachineFailureDetails = {}): unknown {
  if (error instanceof SetupError) return error;
  const read = machineReasonOf(error);
  if (read === null) return error;
  // An obstacle was located precisely; otherwise the caller knows the path best.
  const path = read.reason === 'file-in-the-way' ? read.path : (details.path ?? read.path);
  return machineFailure(read.reason, {
    ...read,
    ...details,
    ...(path === undefined ? {} : { path }),
    cause: error,
  });
}

const LIMITS: readonly MachineReason[] = ['too-many-files', 'too-many-processes', 'out-of-memory'];

/**
 * The error for something that could not be done or started because this user, process or container is at a limit: neither the host
 * that was asked nor the program that was to run is at fault. `null` for any other error, and for a program that was started.
 */
export function machineLimit(error: unknown, details: MachineFailureDetails = {}): SetupError | null {
  const read = machineReasonOf(error);
  if (read === null || read.signal !== undefined || !LIMITS.includes(read.reason)) return null;
  return machineFailure(read.reason, { ...details, cause: error });
}
