import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isOwnVersionName } from '../core/embedder.ts';
import { type KtxRuntimeFeature, normaliseFeatures, RUNTIME_FEATURES } from '../core/features.ts';
import { managedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { isVersionName } from '../core/version-name.ts';
import { managedPythonKey } from '../python/python-downloads.ts';
import { findUnpackedPython } from '../python/unpacked-python.ts';
import { findInstalledEnvironment } from '../runtime/installed-environment.ts';
import { readInstalledManifest } from '../runtime/manifest.ts';
import { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { unavailability } from '../shipped/feature-support.ts';
import { artefactsOf, lockArtefact, type RuntimeLock } from '../shipped/lock.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { detectHost, type HostPlatform, lockedMinors, platformKey, targetKey } from '../shipped/target.ts';
import { openStore } from '../store/store.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { sumOrUnknown } from '../support/sum-or-unknown.ts';
import { managedUvPath } from '../uv/acquire.ts';
import { MANAGED_UV_VERSION, MANAGED_UV_WHEELS, type ManagedUvPlatformKey } from '../uv/release.ts';
import { freeBytesAt } from './plan/disk.ts';
import type { SetupOptions } from './request/setup-options.ts';

/** One feature that can be chosen. Sizes in bytes; `null` is unknown. */
export interface FeatureOffer {
  feature: KtxRuntimeFeature;
  title: string;
  description: string;
  /** What is not in the store yet, a Python archive aside: whether one is needed shows when its hosts were asked. */
  downloadBytes: number | null;
  diskBytes: number | null;
  /** Why this machine cannot have it; `null` when it can. */
  unavailableReason: string | null;
}

/** What the first screen shows. */
export interface SetupOverview {
  cliVersion: string;
  runtimeRoot: string;
  status: {
    kind: ManagedPythonRuntimeStatus['kind'];
    detail: string;
    features: readonly KtxRuntimeFeature[];
  };
  /** Runtimes of other versions that look whole. */
  otherRuntimes: readonly { cliVersion: string; features: readonly KtxRuntimeFeature[] }[];
  offers: readonly FeatureOffer[];
  /** What is on this machine already: `uv 0.11.21`, `Python 3.13.14`, `embedding model`. */
  here: readonly { label: string; isHere: boolean }[];
  /** The pinned Python is not here: it is fetched, on top of what the offers say, unless one of this system has to do. */
  mayFetchPython: boolean;
  freeBytes: number | null;
}

const WORDS: Record<KtxRuntimeFeature, { title: string; description: string }> = {
  core: { title: 'Core', description: 'SQL analysis and parsing for your projects' },
  'local-embeddings': {
    title: 'Core + local embeddings',
    description: 'also embeds text here: private, no API key',
  },
};

/** Looks at this machine and the bundled lock. Uses no network, starts no process, writes nothing. */
export async function readSetupOverview(options: SetupOptions): Promise<SetupOverview> {
  const layout = managedPythonRuntimeLayout(options);
  const shared = sharedLayout(layout.runtimeRoot);
  const [status, asset, host, otherRuntimes, freeBytes] = await Promise.all([
    readManagedPythonRuntimeStatus(options),
    readLockedAsset(layout.assetDir),
    detectHost(),
    findOtherRuntimes(layout.runtimeRoot, options.cliVersion),
    freeBytesAt(layout.runtimeRoot),
  ]);
  const hasUv = await pathExists(options.uvPath ?? managedUvPath(options));
  const here = [{ label: `uv ${MANAGED_UV_VERSION}`, isHere: hasUv }];
  let mayFetchPython = false;
  let offers: FeatureOffer[] = RUNTIME_FEATURES.map(foreignOffer);
  if (asset) {
    const { version, archives } = asset.lock.python;
    const archiveSha256 = archives[platformKey(host)] ?? '';
    const wanted = { key: managedPythonKey(host, version), archiveSha256 };
    const unpackedDir = await findUnpackedPython(shared.pythonDir, wanted);
    here.push({ label: `Python ${version}`, isHere: unpackedDir !== null });
    const isManagedWanted = options.python !== 'system' && typeof options.python !== 'object';
    const isStored = async () => openStore(shared.storeDir).has(lockArtefact(asset.lock, archiveSha256));
    mayFetchPython = isManagedWanted && archiveSha256 !== '' && unpackedDir === null && !(await isStored());
    const model = await modelFiles(asset.lock, ['local-embeddings'], layout.runtimeRoot);
    if (model.length > 0)
      here.push({ label: 'embedding model', isHere: model.every(({ isHere }) => isHere) });
    offers = await lockedOffers(asset.lock, host, layout.runtimeRoot, hasUv);
  }
  const features = status.manifest?.features ?? [];
  return {
    cliVersion: options.cliVersion,
    runtimeRoot: layout.runtimeRoot,
    status: { kind: status.kind, detail: status.detail, features },
    otherRuntimes,
    offers,
    here,
    mayFetchPython,
    freeBytes,
  };
}

/** Both, as the contract says of every wheel; what they weigh only uv finds out. */
function foreignOffer(feature: KtxRuntimeFeature): FeatureOffer {
  return { feature, ...WORDS[feature], downloadBytes: null, diskBytes: null, unavailableReason: null };
}

async function lockedOffers(
  lock: RuntimeLock,
  host: HostPlatform,
  runtimeRoot: string,
  hasUv: boolean,
): Promise<FeatureOffer[]> {
  const minors = lockedMinors(lock, host);
  const { storeDir } = sharedLayout(runtimeRoot);
  const store = openStore(storeDir);
  const stored = new Set(await readdir(storeDir).catch(() => []));
  return Promise.all(
    RUNTIME_FEATURES.map(async (feature) => {
      const features = normaliseFeatures([feature]);
      const wheelsOf = (minor: string) => artefactsOf(lock, targetKey(host, minor), features);
      const storedCount = (minor: string) =>
        wheelsOf(minor).filter(({ sha256 }) => stored.has(sha256)).length;
      // Which Python it will be, the plan finds out; likely the one that packages are here for.
      const [minor] = minors
        .filter((candidate) => unavailability(lock, host, candidate, features) === null)
        .sort((one, other) => storedCount(other) - storedCount(one));
      if (minor === undefined) {
        const reason = minors[0] ? unavailability(lock, host, minors[0], features) : null;
        const unavailableReason = reason ?? `nothing is locked for ${host.platform}-${host.arch}`;
        return { feature, ...WORDS[feature], downloadBytes: null, diskBytes: null, unavailableReason };
      }
      const artefacts = wheelsOf(minor);
      const missing = (await store.missingOf(artefacts)).map(({ sizeBytes }) => sizeBytes);
      const model = (await modelFiles(lock, features, runtimeRoot))
        .filter((file) => !file.isHere)
        .map(({ sizeBytes }) => sizeBytes);
      const pin = MANAGED_UV_WHEELS[`${host.platform}-${host.arch}` as ManagedUvPlatformKey];
      const uvBytes = hasUv ? [] : [pin?.sizeBytes ?? null];
      const uvDiskBytes = hasUv ? [] : [pin?.binarySizeBytes ?? null, ...uvBytes];
      return {
        feature,
        ...WORDS[feature],
        downloadBytes: sumOrUnknown([...missing, ...model, ...uvBytes]),
        diskBytes: sumOrUnknown([
          ...artefacts.map((artefact) => artefact.unpackedBytes),
          // Verified files stay in the store.
          ...missing,
          ...model,
          ...uvDiskBytes,
        ]),
        unavailableReason: null,
      };
    }),
  );
}

/** The files of the features' model. By size only: the plan looks closer. */
async function modelFiles(
  lock: RuntimeLock,
  features: readonly KtxRuntimeFeature[],
  runtimeRoot: string,
): Promise<{ sizeBytes: number | null; isHere: boolean }[]> {
  const model = features.map((feature) => lock.models?.[feature]).find((entry) => entry !== undefined);
  const folder = embeddingsModelDir(runtimeRoot);
  return Promise.all(
    (model?.files ?? []).map(async (sha256) => {
      const { file, sizeBytes } = lockArtefact(lock, sha256);
      return { sizeBytes, isHere: await pathExists(join(folder, file)) };
    }),
  );
}

async function findOtherRuntimes(
  runtimeRoot: string,
  cliVersion: string,
): Promise<{ cliVersion: string; features: KtxRuntimeFeature[] }[]> {
  const names = await readdir(runtimeRoot).catch(() => []);
  const own = basename(managedPythonRuntimeLayout({ cliVersion, runtimeRoot }).versionDir);
  const found = await Promise.all(
    names
      .filter((name) => isVersionName(name) && isOwnVersionName(name) && name !== own)
      .map(async (name) => {
        const manifest = await readInstalledManifest(join(runtimeRoot, name, 'manifest.json')).catch(
          () => null,
        );
        const installed =
          manifest &&
          (await findInstalledEnvironment(
            managedPythonRuntimeLayout({ cliVersion: manifest.cliVersion, runtimeRoot }),
            manifest,
          ));
        if (!installed || installed.problem !== null) return null;
        if (!(await pathExists(installed.layout.pythonPath))) return null;
        return { cliVersion: manifest.cliVersion, features: manifest.features };
      }),
  );
  return found.filter((entry) => entry !== null);
}
