import { proveEnvironment } from '../../src/install/prove.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { plainEnvironment } from '../fixtures/program.ts';

/** `node health.ts <runtime root> <version>`: whether the runtime that status names really works, as one JSON line. */
const [runtimeRoot, cliVersion] = process.argv.slice(2) as [string, string];
const { kind, layout } = await readManagedPythonRuntimeStatus({ runtimeRoot, cliVersion });
const { venvDir: environmentDir, pythonPath, daemonPath } = layout;
const env = plainEnvironment('/nowhere');
const works =
  kind === 'ready' &&
  (await proveEnvironment({ environmentDir, pythonPath, daemonPath, cliVersion, env }).then(
    () => true,
    () => false,
  ));
console.log(JSON.stringify({ type: 'health', kind, environmentDir, works }));
