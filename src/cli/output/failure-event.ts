import type { FailureReport } from '../../core/events.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { eventJson } from '../../present/json.ts';

/**
 * Prints a failure as one JSON line on stdout, in the form of an event of `ktx setup --json`. Does not print
 * the first line of that stream.
 */
export function printFailureEvent(io: KtxCliIo, failure: FailureReport): void {
  io.stdout.write(eventJson({ at: new Date().toISOString(), type: 'failure', failure }));
}

/** A command line that was rejected before anything was done. */
export function usageFailure(title: string, nextSteps: readonly string[]): FailureReport {
  return {
    step: null,
    failureClass: 'conflict',
    cause: 'usage',
    title,
    evidence: [],
    nextSteps,
    untouched: 'Nothing was changed.',
    logPath: null,
  };
}

/**
 * A failure outside an install, so without step and log.
 * @param untouched what still works, or that nothing was changed; empty when unknown.
 */
export async function thrownFailure(error: unknown, untouched: string): Promise<FailureReport> {
  const { describeFailure } = await import('../../failure/failure.ts');
  return describeFailure(error, { step: null, untouched, logPath: null });
}
