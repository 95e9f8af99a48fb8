import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isOwnVersionName } from '../core/embedder.ts';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../core/features.ts';
import { managedPythonRuntimeLayout, managedRuntimeRoot, sharedLayout } from '../core/layout.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { isVersionName } from '../core/version-name.ts';
import type { UndoTarget } from '../lifecycle/undo.ts';
import { minorByName, minorsByName } from '../python/interpreter-places.ts';
import { managedPythonKey } from '../python/python-downloads.ts';
import { minorOf } from '../python/system-python.ts';
import { findUnpackedPython } from '../python/unpacked-python.ts';
import { findInstalledEnvironment } from '../runtime/installed-environment.ts';
import { readInstalledManifest } from '../runtime/manifest.ts';
import { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { lockArtefact, type RuntimeLock } from '../shipped/lock.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { detectHost, type HostPlatform, lockedMinors, platformKey } from '../shipped/target.ts';
import { openStore } from '../store/store.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { managedUvPath } from '../uv/acquire.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';
import { type FeatureOffer, foreignOffer, lockedOffers, modelFiles, type WhatIsHere } from './offers.ts';
import { freeBytesAt } from './plan/disk.ts';
import { readChosenPython } from './request/choices.ts';
import type { SetupOptions } from './request/setup-options.ts';

export type { FeatureOffer } from './offers.ts';

/** What the first screen shows. */
export interface SetupOverview {
  cliVersion: string;
  runtimeRoot: string;
  status: {
    kind: ManagedPythonRuntimeStatus['kind'];
    detail: string;
    features: readonly KtxRuntimeFeature[];
    /** ISO-8601 UTC; `null` when nothing is installed. */
    installedAt?: string | null;
  };
  /** Runtimes of other versions that appear complete. */
  otherRuntimes: readonly { cliVersion: string; features: readonly KtxRuntimeFeature[] }[];
  offers: readonly FeatureOffer[];
  /** Components and whether they are already here: `uv 0.11.21`, `Python 3.13.14`, `embedding model`. */
  here: readonly { label: string; isHere: boolean }[];
  /**
   * The pinned Python is not here: it will be downloaded, beyond the sizes of the offers, unless a system
   * Python is used.
   */
  mayFetchPython: boolean;
  freeBytes: number | null;
  /** What an undo would switch to; `null` when there is nothing. The wizard reads it for a runtime that works. */
  undo?: UndoTarget | null;
}

/** Inspects this machine and the bundled lock. Uses no network, starts no process, writes nothing. */
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
  let offers = RUNTIME_FEATURES.map(foreignOffer);
  if (asset) {
    const { version, archives } = asset.lock.python;
    const archiveSha256 = archives[platformKey(host)] ?? '';
    const wanted = { key: managedPythonKey(host, version), archiveSha256 };
    const unpackedDir = await findUnpackedPython(shared.pythonDir, wanted);
    here.push({ label: `Python ${version}`, isHere: unpackedDir !== null });
    const isManagedWanted = options.python !== 'system' && typeof options.python !== 'object';
    const onDisk = await whatIsHere(asset.lock, layout.runtimeRoot, hasUv);
    mayFetchPython =
      isManagedWanted &&
      archiveSha256 !== '' &&
      unpackedDir === null &&
      !onDisk.storedDigests.has(archiveSha256);
    const model = modelFiles(asset.lock, ['local-embeddings']);
    if (model.length > 0)
      here.push({
        label: 'embedding model',
        isHere: model.every(({ file }) => onDisk.modelFiles.has(file)),
      });
    const hasManaged = unpackedDir !== null || onDisk.storedDigests.has(archiveSha256);
    offers = lockedOffers(
      asset.lock,
      host,
      onDisk,
      await minorsAtHand(options, asset.lock, host, hasManaged),
    );
  }
  const features = status.manifest?.features ?? [];
  return {
    cliVersion: options.cliVersion,
    runtimeRoot: layout.runtimeRoot,
    status: {
      kind: status.kind,
      detail: status.detail,
      features,
      installedAt: status.manifest?.installedAt ?? null,
    },
    otherRuntimes,
    offers,
    here,
    mayFetchPython,
    freeBytes,
  };
}

/**
 * The only Python minors available, judged by file names: a feature that none of them supports is shown with
 * the reason. `null` when any can be fetched, or none is found; the plan checks properly.
 */
async function minorsAtHand(
  { python, isOffline, env = process.env, ...options }: SetupOptions,
  lock: RuntimeLock,
  host: HostPlatform,
  hasManaged: boolean,
): Promise<ReadonlySet<string> | null> {
  const root = managedRuntimeRoot({ ...options, env });
  const choice = python ?? (await readChosenPython(root)) ?? 'auto';
  const found =
    typeof choice === 'object'
      ? [('version' in choice ? minorOf(choice.version) : await minorByName(choice.path)) ?? []].flat()
      : choice === 'system' || (choice === 'auto' && isOffline === true && !hasManaged)
        ? [...(await minorsByName(host.platform, env, lockedMinors(lock, host)))]
        : [];
  return found.length > 0 ? new Set(found) : null;
}

/** Which files of the lock are here, judged by size; the plan verifies them. */
async function whatIsHere(lock: RuntimeLock, runtimeRoot: string, hasUv: boolean): Promise<WhatIsHere> {
  const { storeDir } = sharedLayout(runtimeRoot);
  const store = openStore(storeDir);
  const digests = (await readdir(storeDir).catch(() => [])).filter((name) => lock.artefacts[name]);
  const whole = await Promise.all(digests.map((sha256) => store.has(lockArtefact(lock, sha256))));
  const modelDir = embeddingsModelDir(runtimeRoot);
  const names = modelFiles(lock, RUNTIME_FEATURES).map(({ file }) => file);
  const present = await Promise.all(names.map((name) => pathExists(join(modelDir, name))));
  return {
    hasUv,
    storedDigests: new Set(digests.filter((_, index) => whole[index])),
    modelFiles: new Set(names.filter((_, index) => present[index])),
  };
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
