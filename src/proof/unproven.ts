import { basename } from 'node:path';
import { MACHINE_CAUSES } from '../failure/causes/machine-causes.ts';
import { reasonOfText } from '../failure/causes/machine-reason.ts';
import { SetupError } from '../support/errors.ts';
import { otherRemedy, REBUILD } from '../support/remedies.ts';

/** The daemon never answered properly, possibly because an import failed. */
export class UnstartedError extends SetupError {}

/** The error for a daemon that did not start. */
export function unstarted(what: string, path: string, output: string): SetupError {
  return unproven(what, path, output, UnstartedError);
}

/** @param output what the child printed: its last lines are the evidence, and may tell the cause. */
export function unproven(what: string, path: string, output: string, Kind = SetupError): SetupError {
  const lines = output.trim().split('\n').filter(Boolean).slice(-8);
  const setting = /KTX_\w+ is .*or run: (unset \w+)/.exec(output)?.[1];
  const read = setting === undefined ? reasonOfText(output) : null;
  const row = read === null ? null : MACHINE_CAUSES[read.reason];
  return new Kind(`The Python environment is in place, but ${what}.`, {
    failureClass: row?.failureClass ?? 'internal',
    ...(row === null ? {} : { causeId: row.cause }),
    evidence: [path, ...(row && read ? [row.title({ ...read, program: basename(path) })] : []), ...lines],
    remedies: setting
      ? [otherRemedy(setting)]
      : [
          ...(row?.remedies(read ?? {}) ?? [REBUILD]),
          otherRemedy('See the install log for everything that was printed'),
        ],
  });
}
