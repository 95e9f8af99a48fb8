import { type CheckResult, eventEmitter } from '../core/events.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import { DOCTOR_CHECKS } from './all-checks.ts';
import { runCheckList } from './run-list.ts';

export type CheckOptions = Pick<
  SetupOptions,
  'cliVersion' | 'assetDir' | 'runtimeRoot' | 'env' | 'homeDir' | 'onEvent' | 'signal'
>;

/**
 * The checks at the end of the wizard: all that need no network and no hashing, and the one that starts a
 * daemon. Changes nothing. Emits each result as soon as it is known.
 */
export async function runChecks(options: CheckOptions): Promise<CheckResult[]> {
  const { onEvent, signal, ...target } = options;
  const emit = eventEmitter(onEvent);
  const checks = DOCTOR_CHECKS.filter(({ id, cost }) => cost === 'offline' || id === 'daemon');
  return runCheckList(checks, target, {
    signal,
    onEvent: (event) => {
      if (event.type === 'check') emit(event);
    },
  });
}
