import type { Emit, SetupStep } from '../core/events.ts';
import type { Artefact } from '../shipped/lock.ts';
import { inParallel } from '../support/async/in-parallel.ts';
import type { ArtefactStore } from './store.ts';

/** Two suffice to saturate the disk, and hashing occupies a core. */
const HASH_CONCURRENCY = 2;

export interface StockOptions {
  artefacts: readonly Artefact[];
  store: ArtefactStore;
  emit: Emit;
  step?: SetupStep | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Checks which artefacts are in the store: emits an event for each intact one and removes altered ones.
 * Contacts no host.
 * @returns the missing artefacts, one per digest, largest first.
 * @throws CancelledError, or the file system's error.
 */
export async function takeStock(options: StockOptions): Promise<Artefact[]> {
  const { store, emit, signal, step = 'fetch' } = options;
  const missing: Artefact[] = [];
  await inParallel(uniqueBySize(options.artefacts), HASH_CONCURRENCY, signal, async (artefact, stop) => {
    const state = await store.verify(artefact, stop);
    if (state === 'ok') {
      emit(
        arrival(step, artefact, { sizeBytes: await store.sizeOf(artefact), place: 'store', isCached: true }),
      );
      return;
    }
    if (state === 'altered') {
      await store.remove(artefact);
      const text = `${artefact.file} in the store had been altered; it was removed and is fetched again.`;
      emit({ type: 'note', step, level: 'warning', text });
    }
    missing.push(artefact);
  });
  return uniqueBySize(missing);
}

/** The event for an artefact that is in the store, and where it came from. */
export function arrival(
  step: SetupStep,
  { file, kind, sha256 }: Artefact,
  how: { sizeBytes: number; place: string; isCached: boolean },
) {
  return { type: 'artefact' as const, step, file, artefactKind: kind, sha256, ...how };
}

/** One per digest, unknown sizes first, then largest first: long downloads must not start last. */
function uniqueBySize(artefacts: readonly Artefact[]): Artefact[] {
  const unique = new Map(artefacts.map((artefact) => [artefact.sha256, artefact]));
  const size = (artefact: Artefact) => artefact.sizeBytes ?? Number.POSITIVE_INFINITY;
  return [...unique.values()].sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
}
