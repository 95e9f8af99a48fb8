import type { PlanRow, PlanSummary } from '../../core/events.ts';
import type { SharedLayout } from '../../core/layout.ts';
import type { DiskNeed } from './disk.ts';
import { sumOrUnknown } from './sum-or-unknown.ts';

/** The disk needs of a plan by location, at the peak of the install. Pure. */
export function diskNeedsOf(
  summary: Pick<PlanSummary, 'rows' | 'environmentPath'>,
  shared: SharedLayout,
  options: {
    env: NodeJS.ProcessEnv;
    /** See `ModelPlan`. */
    modelArchiveBytes: number;
  },
): DiskNeed[] {
  const row = (id: PlanRow['id']) => summary.rows.find((entry) => entry.id === id);
  const environmentBytes = row('environment')?.diskBytes ?? null;
  // Model files move from the store to their folder: counted once, there.
  const fetched = summary.rows.filter(({ id }) => id !== 'model').map(({ downloadBytes }) => downloadBytes);
  // uv unpacks wheels here; on the same volume it links them into the environment, so they count once.
  const isCopied = options.env['UV_LINK_MODE'] === 'copy';
  return [
    { what: 'the environment', path: summary.environmentPath, bytes: environmentBytes },
    { what: 'downloads', path: shared.storeDir, bytes: sumOrUnknown(fetched) },
    { what: 'uv', path: shared.root, bytes: row('uv')?.diskBytes ?? null },
    { what: 'Python', path: shared.pythonDir, bytes: row('python')?.diskBytes ?? null },
    { what: 'the model', path: shared.modelsDir, bytes: row('model')?.diskBytes ?? 0 },
    { what: "the model's archive", path: shared.storeDir, bytes: options.modelArchiveBytes },
    { what: 'unpacked packages', path: shared.runsDir, bytes: isCopied ? environmentBytes : 0 },
  ];
}
