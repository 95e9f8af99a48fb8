import type { UninstallPlan } from '../../lifecycle/uninstall.ts';
import { formatBytes } from '../../support/text/format.ts';

/**
 * What an uninstall would delete, stop and keep; shared by command and wizard. `parts` is empty when there is
 * nothing to delete.
 */
export function removalLines({
  parts,
  sizeBytes,
  foreign,
  others,
  daemons,
}: Pick<UninstallPlan, 'parts' | 'sizeBytes' | 'foreign' | 'others' | 'daemons'>): {
  parts: string[];
  kept: string[];
} {
  const sized = parts.filter((part) => part.sizeBytes > 0);
  return {
    parts:
      parts.length === 0
        ? []
        : [
            ...sized.map((part) => `${formatBytes(part.sizeBytes).padStart(8)}  ${part.what}`),
            `${formatBytes(sizeBytes).padStart(8)}  in all`,
            ...daemons.map(({ pid }) => `to be stopped: ktx daemon, process ${pid}`),
          ],
    kept: [
      ...others.map((path) => `kept: ${path}, the runtime of another program`),
      ...foreign.map((entry) => `kept: ${entry.path} (${formatBytes(entry.sizeBytes)}), ${entry.reason}`),
    ],
  };
}
