import type { PlanRow, PlanSummary } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { PythonDecision } from '../../python/python-choice.ts';
import type { Artefact } from '../../shipped/lock.ts';
import { formatCount } from '../../support/text/format.ts';
import type { ModelPlan, Origin } from './install-plan.ts';
import { sumOrUnknown } from './sum-or-unknown.ts';

export interface PlanFacts {
  features: readonly KtxRuntimeFeature[];
  environmentPath: string;
  freeBytes: number | null;
  uv: { version: string; artefact: Artefact | null; origin: Origin; rejected: readonly string[] };
  /** `null` for a wheel without a lock: uv finds a Python and the packages itself. */
  locked: {
    python: PythonDecision;
    pythonOrigin: Origin;
    wheels: readonly Artefact[];
    missingWheels: readonly Artefact[];
    wheelOrigin: Origin;
    /** `null` when no feature needs a model. */
    model: Pick<ModelPlan, 'label' | 'toFetch' | 'diskBytes' | 'origin' | 'rejected'> | null;
  } | null;
  requiresPython: string;
  hosts: readonly string[];
  notes: readonly string[];
}

/** The summary of a plan: one row per item, totals unknown as soon as one part is. Pure. */
export function summarisePlan(facts: PlanFacts): PlanSummary {
  const rows = [
    uvRow(facts),
    pythonRow(facts),
    packagesRow(facts),
    ...modelRows(facts),
    environmentRow(facts),
  ];
  const { locked } = facts;
  return {
    features: facts.features,
    target: locked?.python.target ?? 'as uv resolves it',
    python: locked
      ? {
          kind: locked.python.kind,
          version: locked.python.version,
          path: locked.python.kind === 'system' ? locked.python.path : null,
        }
      : { kind: 'managed', version: facts.requiresPython, path: null },
    rows,
    hosts: [...new Set(facts.hosts)].sort(),
    ...(locked ? {} : { hasOpenHosts: true }),
    fileCount: countFiles(facts),
    downloadBytes: sumOrUnknown(rows.map((row) => row.downloadBytes)),
    diskBytes: sumOrUnknown(rows.map((row) => row.diskBytes)),
    freeBytes: facts.freeBytes,
    environmentPath: facts.environmentPath,
    notes: facts.notes,
  };
}

function countFiles({ uv, locked }: PlanFacts): number | null {
  if (!locked) return null;
  const { python, missingWheels, model } = locked;
  const isPythonFetched = python.kind === 'managed' && python.presence === 'fetch';
  return (
    missingWheels.length +
    (model?.toFetch.length ?? 0) +
    (uv.artefact?.sizeBytes ? 1 : 0) +
    (isPythonFetched ? 1 : 0)
  );
}

function uvRow({ uv }: PlanFacts): PlanRow {
  return {
    id: 'uv',
    label: `uv ${uv.version}`,
    // Size 0 means that the file is in the store.
    action: uv.artefact && uv.artefact.sizeBytes !== 0 ? 'fetch' : 'here',
    ...uv.origin,
    downloadBytes: uv.artefact ? uv.artefact.sizeBytes : 0,
    diskBytes: uv.artefact ? unpackedAndKept(uv.artefact) : 0,
    rejected: uv.rejected,
  };
}

/** The unpacked files plus the verified archive, which stays in the store. */
function unpackedAndKept({ sizeBytes, unpackedBytes }: Artefact): number | null {
  return sumOrUnknown([sizeBytes, unpackedBytes]);
}

function pythonRow({ locked, requiresPython }: PlanFacts): PlanRow {
  if (!locked) {
    return {
      id: 'python',
      label: `Python ${requiresPython}`,
      action: 'fetch',
      from: 'as uv finds it',
      place: '',
      downloadBytes: null,
      diskBytes: null,
      rejected: [],
    };
  }
  const { python, pythonOrigin } = locked;
  const isFetched = python.kind === 'managed' && python.presence === 'fetch';
  const isUnpackedNow = python.kind === 'managed' && python.presence !== 'unpacked';
  return {
    id: 'python',
    label: `Python ${python.version}`,
    action: isFetched ? 'fetch' : 'here',
    ...pythonOrigin,
    downloadBytes: isFetched ? python.archive.sizeBytes : 0,
    diskBytes: isFetched ? unpackedAndKept(python.archive) : isUnpackedNow ? python.archive.unpackedBytes : 0,
    rejected: python.kind === 'system' ? python.rejected : [],
  };
}

function packagesRow({ locked }: PlanFacts): PlanRow {
  if (!locked) {
    const unknown = { downloadBytes: null, diskBytes: null, rejected: [] };
    return {
      id: 'packages',
      label: 'packages',
      action: 'fetch',
      from: 'as uv resolves them',
      place: '',
      ...unknown,
    };
  }
  const { wheels, missingWheels, wheelOrigin } = locked;
  return {
    id: 'packages',
    label: formatCount(wheels.length, 'package'),
    action: missingWheels.length > 0 ? 'fetch' : 'here',
    ...wheelOrigin,
    downloadBytes: sumOrUnknown(missingWheels.map((wheel) => wheel.sizeBytes)),
    // The verified files stay in the store.
    diskBytes: sumOrUnknown(missingWheels.map((wheel) => wheel.sizeBytes)),
    rejected: [],
  };
}

function modelRows({ locked }: PlanFacts): PlanRow[] {
  const model = locked?.model;
  if (!model) return [];
  return [
    {
      id: 'model',
      label: model.label,
      action: model.toFetch.length > 0 ? 'fetch' : 'here',
      ...model.origin,
      downloadBytes: sumOrUnknown(model.toFetch.map((file) => file.sizeBytes)),
      diskBytes: model.diskBytes,
      rejected: model.rejected,
    },
  ];
}

function environmentRow({ locked, environmentPath }: PlanFacts): PlanRow {
  return {
    id: 'environment',
    label: 'environment',
    action: 'make',
    from: '',
    place: environmentPath,
    downloadBytes: 0,
    diskBytes: locked ? sumOrUnknown(locked.wheels.map((wheel) => wheel.unpackedBytes)) : null,
    rejected: [],
  };
}
