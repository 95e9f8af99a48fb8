import { homedir } from 'node:os';
import type {
  ManagedPythonRuntimeInstallOptions,
  ManagedPythonRuntimeInstallResult,
} from '../runtime/types.ts';
import type { OnEvent } from '../support/events.ts';
import { eventEmitter } from '../support/events.ts';
import { runInstallJob } from './job.ts';
import { prepareInstall } from './plan.ts';

/**
 * Installs the bundled wheel for one CLI version, or finds that it is installed. Contract: runtime-library section 9;
 * beyond it, a new environment is built beside the present one and takes over once it has proved itself, so a failure
 * at any point leaves the present runtime as it was.
 * @throws KtxExpectedError for outcomes of the environment, plain Error with the uv output for a failing command.
 */
export async function installManagedPythonRuntime(
  options: ManagedPythonRuntimeInstallOptions & { onEvent?: OnEvent; signal?: AbortSignal },
): Promise<ManagedPythonRuntimeInstallResult> {
  const { force, ...rest } = options;
  const prepared = await prepareInstall({
    ...rest,
    shouldForce: force === true,
    env: options.env ?? process.env,
    homeDir: options.homeDir ?? homedir(),
  });
  if (prepared.status === 'ready') {
    const { layout, asset, manifest } = prepared;
    return { status: 'ready', layout, asset, manifest };
  }
  try {
    const { layout, manifest } = await runInstallJob(
      prepared.job,
      eventEmitter(options.onEvent),
      options.signal,
    );
    return { status: 'installed', layout, asset: prepared.job.asset, manifest };
  } finally {
    await prepared.session.close();
  }
}
