import type { Emit } from '../../core/events.ts';
import { sideBySide } from '../../support/async/side-by-side.ts';
import type { InstallTools, LockedPlan } from '../plan/install-plan.ts';
import { fetchModel } from './fetch-model.ts';

/**
 * The switch syncs smaller files with the environment: one by one that takes as long as their transfer. Larger ones
 * are written while others still arrive, so that the switch does not wait for them.
 */
const DURABLE_FROM_BYTES = 4 * 1024 * 1024;

/**
 * Fetches every artefact of the plan except uv into the store, and the model into its folder, verified.
 * @throws SetupError naming what could not be fetched and why; CancelledError.
 */
export async function fetchArtefacts(
  { toFetch, model }: Pick<LockedPlan, 'toFetch' | 'model'>,
  tools: Pick<InstallTools, 'network' | 'store'>,
  emit: Emit,
  signal?: AbortSignal,
): Promise<{ downloadedBytes: number }> {
  const parts = await sideBySide(
    [
      (stop) =>
        tools.network.fetch(tools.store, toFetch, emit, stop, { durableFromBytes: DURABLE_FROM_BYTES }),
      ...(model ? [(stop: AbortSignal) => fetchModel(model, tools, emit, stop)] : []),
    ],
    signal,
  );
  return { downloadedBytes: parts.reduce((sum, part) => sum + part.downloadedBytes, 0) };
}
