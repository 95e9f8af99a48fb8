import { stat } from 'node:fs/promises';
import { DAEMON_SETTINGS } from './settings.ts';
import type { ManagedPythonDaemonState } from './state.ts';

/**
 * Whether a daemon was started before the last install, repair or undo of its runtime. Each of them writes
 * the manifest, and such a daemon still runs from the previous environment. False when the manifest cannot be
 * read.
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

/**
 * Whether a `/health` answer reports settings that differ from this environment. An answer without settings
 * matches.
 */
export function hasOtherSettings(health: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): boolean {
  const { embeddings } = health as { embeddings?: { settings?: Record<string, unknown> } };
  const settings = embeddings?.settings;
  if (typeof settings !== 'object' || settings === null) return false;
  return Object.keys(DAEMON_SETTINGS).some((name) => (settings[name] ?? '') !== (env[name] ?? ''));
}
