import type { UnneededItem } from '../lifecycle/unneeded.ts';
import { formatBytes } from '../support/text/format.ts';

const PART_WORDS = { uv: 'old uv', models: 'old model', wheels: 'old download' } as const;

/** Data used only by deleted versions: one line each below a total. `[]` for none. */
export function unneededLines(unneeded: readonly UnneededItem[] | undefined, heading: string): string[] {
  if (unneeded === undefined || unneeded.length === 0) return [];
  const sum = unneeded.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
  return [
    `${heading}: ${formatBytes(sum)}`,
    ...unneeded.map(
      ({ part, path, sizeBytes }) => `${formatBytes(sizeBytes).padStart(8)}  ${PART_WORDS[part]}  ${path}`,
    ),
  ];
}
