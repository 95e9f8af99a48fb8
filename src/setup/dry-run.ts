import { type Emit, eventEmitter } from '../core/events.ts';
import type { PlannedInstall, PlannedPython } from '../core/planned-install.ts';
import type { PythonDecision } from '../python/python-choice.ts';
import { CancelledError } from '../support/errors.ts';
import type { InstallPlan } from './plan/install-plan.ts';
import { prepareInstall } from './prepare.ts';
import type { SetupOptions } from './request/setup-options.ts';
import { emitFailure, emitPlan, readyResult, withDefaults } from './setup.ts';

/**
 * Emits what a setup would do: contacts the hosts of the plan, writes nothing, installs nothing. Ends with
 * `done` when the runtime is ready, else with `dry-run`, which holds the whole plan as data.
 * @returns the plan, or `null` when there is nothing to do.
 * @throws why planning failed, after emitting it as an event; CancelledError, without an event.
 */
export async function dryRunSetup(options: SetupOptions): Promise<PlannedInstall | null> {
  const emit = eventEmitter(options.onEvent);
  try {
    return await planOnly(options, emit);
  } catch (error) {
    if (!(error instanceof CancelledError)) await emitFailure(emit, error, options, 'plan');
    throw error;
  }
}

async function planOnly(options: SetupOptions, emit: Emit): Promise<PlannedInstall | null> {
  emit({ type: 'step', step: 'plan', status: 'started' });
  const startedAt = performance.now();
  const prepared = await prepareInstall(withDefaults(options));
  const durationMs = Math.round(performance.now() - startedAt);
  if (prepared.status === 'ready') {
    emit({ type: 'step', step: 'plan', status: 'finished', durationMs });
    emit({ type: 'done', result: readyResult(prepared, durationMs) });
    return null;
  }
  await prepared.tools.network.close();
  emitPlan(emit, prepared.summary);
  emit({ type: 'step', step: 'plan', status: 'finished', durationMs });
  const plan = describePlan(prepared.plan);
  emit({ type: 'dry-run', plan });
  return plan;
}

/** The public form of a plan, with the requirements as a digest. Pure. */
function describePlan(plan: InstallPlan): PlannedInstall {
  const { layout, locked, uv } = plan;
  return {
    cliVersion: layout.cliVersion,
    runtimeRoot: layout.runtimeRoot,
    features: plan.features,
    environmentDir: plan.environmentDir,
    wheel: { file: plan.asset.manifest.wheel.file, sha256: plan.asset.manifest.wheel.sha256 },
    uv,
    locked: locked && {
      lockSha256: locked.digests.lock,
      requirementsSha256: locked.digests.requirements,
      python: plannedPython(locked.python),
      wheels: locked.wheels,
      toFetch: locked.toFetch,
      model: locked.model && {
        folder: locked.model.folder,
        repository: locked.model.repository,
        revision: locked.model.revision,
        isHere: locked.model.isHere,
        files: locked.model.files,
        sources: locked.model.sources,
      },
    },
    hosts: plan.hosts,
    diskNeeds: plan.diskNeeds,
  };
}

function plannedPython(python: PythonDecision): PlannedPython {
  const { version, target } = python;
  if (python.kind === 'system') return { kind: 'system', version, target, path: python.path };
  const { archive, presence, unpackedDir } = python;
  return { kind: 'managed', version, target, archive, presence, unpackedDir };
}
