import { errorMessage, throwIfCancelled } from '../support/errors.ts';
import { computeDiff } from './config/diff.ts';
import { validateLlamaConfig } from './config/validate.ts';
import { healthWait } from './health.ts';
import { makeRemoteOps } from './ssh/remote-ops.ts';
import type { RemoteOps } from './ssh/types.ts';
import type { ApplyOptions, ApplyResult } from './types.ts';

export const CHANGED_MEANWHILE = 'The remote file changed while you were editing. Review the new diff.';
const NOT_AS_WRITTEN =
  'the file on the host is not what was written: something else writes to it, such as a command left by a lost connection; backup retained';
const NOT_HEALTHY = 'health check did not pass after restart; backup retained';

/** The result of a run, and the text last read from the host. */
export interface ApplyOutcome {
  result: ApplyResult;
  current: string | null;
}

/**
 * Replaces the configuration on the host: validate, read and diff, back up, write, restart, wait for health.
 * The first failing step ends the run, so nothing is written without a backup from the same run. Never
 * rejects, never rolls back, never deletes a backup.
 */
export async function applyRemoteConfig(options: ApplyOptions): Promise<ApplyResult> {
  return (await runPipeline(options)).result;
}

/** The same for callers that mask the diff before showing it, which requires both texts. */
export async function runPipeline(options: ApplyOptions): Promise<ApplyOutcome> {
  const { newConfig, signal, now = new Date() } = options;
  const known: Pick<ApplyResult, 'backupPath' | 'diff'> = {};
  let current: string | null = null;
  let step: ApplyResult['step'] = 'validate';
  const enter = (next: ApplyResult['step']): void => {
    step = next;
    throwIfCancelled(signal);
    ignoringErrors(() => options.onStep?.(next));
  };
  const see = (text: string): void => {
    current = text;
    known.diff = computeDiff(text, newConfig);
    const { expectedCurrent } = options;
    if (expectedCurrent !== undefined && text !== expectedCurrent) throw new Error(CHANGED_MEANWHILE);
  };
  try {
    enter('validate');
    const { valid, errors } = validateLlamaConfig(newConfig, options.schema);
    if (!valid) throw new Error(errors.join('; '));
    const { target, configPath, exec, mode = 'shell' } = options;
    const ops = makeRemoteOps(mode, target, configPath, exec);
    see(await readCurrent(ops));

    enter('backup');
    known.backupPath = await ops.backup(now);
    await ignoringErrors(() => options.onBackup?.(known.backupPath!));

    enter('write');
    if (options.expectedCurrent !== undefined) see(await readCurrent(ops));
    await ops.write(newConfig);
    // Two concurrent writers mix their texts without an error. The service must not load that.
    if (options.expectedCurrent !== undefined && (await readCurrent(ops, 'read back')) !== newConfig)
      throw new Error(NOT_AS_WRITTEN);

    enter('restart');
    await ops.restart(options.restartCmd);

    enter('health');
    const { baseUrl, fetcher = fetch, healthAttempts = 10, healthDelayMs = 2000 } = options;
    const isHealthy = await healthWait(baseUrl, fetcher, healthAttempts, healthDelayMs, signal);
    throwIfCancelled(signal);
    if (!isHealthy) throw new Error(NOT_HEALTHY);

    enter('done');
    return { result: { ok: true, step, ...known }, current };
  } catch (error) {
    return { result: { ok: false, step, ...known, error: errorMessage(error) }, current };
  }
}

async function readCurrent(ops: RemoteOps, what = 'read current'): Promise<string> {
  try {
    return await ops.read();
  } catch (error) {
    throw new Error(`${what} failed: ${errorMessage(error)}`, { cause: error });
  }
}

/** An observer's error must not interrupt a run. */
async function ignoringErrors(watch: () => unknown): Promise<void> {
  try {
    await watch();
  } catch {}
}
