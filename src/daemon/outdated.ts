import { stat } from 'node:fs/promises';
import { DAEMON_SETTINGS } from './settings.ts';
import type { ManagedPythonDaemonState } from './state.ts';

/**
 * Whether a daemon was started before its runtime was last installed, repaired or undone: the manifest is written by each
 * of them, and the daemon still runs from the environment before. A runtime that cannot be read outdates nothing.
 */
export async function startedBeforeRuntime(
  state: Pick<ManagedPythonDaemonState, 'startedAt'>,
  manifestPath: string,
): Promise<boolean> {
  const writtenMs = await stat(manifestPath).then(
    (status) => status.mtimeMs,
    () => null,
  );
  const startedMs = Date.parse(state.startedAt);
  return writtenMs !== null && startedMs < writtenMs;
}

/** Whether a `/health` answer names other settings than this environment. One that names none fits. */
export function hasOtherSettings(health: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): boolean {
  const { embeddings } = health as { embeddings?: { settings?: Record<string, unknown> } };
  const settings = embeddings?.settings;
  if (typeof settings !== 'object' || settings === null) return false;
  return Object.keys(DAEMON_SETTINGS).some((name) => (settings[name] ?? '') !== (env[name] ?? ''));
}
