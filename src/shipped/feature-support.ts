import type { KtxRuntimeFeature } from '../core/features.ts';
import { lockedFeature, type RuntimeLock } from './lock.ts';
import { type HostPlatform, platformKey, targetKey, unmetMinimum } from './target.ts';

/** Why a feature is not available with this Python minor version on this machine, or `null`. */
export function unavailability(
  lock: RuntimeLock,
  host: HostPlatform,
  minor: string,
  features: readonly KtxRuntimeFeature[],
): string | null {
  const key = targetKey(host, minor);
  if (!lock.targets[key]) return `nothing is locked for ${platformKey(host)} with Python ${minor}`;
  for (const feature of features) {
    const entry = lockedFeature(lock, key, feature);
    if (!entry) return `${feature} is not locked for ${platformKey(host)} with Python ${minor}`;
    if ('unavailable' in entry) return entry.unavailable;
    const reason = unmetMinimum(entry.minimum, host);
    if (reason) return reason;
    const missing = host.missingProcessorFlags ?? [];
    if (feature === 'local-embeddings' && missing.length > 0) {
      return `needs a processor with x86-64-v2; this one lacks ${missing.join(', ')}. In a virtual machine, choose the host's processor type`;
    }
  }
  return null;
}
