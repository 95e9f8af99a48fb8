import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { REPAIR_IDS, type RepairId } from '../../src/doctor/checks/check.ts';
import type { DoctorReport } from '../../src/doctor/report-schema.ts';
import { command, damaged, openZoo, type ZooWorld } from './zoo.ts';
import { python, type ZooState } from './zoo-state.ts';
import { ZOO } from './zoo-states.ts';

export interface OfflineRow {
  repair: RepairId;
  state: string;
  /** What the plan says. */
  claim: 'works offline' | 'needs a network';
  hosts: readonly string[];
  problem: string | null;
}

/** What each repair is tried on. */
const STATES: Record<RepairId, string> = {
  'mend-permissions': 'version folder writable for all',
  'clear-obstacle': 'locks is a file',
  'release-lock': 'dead lock',
  'stop-daemon': 'daemon has ended',
  'remove-leftovers': 'half a journal',
  'free-space': 'half a journal',
  'restore-previous': 'interpreter of the second environment deleted',
  'rewrite-manifest': 'manifest missing',
  'replace-uv': 'uv missing',
  'refetch-model': 'model cut short',
  'rebuild-environment': 'no pyvenv.cfg',
};
/** Deleting downloads mends nothing that a check found here. */
const MENDS_NOTHING: readonly RepairId[] = ['free-space'];

/**
 * Every repair by its name: what its plan says of the network, and then, where that is nothing, the repair itself in a network namespace
 * that has no route, without being told that it is offline.
 */
export async function offlineRows(only: RegExp, onRow: (row: OfflineRow) => void): Promise<OfflineRow[]> {
  const rows: OfflineRow[] = [];
  const wanted = REPAIR_IDS.filter((id) => only.test(id));
  for (const feature of ['core', 'local-embeddings'] as const) {
    const isOfModel = feature === 'local-embeddings';
    const repairs = wanted.filter((id) => (id === 'refetch-model') === isOfModel);
    if (repairs.length === 0) continue;
    const world = await openZoo(feature);
    try {
      for (const repair of repairs) {
        const row = await offlineRow(world, repair);
        rows.push(row);
        onRow(row);
      }
    } finally {
      await world.remove();
    }
  }
  return rows;
}

async function offlineRow(world: ZooWorld, repair: RepairId): Promise<OfflineRow> {
  const row: OfflineRow = {
    repair,
    state: STATES[repair],
    claim: 'needs a network',
    hosts: [],
    problem: null,
  };
  const state = ZOO.find(({ name }) => name === STATES[repair]) ?? secondEnvironment(world);
  await damaged(world, [state], async (given) => {
    const plan = JSON.parse(
      (await command(given, ['doctor', '--fix', repair, '--json'])).stdout,
    ) as DoctorReport;
    const step = plan.plan?.find(({ id }) => id === repair);
    if (step === undefined) row.problem = 'there is no plan';
    else if (step.worksOffline) {
      row.claim = 'works offline';
      const { stdout, stderr } = await command(given, ['doctor', '--fix', repair, '--yes', '--json'], true);
      const report = JSON.parse(stdout || '{}') as Partial<DoctorReport>;
      const isMended = report.checks?.find(({ id }) => id === state.finds[0])?.status;
      if (!report.applied?.includes(repair)) row.problem = stderr.slice(-300) || stdout.slice(-300);
      else if (!MENDS_NOTHING.includes(repair) && !['pass', 'skipped'].includes(isMended ?? ''))
        row.problem = `${state.finds[0]} is ${isMended} afterwards`;
    } else {
      row.hosts = step.hosts;
      if (step.hosts.length === 0) row.problem = 'needs a network, and names no host';
    }
  });
  return row;
}

/** A second install, so that there is one before it; then the new one breaks. */
function secondEnvironment(world: ZooWorld): ZooState {
  return {
    name: STATES['restore-previous'],
    async damage(p) {
      const { exitCode, stderr } = await command(world, [
        'setup',
        '--yes',
        '--no-input',
        '--force',
        '--offline',
      ]);
      if (exitCode !== 0) throw new Error(stderr);
      const { python: active } = JSON.parse(await readFile(p.manifest, 'utf8'));
      await rm(python({ ...p, env: dirname(dirname(active.executable)) }));
    },
    finds: ['interpreter'],
    repair: 'rebuild-environment',
  };
}

export function offlineLine({ repair, state, claim, hosts, problem }: OfflineRow): string {
  const end = problem === null ? '' : `\n       ${problem}`;
  return `${problem === null ? 'ok  ' : 'BAD '} ${repair.padEnd(22)} ${state.padEnd(48)} ${claim} ${hosts.join(', ')}${end}`;
}
