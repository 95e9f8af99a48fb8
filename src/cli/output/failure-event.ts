import type { FailureReport } from '../../core/events.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { eventJson } from '../../present/json.ts';

/**
 * For who asked for JSON: a failure as one line on stdout, in the form of an event of `ktx setup --json`. What that
 * stream has as its first line is not part of it.
 */
export function printFailureEvent(io: KtxCliIo, failure: FailureReport): void {
  io.stdout.write(eventJson({ at: new Date().toISOString(), type: 'failure', failure }));
}

/** A command line that was refused before anything was done. */
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
 * What was thrown outside of an install, which alone has steps and a log.
 * @param untouched what still works, or that nothing was changed; empty where nobody knows.
 */
export async function thrownFailure(error: unknown, untouched: string): Promise<FailureReport> {
  const { describeFailure } = await import('../../failure/failure.ts');
  return describeFailure(error, { step: null, untouched, logPath: null });
}
