import { REPAIR_IDS, type RepairId } from '../checks/check.ts';
import { FOLDER_REPAIRS } from './folder-repairs.ts';
import { OTHER_REPAIRS } from './other-repairs.ts';
import type { Repair } from './repair.ts';
import { RUNTIME_REPAIRS } from './runtime-repairs.ts';
import { TOOL_REPAIRS } from './tool-repairs.ts';

const ALL = [...FOLDER_REPAIRS, ...OTHER_REPAIRS, ...RUNTIME_REPAIRS, ...TOOL_REPAIRS];

/** Every repair, in the order in which a run applies them. */
export const REPAIRS: readonly Repair[] = REPAIR_IDS.map((id) => repairOf(id));

export function repairOf(id: RepairId): Repair {
  const found = ALL.find((repair) => repair.id === id);
  if (found === undefined) throw new Error(`no repair has the id ${id}`);
  return found;
}
