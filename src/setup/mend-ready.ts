import { chmod } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Emit, SetupResult } from '../core/events.ts';
import { type ManagedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { hasLeftEnvironments, runIds } from '../runtime/left-runs.ts';
import { CancelledError, errorMessage } from '../support/errors.ts';
import { isExecutable } from '../support/fs/path-exists.ts';
import { managedUvPath } from '../uv/location.ts';
import { isMarkedVerified } from '../uv/verified-mark.ts';
import type { PrepareOptions } from './request/install-types.ts';

/**
 * Cleans up after killed runs and failed removals, even when the runtime is ready. Failures are only notes:
 * the runtime works regardless.
 */
export async function tidyAfterKilledRun(layout: ManagedPythonRuntimeLayout, emit: Emit): Promise<void> {
  const { runtimeRoot, versionDir } = layout;
  const isTidy =
    (await runIds(sharedLayout(runtimeRoot).runsDir)).length === 0 &&
    !(await hasLeftEnvironments(layout.versionDir));
  if (isTidy) return;
  const { recoverIfFree } = await import('../lifecycle/recovery.ts');
  try {
    await recoverIfFree({ runtimeRoot, versions: [basename(versionDir)], note: noteTo(emit) });
  } catch (error) {
    noteTo(emit)(
      'warning',
      `An interrupted run could not be cleaned up, which changes nothing for the runtime: ${errorMessage(error)}`,
    );
  }
}

/**
 * Restores the pinned uv, which a ready runtime does not need to run but an install, a repair and the doctor
 * do. May download, so only for callers whose user agreed to an install. Reads one mark when all is well.
 * Failures are only notes.
 * @returns what was downloaded, and from where.
 * @throws CancelledError.
 */
export async function mendReadyRuntime(
  layout: ManagedPythonRuntimeLayout,
  options: PrepareOptions,
  emit: Emit,
): Promise<Pick<SetupResult, 'downloadedBytes' | 'egress'>> {
  const nothing = { downloadedBytes: 0, egress: [] };
  // An injected command or uv replaces the pinned one.
  if (options.exec || options.fetchUvArtifact || options.uvPath) return nothing;
  const uvPath = managedUvPath({ ...options, runtimeRoot: layout.runtimeRoot });
  if ((await isMarkedVerified(uvPath)) && (await isExecutable(uvPath))) return nothing;
  try {
    return (await mendUv(uvPath, layout, options, emit)) ?? nothing;
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    noteTo(emit)('warning', `The runtime works, but its uv could not be put back: ${errorMessage(error)}`);
    return nothing;
  }
}

async function mendUv(
  uvPath: string,
  { runtimeRoot, versionDir, assetDir }: ManagedPythonRuntimeLayout,
  options: PrepareOptions,
  emit: Emit,
): Promise<Pick<SetupResult, 'downloadedBytes' | 'egress'> | null> {
  const [
    { planUv },
    { acquireUv },
    { detectHost },
    { readLockedAsset },
    { openStore },
    { setupNetwork },
    { withWriteAccess },
  ] = await Promise.all([
    import('./plan/plan-uv.ts'),
    import('./build/acquire-uv.ts'),
    import('../shipped/target.ts'),
    import('../shipped/locked-asset.ts'),
    import('../store/store.ts'),
    import('./session/setup-network.ts'),
    import('../runtime/write-access.ts'),
  ]);
  const lockedAsset = await readLockedAsset(assetDir);
  const network = setupNetwork({ ...options, runtimeRoot, lock: lockedAsset?.lock ?? null });
  const store = openStore(sharedLayout(runtimeRoot).storeDir);
  const action = async () => {
    const host = await detectHost();
    const { acquisition } = await planUv({ options: { ...options, runtimeRoot }, host, network }, store);
    const { downloadedBytes } = await acquireUv(
      { uv: acquisition, host },
      { network, store, ensureUv: {} },
      emit,
      options.signal,
    );
    const mayRun = await isExecutable(uvPath);
    if (!mayRun) await chmod(uvPath, 0o755);
    if (acquisition.kind === 'fetch' || !mayRun) noteTo(emit)('info', `Put uv back: ${uvPath}`);
    return { downloadedBytes, egress: network.egress() };
  };
  const access = {
    runtimeRoot,
    versions: [basename(versionDir)],
    step: 'uv',
    note: noteTo(emit),
    shouldWait: false,
    signal: options.signal,
  };
  try {
    return await withWriteAccess(access, action);
  } finally {
    await network.close();
  }
}

function noteTo(emit: Emit) {
  return (level: 'info' | 'warning', text: string) => emit({ type: 'note', step: 'plan', level, text });
}
