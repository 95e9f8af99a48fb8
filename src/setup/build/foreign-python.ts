import { foreignMinors, type PythonChoice, systemPythonFor } from '../../python/python-choice.ts';
import { CancelledError, errorMessage, SetupError } from '../../support/errors.ts';
import { pythonInstallArgs } from '../../uv/commands.ts';
import { uvEnvironment } from '../../uv/environment.ts';
import type { UvRunner } from '../../uv/runner.ts';
import type { InstallRun } from './install-run.ts';

/**
 * Chooses the Python for a wheel without a lock, by the same rules as with one: the requested Python; for
 * `auto`, one that uv has or downloads, else a system Python that passes its check. A choice remembered from
 * an earlier setup is dropped if it cannot be used.
 * @returns the argument of `uv venv --python`: a version, or the path of an interpreter.
 * @throws SetupError naming every interpreter that was tried; uv's failure when there is no alternative.
 */
export async function takeForeignPython(run: InstallRun, uv: UvRunner): Promise<string> {
  const { choice, isKept } = run.plan.foreignPython;
  try {
    return await takePython(run, uv, choice);
  } catch (error) {
    if (!isKept || !(error instanceof SetupError)) throw error;
    const text = `The Python chosen for this runtime earlier cannot be used: ${error.message}`;
    run.emit({ type: 'note', step: 'python', level: 'warning', text });
    return takePython(run, uv, 'auto');
  }
}

async function takePython(run: InstallRun, uv: UvRunner, choice: PythonChoice): Promise<string> {
  const { plan, env, signal, tools } = run;
  const { specifier, minimumVersion } = plan.asset.requiresPython;
  const request = typeof choice === 'object' && 'version' in choice ? choice.version : minimumVersion;
  const search = { minors: foreignMinors(specifier, request), host: plan.host, env, signal };
  if (choice === 'system' || (typeof choice === 'object' && 'path' in choice))
    return ofSystem(run, await systemPythonFor(choice, [], search));
  try {
    await uv.run('python', pythonInstallArgs(request), uvEnvironment(env, { isOffline: false }));
    return request;
  } catch (error) {
    if (error instanceof CancelledError || choice === 'managed' || tools.exec) throw error;
    const found = await systemPythonFor('system', [errorMessage(error)], search).catch((reason: unknown) => {
      if (reason instanceof CancelledError) throw reason;
      // uv's error is diagnosed unchanged; the interpreters that were tried are a separate note.
      run.emit({ type: 'note', step: 'python', level: 'warning', text: errorMessage(reason) });
      throw error;
    });
    return ofSystem(run, found);
  }
}

function ofSystem({ emit }: InstallRun, { version, path }: { version: string; path: string }): string {
  const text = `Using Python ${version} of the system: ${path}`;
  emit({ type: 'lines', step: 'python', stream: 'ktx', lines: [text] });
  return path;
}
