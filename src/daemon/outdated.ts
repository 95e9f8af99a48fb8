import { stat } from 'node:fs/promises';
import type { ManagedPythonDaemonState } from './state.ts';

/** The daemon's settings that a start hands on. Another value asks for another daemon. */
export const DAEMON_SETTINGS = ['KTX_EMBEDDINGS_THREADS', 'KTX_EMBEDDINGS_IDLE_SECONDS'] as const;

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
  return DAEMON_SETTINGS.some((name) => (settings[name] ?? '') !== (env[name] ?? ''));
}
