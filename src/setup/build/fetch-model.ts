import type { Emit } from '../../core/events.ts';
import {
  isSourceFailure,
  mostRelevantFailure,
  partsOfFailure,
} from '../../network/errors/joined-failures.ts';
import type { Artefact } from '../../shipped/lock.ts';
import { isWholeModel, placeModelFiles, placeModelFromContainer } from '../../store/model-folder.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { SetupError } from '../../support/errors.ts';
import { retryBecause } from '../../support/remedies.ts';
import type { InstallTools, ModelPlan, ModelSource, Origin } from '../plan/install-plan.ts';
import { modelNotFound } from '../plan/plan-model.ts';

/**
 * Fetches the model from the first source that delivers the promised files, and moves the verified files into
 * its folder atomically. Removes the downloads from the store.
 * @throws SetupError naming every source and why it failed, and the folder for manually placed files;
 * CancelledError.
 */
export async function fetchModel(
  plan: ModelPlan,
  { store, network }: Pick<InstallTools, 'store' | 'network'>,
  emit: Emit,
  signal?: AbortSignal,
): Promise<{ downloadedBytes: number }> {
  const { label, folder, files, container, sources } = plan;
  if (plan.isHere) {
    // The user may have taken hours to confirm the plan.
    if (!(await isWholeModel(folder, files, store, signal))) throw changedSince(folder);
    return { downloadedBytes: 0 };
  }
  const failures: SetupError[] = [];
  const tellWhoWon = ({ from, place }: Origin) => {
    if (failures.length === 0) return;
    emit({ type: 'note', step: 'fetch', level: 'info', text: `The ${label} came from: ${from} (${place}).` });
  };
  for (const [position, source] of sources.entries()) {
    const next = sources[position + 1];
    try {
      const options = { hasNextSource: next !== undefined };
      const fetched = await network.fetch(store, source.artefacts, emit, signal, options);
      // Only now: until here, a transfer could have resumed from these partial downloads of other sources.
      const others = [...files, container.artefact].filter(
        ({ sha256 }) => !source.artefacts.some((artefact) => artefact.sha256 === sha256),
      );
      await forget(store, others);
      await place(plan, source, store, signal);
      await forget(store, source.artefacts);
      tellWhoWon(source.origin);
      return fetched;
    } catch (error) {
      if (!isSourceFailure(error)) throw error;
      failures.push(...partsOfFailure(error));
      if (next) await tellNext(emit, store, { label, lost: source, next, error });
    }
  }
  // Placed manually while the other sources were tried.
  if (await isWholeModel(folder, files, store, signal)) {
    tellWhoWon({ from: 'placed by hand', place: folder });
    return { downloadedBytes: 0 };
  }
  const lost = network.failuresOf([...files, container.artefact]);
  throw modelNotFound(plan, [...lost, ...failures]);
}

async function place(
  { folder, files, container }: ModelPlan,
  { form }: ModelSource,
  store: ArtefactStore,
  signal?: AbortSignal,
): Promise<void> {
  if (form === 'files') await placeModelFiles(folder, files, store);
  else await placeModelFromContainer(folder, files, { ...container, store }, signal);
}

async function forget(store: ArtefactStore, artefacts: readonly Artefact[]): Promise<void> {
  for (const artefact of artefacts) {
    await store.remove(artefact);
    await store.discardPartial(artefact);
  }
}

async function tellNext(
  emit: Emit,
  store: ArtefactStore,
  { label, lost, next, error }: { label: string; lost: ModelSource; next: ModelSource; error: SetupError },
): Promise<void> {
  const reason = mostRelevantFailure(partsOfFailure(error))?.message ?? error.message;
  const { from, place } = next.origin;
  const level = error.failureClass === 'verification' ? 'warning' : 'info';
  const text = `${reason} The ${label} is taken from the next source: ${from} (${place}).`;
  emit({ type: 'note', step: 'fetch', level, text });
  const named = (artefacts: readonly Artefact[]) =>
    artefacts.map(({ file, sizeBytes }) => ({ file, sizeBytes }));
  const isHere = await Promise.all(lost.artefacts.map((artefact) => store.has(artefact)));
  emit({
    type: 'source',
    step: 'fetch',
    what: label,
    lost: { ...lost.origin, reason },
    next: next.origin,
    dropped: named(lost.artefacts.filter((_, index) => !isHere[index])),
    added: named(next.artefacts),
  });
}

function changedSince(folder: string): SetupError {
  return new SetupError('The embedding model was changed after the plan was made.', {
    failureClass: 'verification',
    evidence: [folder],
    remedies: [retryBecause('it makes a new plan')],
  });
}
