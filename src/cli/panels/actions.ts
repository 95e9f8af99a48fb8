import { relative } from 'node:path';
import { eventEmitter } from '../../core/events.ts';
import { managedRuntimeRoot } from '../../core/layout.ts';
import type { UndoTarget } from '../../lifecycle/undo.ts';
import { unneededLines } from '../../present/prune-lines.ts';
import type { Note } from '../../runtime/write-access.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import { SetupError } from '../../support/errors.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { formatBytes, formatCount } from '../../support/text/format.ts';
import { localMinute } from '../../support/text/local-time.ts';
import type { ActionId, ActionOutcome, ActionPreview } from '../../wizard/panels/action-panel.ts';
import type { PanelPlace } from './place.ts';
import { removalLines } from './removal-lines.ts';

/** A preview of an action. Changes nothing. */
export async function previewAction(action: ActionId, setup: SetupOptions): Promise<ActionPreview> {
  switch (action) {
    case 'start':
      return { lines: [], question: 'Start it?' };
    case 'stop':
      return { lines: [], question: 'Stop it?' };
    case 'undo':
      return previewUndo(setup);
    case 'remove':
      return previewRemoval(setup);
    case 'prune':
      return previewPrune(setup);
  }
}

/** @throws the failure of the action; CancelledError. */
export async function runAction(
  action: ActionId,
  setup: SetupOptions,
  place: PanelPlace,
): Promise<ActionOutcome> {
  const emit = eventEmitter(setup.onEvent);
  const note: Note = (level, text) => emit({ type: 'note', step: 'switch', level, text });
  switch (action) {
    case 'start':
      return start(setup, place, note);
    case 'stop':
      return stop(setup, place);
    case 'undo': {
      const { undoManagedPythonRuntime } = await import('../../lifecycle/undo.ts');
      const { to, direction } = await undoManagedPythonRuntime({ ...setup, note });
      return {
        isOk: true,
        title:
          direction === 'back'
            ? `Switched back to the environment of ${localMinute(to.installedAt)}`
            : `Switched forward to the environment of ${localMinute(to.installedAt)}`,
        lines: [
          sideWords(to),
          direction === 'back'
            ? 'Switch forward again: ktx admin runtime undo'
            : 'Switch back again: ktx admin runtime undo',
        ],
      };
    }
    case 'remove':
      return remove(setup, note);
    case 'prune': {
      const { pruneManagedPythonRuntimes } = await import('../../lifecycle/prune.ts');
      const { removed, unneeded } = await pruneManagedPythonRuntimes({ ...placeOf(setup), note });
      return {
        isOk: true,
        title: `${formatCount(removed.length, 'older version')} removed`,
        lines: [...removed, ...unneededLines(unneeded, 'Removed what was no longer needed')],
      };
    }
  }
}

async function start(setup: SetupOptions, { projectDir }: PanelPlace, note: Note): Promise<ActionOutcome> {
  const [{ startManagedPythonDaemon }, { readManagedPythonRuntimeStatus }] = await Promise.all([
    import('../../embed/start-daemon.ts'),
    import('../../runtime/status.ts'),
  ]);
  const { manifest } = await readManagedPythonRuntimeStatus(setup);
  if (manifest === null || manifest === undefined)
    throw new SetupError('No runtime is installed, so no daemon can be started.', {
      failureClass: 'conflict',
    });
  const { status, baseUrl, state } = await startManagedPythonDaemon({
    ...setup,
    projectDir,
    features: manifest.features,
    note,
  });
  return {
    isOk: true,
    title: status === 'reused' ? 'The ktx daemon is already running' : 'The ktx daemon is running',
    lines: [
      `${baseUrl} · process ${state.pid} · ${state.features.join(', ')}`,
      `log: ${state.stderrLog}`,
      'Stop it: ktx admin runtime stop',
    ],
  };
}

async function stop(setup: SetupOptions, { projectDir }: PanelPlace): Promise<ActionOutcome> {
  const { stopManagedPythonDaemon } = await import('../../daemon/stop.ts');
  const {
    status,
    state,
    wasRunning = status === 'stopped',
  } = await stopManagedPythonDaemon({
    ...placeOf(setup),
    projectDir,
  });
  return {
    isOk: true,
    title: wasRunning ? 'The ktx daemon is stopped' : 'No ktx daemon was running',
    lines: [...(state ? [`process ${state.pid}`] : []), 'Start it: ktx admin runtime start'],
  };
}

