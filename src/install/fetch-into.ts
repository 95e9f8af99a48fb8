import type { Artefact } from '../runtime/lock.ts';
import { type FetchOptions, fetchArtefacts } from '../store/fetch.ts';
import type { ArtefactStore } from '../store/store.ts';
import type { Emit } from '../support/events.ts';
import type { NetworkSession } from './network-session.ts';

/** Brings artefacts into the store with all that a session knows of the network. See `fetchArtefacts`. */
export function fetchInto(
  store: ArtefactStore,
  session: NetworkSession,
  artefacts: readonly Artefact[],
  emit: Emit,
  signal?: AbortSignal,
  options: Pick<FetchOptions, 'hasNextSource'> = {},
): Promise<{ downloadedBytes: number }> {
  const { client, profile, index, sourcesOf } = session;
  return fetchArtefacts({ artefacts, store, client, profile, index, sourcesOf, emit, signal, ...options });
}
