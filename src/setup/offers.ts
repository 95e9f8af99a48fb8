import { declaredEmbedder, type FeatureWords } from '../core/embedder.ts';
import { type KtxRuntimeFeature, normaliseFeatures, RUNTIME_FEATURES } from '../core/features.ts';
import { unavailability } from '../shipped/feature-support.ts';
import { type Artefact, artefactsOf, lockArtefact, type RuntimeLock } from '../shipped/lock.ts';
import { type HostPlatform, lockedMinors, targetKey } from '../shipped/target.ts';
import { MANAGED_UV_WHEELS, type ManagedUvPlatformKey } from '../uv/release.ts';
import { sumOrUnknown } from './plan/sum-or-unknown.ts';

/** A feature on offer. Sizes in bytes; `null` is unknown. */
export interface FeatureOffer {
  feature: KtxRuntimeFeature;
  title: string;
  description: string;
  /**
   * Bytes missing from the store, without a Python archive: only the hosts' answers show whether one is
   * needed.
   */
  downloadBytes: number | null;
  diskBytes: number | null;
  /** Duration of an install at 100 Mbit/s; `null` when a size is unknown. */
  expectedMs: number | null;
  /** Why this machine does not support it; `null` when it does. */
  unavailableReason: string | null;
}

/** Which files of the lock are on this machine. */
export interface WhatIsHere {
  hasUv: boolean;
  /** Digests of complete files in the store. */
  storedDigests: ReadonlySet<string>;
  /** File names in the folder of the embedding model. */
  modelFiles: ReadonlySet<string>;
}

const WORDS: Record<KtxRuntimeFeature, FeatureWords> = {
  core: { title: 'Core', description: 'SQL analysis and parsing for your projects' },
  'local-embeddings': {
    title: 'Core + local embeddings',
    description: 'also embeds text here: private, no API key',
  },
};

const wordsOf = (feature: KtxRuntimeFeature): FeatureWords =>
  declaredEmbedder()?.features?.[feature] ?? WORDS[feature];

/** An assumption: the speed of the link is unknown until it is used. */
const REFERENCE_BITS_PER_SECOND = 100e6;
/** Measured on two cores: unpacking 420 MB takes 3 s; starting, importing and answering takes 3 s. */
const UNPACKED_BYTES_PER_SECOND = 140e6;
const PROOF_MS = 3000;

/** Download, unpacking and proof, one after the other. */
function expectedMsOf(downloadBytes: number | null, diskBytes: number | null): number | null {
  if (downloadBytes === null || diskBytes === null) return null;
  const fetchMs = (downloadBytes * 8000) / REFERENCE_BITS_PER_SECOND;
  return Math.round(fetchMs + (diskBytes * 1000) / UNPACKED_BYTES_PER_SECOND + PROOF_MS);
}

const UNKNOWN = { downloadBytes: null, diskBytes: null, expectedMs: null };

/** For a wheel without a lock: every feature is available, and only uv finds out the sizes. */
export function foreignOffer(feature: KtxRuntimeFeature): FeatureOffer {
  return { feature, ...wordsOf(feature), ...UNKNOWN, unavailableReason: null };
}

/**
 * What each feature costs on this machine, given the files that are already here. Pure.
 * @param atHand the only Python minors available; `null`: any in the lock.
 */
export function lockedOffers(
  lock: RuntimeLock,
  host: HostPlatform,
  here: WhatIsHere,
  atHand: ReadonlySet<string> | null = null,
): FeatureOffer[] {
  // The Python that ktx would install comes first: its sizes are the most likely, and if no Python works, its
  // reason is more useful than that of a brand-new Python without wheels.
  const pinned = lock.python.version.split('.').slice(0, 2).join('.');
  const minors = lockedMinors(lock, host)
    .sort((one, other) => Number(other === pinned) - Number(one === pinned))
    .filter((minor) => atHand?.has(minor) ?? true);
  const isStored = ({ sha256 }: Artefact) => here.storedDigests.has(sha256);
  return RUNTIME_FEATURES.map((feature) => {
    const features = normaliseFeatures([feature]);
    const wheelsOf = (minor: string) => artefactsOf(lock, targetKey(host, minor), features);
    const storedCount = (minor: string) => wheelsOf(minor).filter(isStored).length;
    // Which Python it will be, the plan finds out; likely the one that packages are here for.
    const [minor] = minors
      .filter((candidate) => unavailability(lock, host, candidate, features) === null)
      .sort((one, other) => storedCount(other) - storedCount(one));
    if (minor === undefined) {
      const reason = minors[0] ? unavailability(lock, host, minors[0], features) : null;
      const unavailableReason = reason ?? `nothing is locked for ${host.platform}-${host.arch}`;
      return { feature, ...wordsOf(feature), ...UNKNOWN, unavailableReason };
    }
    const artefacts = wheelsOf(minor);
    const missing = artefacts.filter((artefact) => !isStored(artefact)).map(({ sizeBytes }) => sizeBytes);
    const model = modelFiles(lock, features)
      .filter(({ file }) => !here.modelFiles.has(file))
      .map(({ sizeBytes }) => sizeBytes);
    const pin = MANAGED_UV_WHEELS[`${host.platform}-${host.arch}` as ManagedUvPlatformKey];
    const uvBytes = here.hasUv ? [] : [pin?.sizeBytes ?? null];
    const uvDiskBytes = here.hasUv ? [] : [pin?.binarySizeBytes ?? null, ...uvBytes];
    const downloadBytes = sumOrUnknown([...missing, ...model, ...uvBytes]);
    const diskBytes = sumOrUnknown([
      ...artefacts.map((artefact) => artefact.unpackedBytes),
      // Verified files stay in the store.
      ...missing,
      ...model,
      ...uvDiskBytes,
    ]);
    const expectedMs = expectedMsOf(downloadBytes, diskBytes);
    return { feature, ...wordsOf(feature), downloadBytes, diskBytes, expectedMs, unavailableReason: null };
  });
}

/** The files of the features' model. */
export function modelFiles(lock: RuntimeLock, features: readonly KtxRuntimeFeature[]): Artefact[] {
  const model = features.map((feature) => lock.models?.[feature]).find((entry) => entry !== undefined);
  return (model?.files ?? []).map((sha256) => lockArtefact(lock, sha256));
}
