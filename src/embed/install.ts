import type { Emit, OnEvent } from '../core/events.ts';
import { eventEmitter } from '../core/events.ts';
import type { Note } from '../runtime/write-access.ts';
import { mendReadyRuntime, tidyAfterKilledRun } from '../setup/mend-ready.ts';
import type { ReadyPreparation } from '../setup/plan/install-plan.ts';
import { prepareInstall } from '../setup/prepare.ts';
import type {
  ManagedPythonRuntimeInstallOptions,
  ManagedPythonRuntimeInstallResult,
} from '../setup/request/install-types.ts';
import { homeFolder } from '../support/home/home-folder.ts';

/**
 * Installs the bundled wheel for one CLI version, unless it is installed already. The new environment is
 * built beside the current one and becomes active after its proof, so a failure at any point leaves the
 * current runtime unchanged.
 * @param options.note receives notes about lock holders and repairs, which are also sent as events.
 * @throws KtxExpectedError for failures of the environment, plain Error with uv's output for a failed
 * command.
 */
export async function installManagedPythonRuntime(
  options: ManagedPythonRuntimeInstallOptions & { onEvent?: OnEvent; note?: Note; signal?: AbortSignal },
): Promise<ManagedPythonRuntimeInstallResult> {
  const { force, note, ...rest } = options;
  const prepareOptions = {
    ...rest,
    shouldForce: force === true,
    env: options.env ?? process.env,
    homeDir: options.homeDir ?? homeFolder(),
  };
  const emit = eventEmitter(options.onEvent);
  const prepared = await prepareInstall(prepareOptions);
  if (prepared.status === 'ready') {
    const tell: Emit = (event) => {
      if (event.type === 'note') note?.(event.level, event.text);
      emit(event);
    };
    await tidyAfterKilledRun(prepared.layout, tell);
    await mendReadyRuntime(prepared.layout, prepareOptions, tell);
    return readyResult(prepared);
  }
  const { runLocked } = await import('../setup/run-locked.ts');
  const end = await runLocked(prepared, prepareOptions, emit, { isShown: false, note });
  if (end.status === 'ready') return readyResult(end.ready);
  const { layout, manifest } = end.outcome;
  return { status: 'installed', layout, asset: end.prepared.plan.asset, manifest };
}

function readyResult({ layout, asset, manifest }: ReadyPreparation): ManagedPythonRuntimeInstallResult {
  return { status: 'ready', layout, asset, manifest };
}
