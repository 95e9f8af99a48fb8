import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { type ManagedPythonRuntimeLayout, managedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import { proofOf } from '../proof/proof.ts';
import { proveEnvironment } from '../proof/prove.ts';
import { type EnvironmentRecord, environmentsDir, readEnvironments } from '../runtime/environments.ts';
import { findInstalledEnvironment } from '../runtime/installed-environment.ts';
import { openJournal, runEnvironment } from '../runtime/journal.ts';
import { readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { switchOver } from '../runtime/switchover.ts';
import { type Note, withWriteAccess } from '../runtime/write-access.ts';
import { SetupError } from '../support/errors.ts';
import { REBUILD } from '../support/remedies.ts';
import { recover } from './recovery.ts';

/** One of the two environments that undo switches between. */
export interface UndoSide {
  environmentDir: string;
  /** ISO-8601 UTC. */
  installedAt: string;
  features: readonly KtxRuntimeFeature[];
  wheelVersion: string;
}

export interface UndoTarget {
  /** `back` to the environment before the last install, or `forward` to the one that was undone. */
  direction: 'back' | 'forward';
  /** The active environment; `null` when it is lost. */
  from: UndoSide | null;
  to: UndoSide;
}

export interface UndoOptions {
  cliVersion: string;
  runtimeRoot?: string;
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  note?: Note;
  signal?: AbortSignal;
}

/** What an undo would do now; `null` when there is nothing to switch to. Reads only. */
export async function readUndoTarget(
  options: Pick<UndoOptions, 'cliVersion' | 'runtimeRoot' | 'env' | 'homeDir'>,
): Promise<UndoTarget | null> {
  const { versionDir } = managedPythonRuntimeLayout(options);
  return (await findTarget(versionDir))?.target ?? null;
}

/**
 * Switches to the other environment of this version: back, and on the next call forward again. That
 * environment must pass its proof first; otherwise nothing changes. `manifest.json` becomes a copy of the
 * environment's own record.
 * @throws SetupError when there is nothing to switch to or it does not work; CancelledError.
 */
export async function undoManagedPythonRuntime(options: UndoOptions): Promise<UndoTarget> {
  const layout = managedPythonRuntimeLayout(options);
  const { runtimeRoot, versionDir, cliVersion } = layout;
  const note = options.note ?? (() => {});
  if ((await findTarget(versionDir)) === null) throw await nothingToUndo(layout);
  const { signal } = options;
  return withWriteAccess(
    { runtimeRoot, versions: [basename(versionDir)], step: 'undo', note, signal },
    async () => {
      await recover({ runtimeRoot, note });
      // Checked again: the process we waited for may have installed something.
      const found = await findTarget(versionDir);
      if (found === null) throw await nothingToUndo(layout);
      const { target, record } = found;
      const { pythonPath, daemonPath } = await locate(layout, target.to, record);
      const journal = openJournal({ runsDir: sharedLayout(runtimeRoot).runsDir, cliVersion });
      try {
        journal.write({ step: 'undo' });
        const proven = proveEnvironment({
          environmentDir: target.to.environmentDir,
          pythonPath,
          daemonPath,
          cliVersion,
          ...proofOf(record, runtimeRoot),
          env: { ...(options.env ?? process.env), ...runEnvironment(journal) },
          signal,
          onSpawn: journal.child,
        });
        await proven.catch((error: unknown) => {
          throw target.from === null ? error : aboutTheOther(error);
        });
        const { previous: _, ...manifest } = record;
        const python = { executable: pythonPath, daemonExecutable: daemonPath };
        await switchOver({
          layout,
          environmentDir: target.to.environmentDir,
          manifest: { ...manifest, python },
          uses: [],
          action: target.direction === 'back' ? 'undo' : 'redo',
          reason: target.from === null ? 'damaged' : 'asked',
          journal,
          note,
          signal,
        });
      } finally {
        journal.close();
      }
      return target;
    },
  );
}

async function findTarget(
  versionDir: string,
): Promise<{ target: UndoTarget; record: EnvironmentRecord } | null> {
  const { active, other, records } = await readEnvironments(versionDir);
  if (other === null) return null;
  const activeId = active.kind === 'id' ? active.id : '';
  const [from, to] = [records.get(activeId), records.get(other)];
  if (!to) return null;
  // An environment installed later is `forward`.
  const isAhead = from !== undefined && to.installedAt > from.installedAt;
  const target: UndoTarget = {
    direction: to.previous === activeId || isAhead ? 'forward' : 'back',
    from: from ? sideOf(versionDir, activeId, from) : null,
    to: sideOf(versionDir, other, to),
  };
  return { target, record: to };
}

function sideOf(versionDir: string, id: string, record: EnvironmentRecord): UndoSide {
  return {
    environmentDir: join(environmentsDir(versionDir), id),
    installedAt: record.installedAt,
    features: record.features,
    wheelVersion: record.asset.version,
  };
}

/** Environments contain absolute paths: in a moved folder they run nothing, or something else. */
async function locate(
  layout: ManagedPythonRuntimeLayout,
  { environmentDir }: UndoSide,
  record: EnvironmentRecord,
): Promise<ManagedPythonRuntimeLayout> {
  const { layout: found, problem } = await findInstalledEnvironment(layout, record);
  // A record is read only where it names its own environment, so one that is found is that one.
  if (problem === null) return found;
  throw new SetupError(`The other environment is not in its place: ${problem}`, {
    failureClass: 'conflict',
    evidence: [`it is in ${environmentDir}`],
    remedies: [REBUILD],
  });
}

/** The environment in use works: remedies for the other one do not apply to it. */
function aboutTheOther(error: unknown): unknown {
  if (!(error instanceof SetupError)) return error;
  const { message, failureClass, evidence, causeId } = error;
  return new SetupError(`Nothing was switched: the other environment does not work. ${message}`, {
    failureClass,
    evidence,
    cause: error,
    ...(causeId === null ? {} : { causeId }),
  });
}

async function nothingToUndo({ runtimeRoot, versionDir }: ManagedPythonRuntimeLayout): Promise<SetupError> {
  const names = await readdir(runtimeRoot).catch(() => []);
  const others: string[] = [];
  for (const name of names.filter((each) => isVersionName(each) && each !== basename(versionDir))) {
    const { kind } = await readManagedPythonRuntimeStatus({ cliVersion: name, runtimeRoot });
    if (kind === 'ready') others.push(name);
  }
  return new SetupError('There is no other environment to go back to.', {
    failureClass: 'conflict',
    evidence: [
      `looked in ${environmentsDir(versionDir)}`,
      'Only the environment before the last install is kept.',
      ...others.map((name) => `The runtime of ktx ${name} is still installed; that version of ktx uses it.`),
    ],
    remedies: [REBUILD],
  });
}