async function previewUndo(setup: SetupOptions): Promise<ActionPreview> {
  const { readUndoTarget } = await import('../../lifecycle/undo.ts');
  const target = await readUndoTarget(setup);
  if (target === null) {
    return {
      lines: ['There is no other environment of this version: nothing was installed over another one.'],
      question: null,
    };
  }
  const { from, to } = target;
  return {
    lines: [
      from === null ? 'Now: none that works' : `Now: ${sideWords(from)}`,
      `After switching: ${sideWords(to)}`,
      'It is tested before it is used. Nothing is downloaded, and you can undo this too.',
    ],
    question:
      target.direction === 'back'
        ? `Go back to the environment of ${localMinute(to.installedAt)}?`
        : `Go forward to the environment of ${localMinute(to.installedAt)}?`,
  };
}

function sideWords({ features, installedAt, environmentDir }: UndoTarget['to']): string {
  return `${features.join(' + ')}, installed ${localMinute(installedAt)}, in ${environmentDir}`;
}

async function previewRemoval(setup: SetupOptions): Promise<ActionPreview> {
  const { planUninstall } = await import('../../lifecycle/uninstall.ts');
  const plan = await planUninstall(setup);
  const { runtimeRoot } = plan;
  const { parts, kept } = removalLines(plan);
  if (parts.length === 0) return { lines: [`${runtimeRoot} holds no ktx files.`, ...kept], question: null };
  return {
    lines: [`To be deleted under ${runtimeRoot}:`, ...parts.map((line) => `  ${line}`), ...kept],
    question: 'Delete all this? It cannot be undone; a new setup installs it again.',
  };
}

async function remove(setup: SetupOptions, note: Note): Promise<ActionOutcome> {
  const { uninstallManagedPythonRuntimes } = await import('../../lifecycle/uninstall.ts');
  const { removedBytes, runtimeRoot, left, stoppedPids } = await uninstallManagedPythonRuntimes({
    ...setup,
    note,
  });
  return {
    isOk: left.length === 0,
    title: `${formatBytes(removedBytes)} removed from ${runtimeRoot}`,
    lines: [
      ...(stoppedPids.length > 0 ? [`Stopped ${formatCount(stoppedPids.length, 'ktx daemon')}`] : []),
      ...(left.length === 0
        ? ['Nothing of ktx is left there.']
        : left.map(({ path, reason }) => `left: ${path}, ${reason}`)),
    ],
  };
}

async function previewPrune(setup: SetupOptions): Promise<ActionPreview> {
  const { pruneManagedPythonRuntimes } = await import('../../lifecycle/prune.ts');
  const place = placeOf(setup);
  const { stale, kept, unneeded } = await pruneManagedPythonRuntimes({ ...place, dryRun: true });
  const names = (paths: readonly string[]) => paths.map((path) => relative(place.runtimeRoot, path));
  const used = names(kept).filter((name) => name !== setup.cliVersion);
  const inUse = used.length > 0 ? [`${used.join(', ')} is kept: something runs from it.`] : [];
  const shared = unneededLines(unneeded, 'No longer needed');
  if (stale.length === 0 && shared.length === 0)
    return { lines: ['There is no older version to remove.', ...inUse], question: null };
  const what = [...names(stale), ...(shared.length > 0 ? ['what is no longer needed'] : [])];
  return {
    lines: [...stale, ...shared, ...inUse, 'An older ktx that is used again installs its own runtime again.'],
    question: `Delete ${what.join(', ')}?`,
  };
}

function placeOf(setup: SetupOptions) {
  const { cliVersion, assetDir, env = process.env, homeDir = homeFolder(), signal } = setup;
  return {
    cliVersion,
    ...(assetDir !== undefined && { assetDir }),
    runtimeRoot: managedRuntimeRoot({ ...setup, env, homeDir }),
    ...(signal && { signal }),
  };
}
