import type { Emit } from '../../core/events.ts';
import { ensureManagedUv } from '../../uv/acquire.ts';
import { acceptPinnedUv, installUvFrom, uvPinsFor } from '../../uv/binary.ts';
import type { InstallPlan, InstallTools } from '../plan/install-plan.ts';

/**
 * Installs uv as planned.
 * @returns the bytes that were downloaded for it
 * @throws SetupError when it has changed since the plan or cannot be fetched; CancelledError.
 */
export async function acquireUv(
  { uv, host }: Pick<InstallPlan, 'uv' | 'host'>,
  { network, store, ensureUv }: Pick<InstallTools, 'network' | 'store' | 'ensureUv'>,
  emit: Emit,
  signal?: AbortSignal,
): Promise<{ downloadedBytes: number }> {
  switch (uv.kind) {
    case 'given':
      return { downloadedBytes: 0 };
    case 'here':
      if (uv.isPinned) await acceptPinnedUv(uv.path, uvPinsFor(host), store);
      return { downloadedBytes: 0 };
    case 'ensure':
      await ensureManagedUv(ensureUv);
      return { downloadedBytes: 0 };
    case 'fetch': {
      const fetched = await network.fetch(store, [uv.artefact], emit, signal);
      await installUvFrom(store, uv.artefact, uv.path);
      return fetched;
    }
  }
}
