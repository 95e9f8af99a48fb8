import { basename } from 'node:path';
import type { Emit } from '../core/events.ts';
import { recover } from '../lifecycle/recovery.ts';
import { withoutPort } from '../network/address/address.ts';
import { readInstalledManifest } from '../runtime/manifest.ts';
import { type Note, type WriteAccess, withWriteAccess } from '../runtime/write-access.ts';
import { SetupError } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';
import type { InstallOutcome } from './build/execute-plan.ts';
import { executePlan } from './build/execute-plan.ts';
import type { InstallPreparation, Prepared, ReadyPreparation } from './plan/install-plan.ts';
import { prepareInstall } from './prepare.ts';
import { keepChosenPython } from './request/choices.ts';
import type { PrepareOptions } from './request/install-types.ts';

/** The outcome: a new environment, or none because another process built it while this one waited. */
export type InstallEnd =
  | { status: 'ready'; ready: ReadyPreparation }
  | { status: 'installed'; prepared: InstallPreparation; outcome: InstallOutcome };

/**
 * Executes a plan under the locks: waits for them, cleans up after killed runs, and plans again if the folder
 * changed since the plan was made. Closes the plan's session at the end.
 * @param options.isShown the user has seen the plan: a new one may need less, but no host that it did not
 * name.
 */
export async function runLocked(
  prepared: InstallPreparation,
  options: PrepareOptions,
  emit: Emit,
  { isShown, note: tell }: { isShown: boolean; note?: Note | undefined },
): Promise<InstallEnd> {
  const { layout } = prepared.plan;
  const note: Note = (level, text) => {
    emit({ type: 'note', step: 'plan', level, text });
    tell?.(level, text);
  };
  let current: Prepared = prepared;
  const carryOut = async (access: WriteAccess): Promise<InstallEnd> => {
    await recover({ runtimeRoot: layout.runtimeRoot, note });
    if (access.hasChangedSince(prepared.writeMark) || (await hasChanged(prepared)))
      current = await planAnew(prepared, options, emit, isShown);
    if (current.status === 'ready') return { status: 'ready', ready: current };
    const outcome = await executePlan(current.plan, current.tools, access, emit, options.signal);
    if (options.python !== undefined) await keepChosenPython(layout.runtimeRoot, options.python);
    return { status: 'installed', prepared: current, outcome };
  };
  const { runtimeRoot, versionDir } = layout;
  try {
    return await withWriteAccess(
      { runtimeRoot, versions: [basename(versionDir)], step: 'plan', note, signal: options.signal },
      carryOut,
    );
  } finally {
    await prepared.tools.network.close();
    if (current !== prepared && current.status === 'install') await current.tools.network.close();
  }
}

/** Whether the active runtime changed since the plan was made; it is the one thing read before the mark. */
async function hasChanged({ plan, present }: InstallPreparation): Promise<boolean> {
  const now = await readInstalledManifest(plan.layout.manifestPath).catch(() => null);
  return JSON.stringify(now) !== JSON.stringify(present);
}

async function planAnew(
  shown: InstallPreparation,
  options: PrepareOptions,
  emit: Emit,
  isShown: boolean,
): Promise<Prepared> {
  const prepared = await prepareInstall(options);
  if (prepared.status === 'ready') return prepared;
  const planned = new Set(shown.summary.hosts);
  const allowed = new Set(options.allowedHosts);
  const unknown = prepared.summary.hosts.filter(
    (host) => !planned.has(host) && !allowed.has(withoutPort(host)),
  );
  if (isShown && unknown.length > 0) {
    await prepared.tools.network.close();
    throw new SetupError('The runtime folder was changed by another ktx, and the plan no longer holds.', {
      failureClass: 'conflict',
      evidence: [`not in the plan that was shown: ${unknown.join(', ')}`],
      remedies: [otherRemedy('Go back to the plan; ktx makes a new one')],
    });
  }
  emit({ type: 'plan', plan: prepared.summary });
  return prepared;
}
