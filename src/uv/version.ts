import type { ManagedPythonRuntimeExec } from '../process/exec.ts';
import { CancelledError, SetupError } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';
import { MANAGED_UV_VERSION } from './release.ts';

/**
 * Runs `uv --version`, which proves that this binary starts here (architecture, quarantine, noexec).
 * @returns its trimmed output, such as `uv 0.11.21`; if empty, the expected version, unless `mustSpeak`.
 * @throws SetupError with the cause when it cannot run; CancelledError.
 */
export async function readUvVersion(options: {
  uvPath: string;
  exec: ManagedPythonRuntimeExec;
  env: NodeJS.ProcessEnv;
  mustSpeak?: boolean;
}): Promise<string> {
  const { uvPath, exec, env, mustSpeak = false } = options;
  try {
    const { stdout } = await exec(uvPath, ['--version'], { env: { ...env, UV_NO_CONFIG: '1' } });
    return stdout.trim() || (mustSpeak ? '' : `uv ${MANAGED_UV_VERSION}`);
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    const { machineLimit } = await import('../failure/causes/machine-failure.ts');
    const limit = machineLimit(error);
    if (limit !== null) throw limit;
    throw new SetupError(
      `Managed uv at ${uvPath} failed to run. Delete it and retry: ktx admin runtime install --yes`,
      {
        failureClass: 'platform',
        cause: error,
        remedies: [
          otherRemedy('Delete it, then run', { afterwards: ['ktx', 'admin', 'runtime', 'install', '--yes'] }),
        ],
      },
    );
  }
}
