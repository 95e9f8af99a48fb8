import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../core/features.ts';
import { lockArtefact, lockedFeature, type RuntimeLock } from '../shipped/lock.ts';
import { formatBytes } from '../support/text/format.ts';

/** One line per target: the size of each feature there, or why it is not available. */
export function describeLock(lock: RuntimeLock): string[] {
  return Object.keys(lock.targets).map((key) => {
    const parts = RUNTIME_FEATURES.flatMap((feature) => describeFeature(lock, key, feature));
    return `${key}  ${parts.join('; ')}`;
  });
}

function describeFeature(lock: RuntimeLock, key: string, feature: KtxRuntimeFeature): string[] {
  const entry = lockedFeature(lock, key, feature);
  if (entry === null) return [];
  if ('unavailable' in entry) return [`${feature}: ${entry.unavailable}`];
  const wheels = entry.artefacts.map((digest) => lockArtefact(lock, digest));
  const total = (field: 'sizeBytes' | 'unpackedBytes') =>
    formatBytes(wheels.reduce((sum, wheel) => sum + (wheel[field] ?? 0), 0));
  const minimum = JSON.stringify(entry.minimum);
  return [
    `${feature}: ${wheels.length} wheels, ${total('sizeBytes')}, unpacked ${total('unpackedBytes')}, ${minimum}`,
  ];
}
