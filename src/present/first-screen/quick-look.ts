import {
  existsSync,
  readdirSync,
  // biome-ignore lint/style/noRestrictedImports: for a hint on the first screen; the plan reads it again, and an unreadable file counts as none
  readFileSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isOwnVersionName } from '../../core/embedder.ts';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../core/features.ts';
import { managedPythonRuntimeLayout, sharedLayout } from '../../core/layout.ts';
import { embeddingsModelDir } from '../../core/model-folder-path.ts';
import { isVersionName } from '../../core/version-name.ts';
import { managedPythonKey } from '../../python/python-downloads.ts';
import { foreignOffer, lockedOffers, modelFiles } from '../../setup/offers.ts';
import type { SetupOverview } from '../../setup/overview.ts';
import { lockArtefact, type RuntimeLock } from '../../shipped/lock.ts';
import { type HostPlatform, platformKey } from '../../shipped/target.ts';
import { PACKAGE_ROOT } from '../../support/package-root.ts';
import { managedUvPath } from '../../uv/location.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import { quickHost, startOf } from './quick-host.ts';

export interface QuickLookOptions {
  cliVersion: string;
  env: NodeJS.ProcessEnv;
  homeDir: string;
  /** Default: this machine. */
  host?: HostPlatform;
  /** Default: the one that this program came with. */
  lock?: RuntimeLock;
}

/** Larger folders are skipped: unrelated ones, or a very old store. */
const MAX_ENTRIES = 2000;
const MAX_VERSIONS = 8;
const MAX_JSON_BYTES = 1024 * 1024;

/**
 * Predicts the overview from file names and sizes, in a millisecond or two: verifies nothing, contacts no
 * host.
 * @returns `null` when this needs a closer look.
 */
export function quickLook(options: QuickLookOptions): SetupOverview | null {
  try {
    return look(options);
  } catch {
    return null;
  }
}

function look(options: QuickLookOptions): SetupOverview | null {
  const { cliVersion, env, homeDir, host = quickHost() } = options;
  const layout = managedPythonRuntimeLayout({ cliVersion, env, homeDir });
  const { runtimeRoot } = layout;
  const names = namesIn(runtimeRoot);
  const own = basename(layout.versionDir);
  const others = names.filter((name) => isVersionName(name) && isOwnVersionName(name) && name !== own);
  if (others.length > MAX_VERSIONS) return null;
  const features = names.includes(own) ? installedFeatures(layout.manifestPath, cliVersion) : [];
  if (features === null) return null;
  const shared = sharedLayout(runtimeRoot);
  const hasUv = existsSync(managedUvPath({ env, homeDir }));
  const here = [{ label: `uv ${MANAGED_UV_VERSION}`, isHere: hasUv }];
  let mayFetchPython = false;
  let offers = RUNTIME_FEATURES.map(foreignOffer);
  const lock = options.lock ?? readLock(layout.assetDir, host);
  if (lock !== null) {
    const { version, archives } = lock.python;
    const archiveSha256 = archives[platformKey(host)] ?? '';
    const hasPython = hasUnpackedPython(shared.pythonDir, managedPythonKey(host, version), archiveSha256);
    here.push({ label: `Python ${version}`, isHere: hasPython });
    const storedDigests = new Set(
      namesIn(shared.storeDir).filter(
        (name) => lock.artefacts[name] && isStored(lock, shared.storeDir, name),
      ),
    );
    mayFetchPython = archiveSha256 !== '' && !hasPython && !storedDigests.has(archiveSha256);
    const model = modelFiles(lock, ['local-embeddings']).map(({ file }) => file);
    const modelDir = embeddingsModelDir(runtimeRoot);
    const present = new Set(model.filter((file) => existsSync(join(modelDir, file))));
    if (model.length > 0) here.push({ label: 'embedding model', isHere: present.size === model.length });
    offers = lockedOffers(lock, host, { hasUv, storedDigests, modelFiles: present });
  }
  const otherRuntimes = others.flatMap((name) => {
    const found = installedFeatures(join(runtimeRoot, name, 'manifest.json'), name);
    return found === null || found.length === 0 ? [] : [{ cliVersion: name, features: found }];
  });
  return {
    cliVersion,
    runtimeRoot,
    status:
      features.length === 0
        ? {
            kind: 'missing',
            detail: `No runtime manifest at ${layout.manifestPath}`,
            features,
            installedAt: null,
          }
        : {
            kind: 'ready',
            detail: `Runtime ready at ${layout.versionDir}`,
            features,
            installedAt: installedAt(layout.manifestPath),
          },
    otherRuntimes,
    offers,
    here,
    mayFetchPython,
    freeBytes: freeBytes(runtimeRoot),
  };
}

