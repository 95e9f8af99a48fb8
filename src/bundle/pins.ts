import type { KtxRuntimeFeature } from '../core/features.ts';
import type { Artefact, RuntimeLock } from '../shipped/lock.ts';
import { artefactsOf, lockArtefact } from '../shipped/lock.ts';
import { lockedMinors, platformKey, targetKey } from '../shipped/target.ts';
import { uvPinsFor } from '../uv/binary.ts';

/** Platforms that bundles can be created for, as `<platform>-<arch>`. */
export const BUNDLE_PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'darwin-arm64',
  'darwin-x64',
  'win32-x64',
  'win32-arm64',
] as const;
export type BundlePlatform = (typeof BUNDLE_PLATFORMS)[number];

/** The properties of a platform that determine which files it needs. Linux means glibc. */
export function hostOf(platform: BundlePlatform): {
  platform: NodeJS.Platform;
  arch: string;
  libc: 'gnu' | null;
} {
  const [name, arch] = platform.split('-') as [NodeJS.Platform, string];
  return { platform: name, arch, libc: name === 'linux' ? 'gnu' : null };
}

/** Alternatives, each a set of files; the first that can be obtained is used. */
export interface NeededFiles {
  /** For messages: `uv for linux-x64`. */
  what: string;
  alternatives: readonly (readonly Artefact[])[];
}

/**
 * Everything that an install needs on these platforms, from this program's pins and lock. Pure.
 * @throws Error when the lock has nothing for a platform: a bug.
 */
export function neededFiles(options: {
  lock: RuntimeLock;
  platforms: readonly BundlePlatform[];
  features: readonly KtxRuntimeFeature[];
  /** `none` requires the wheels for every Python in the lock, since the target's Python is not known. */
  python: 'managed' | 'none';
}): NeededFiles[] {
  const { lock, platforms, features, python } = options;
  const needed: NeededFiles[] = [];
  const wheels = new Map<string, Artefact>();
  for (const platform of platforms) {
    const host = hostOf(platform);
    const uv = uvPinsFor(host);
    if (!uv) throw new Error(`no uv is pinned for ${platform}`);
    needed.push({ what: `uv for ${platform}`, alternatives: [[uv.wheel], [uv.archive]] });
    const minors =
      python === 'managed'
        ? [lock.python.version]
        : lockedMinors(lock, { ...host, glibcVersion: null, macosVersion: null });
    for (const minor of minors) {
      for (const wheel of artefactsOf(lock, targetKey(host, minor), features))
        wheels.set(wheel.sha256, wheel);
    }
    const archive = lock.python.archives[platformKey(host)];
    if (python === 'managed' && archive)
      needed.push({ what: `Python for ${platform}`, alternatives: [[lockArtefact(lock, archive)]] });
  }
  for (const wheel of wheels.values()) needed.push({ what: wheel.file, alternatives: [[wheel]] });
  for (const feature of features) {
    const model = lock.models?.[feature];
    if (!model) continue;
    needed.push({
      what: 'the embedding model',
      alternatives: [
        model.files.map((sha256) => lockArtefact(lock, sha256)),
        [lockArtefact(lock, model.container.artefact)],
      ],
    });
  }
  return needed;
}

/** Every artefact that this program knows by digest, for any platform. A bundle may contain only these. */
export function pinnedArtefacts(lock: RuntimeLock): Map<string, Artefact> {
  const pinned = new Map(Object.keys(lock.artefacts).map((sha256) => [sha256, lockArtefact(lock, sha256)]));
  for (const platform of BUNDLE_PLATFORMS) {
    const uv = uvPinsFor(hostOf(platform));
    for (const artefact of uv ? [uv.archive, uv.wheel] : []) pinned.set(artefact.sha256, artefact);
  }
  return pinned;
}

/** The path of an artefact in a bundle. */
export function storePathOf({ sha256, file }: Pick<Artefact, 'sha256' | 'file'>): string {
  return `store/${sha256}/${file}`;
}