/** The part of the bundled lock for this platform, as written by the build. */
function readLock(assetDir: string, host: HostPlatform): RuntimeLock | null {
  const isOurs = resolve(assetDir) === resolve(join(PACKAGE_ROOT, 'assets', 'python'));
  const part = isOurs ? readJson(join(PACKAGE_ROOT, 'dist', `lock-${platformKey(host)}.json`)) : null;
  return (part ?? readJson(join(assetDir, 'lock.json'))) as RuntimeLock | null;
}

/** `[]`: none is installed; `null`: whether it works needs a closer look. */
function installedFeatures(manifestPath: string, cliVersion: string): KtxRuntimeFeature[] | null {
  const manifest = readJson(manifestPath) as {
    cliVersion?: unknown;
    features?: unknown;
    python?: { executable?: unknown; daemonExecutable?: unknown };
  } | null;
  if (manifest === null) return [];
  const { features, python } = manifest;
  const programs = [python?.executable, python?.daemonExecutable];
  if (manifest.cliVersion !== cliVersion || !Array.isArray(features)) return null;
  if (!programs.every((path) => typeof path === 'string' && existsSync(path))) return null;
  return RUNTIME_FEATURES.filter((feature) => features.includes(feature));
}

function installedAt(manifestPath: string): string | null {
  const manifest = readJson(manifestPath) as { installedAt?: unknown } | null;
  return typeof manifest?.installedAt === 'string' ? manifest.installedAt : null;
}

function isStored(lock: RuntimeLock, storeDir: string, sha256: string): boolean {
  const { file, sizeBytes } = lockArtefact(lock, sha256);
  const status = statSync(join(storeDir, sha256, file), { throwIfNoEntry: false });
  return status?.isFile() === true && (sizeBytes === null || status.size === sizeBytes);
}

/** The list of files names the Python at its start; reading all of it takes longer. */
function hasUnpackedPython(pythonDir: string, key: string, archiveSha256: string): boolean {
  const interpreter = process.platform === 'win32' ? 'python.exe' : 'bin/python3';
  return namesIn(pythonDir).some((name) => {
    const start = startOf(join(pythonDir, name, 'digests.json'));
    return (
      start.includes(JSON.stringify(key)) &&
      start.includes(JSON.stringify(archiveSha256)) &&
      existsSync(join(pythonDir, name, key, interpreter))
    );
  });
}

/** Opening a pipe would block. */
function isFile(path: string, maxBytes: number): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size <= maxBytes;
}

/** @throws for a folder with too many entries. */
function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder);
  if (names.length > MAX_ENTRIES) throw new Error(`${folder} holds ${names.length} entries`);
  return names;
}

/** `null`: it does not exist. @throws when it is unreadable or not JSON. */
function readJson(path: string): unknown {
  if (!existsSync(path)) return null;
  if (!isFile(path, MAX_JSON_BYTES)) throw new Error(`${path} is no small file`);
  return JSON.parse(readFileSync(path, 'utf8'));
}

function freeBytes(path: string): number | null {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      const { blocks, bavail, bsize } = statfsSync(folder);
      return blocks === 0 ? null : bavail * bsize;
    }
    if (folder === dirname(folder)) return null;
  }
}
