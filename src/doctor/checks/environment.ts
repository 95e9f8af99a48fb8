import { runProcess } from '../../process/run-process.ts';
import { daemonEvidence, proofOf } from '../../proof/proof.ts';
import { proveDaemon } from '../../proof/prove-daemon.ts';
import { importedModules } from '../../proof/prove-imports.ts';
import { interpreterEnvironment } from '../../python/system-python.ts';
import { CancelledError, errorMessage, SetupError } from '../../support/errors.ts';
import { type Check, fail, pass } from './check.ts';

/**
 * Like `proveImports`, but writes no bytecode and loads every extension module: the imports reach only some
 * of them, and executing all would take as long as starting a daemon.
 */
const importScript = (modules: readonly string[]): string => `import os, site, sys
for name in ${JSON.stringify(modules)}:
    __import__(name)
try:
    from ctypes import CDLL
except ImportError:
    CDLL = None
top = [path for path in site.getsitepackages() if path.startswith(sys.prefix)][0]
for root, folders, names in os.walk(top) if CDLL else ():
    for name in names:
        if name.endswith(('.so', '.pyd')):
            try:
                CDLL(os.path.join(root, name))
            except OSError as error:
                sys.exit(str(error).replace(top + os.sep, ''))
print('imported', '%d.%d.%d' % sys.version_info[:3])`;

export const ENVIRONMENT_CHECKS: readonly Check[] = [
  {
    id: 'environment',
    group: 'Runtime',
    label: 'Environment starts',
    why: 'Files can all be there and still not load, for example on another processor or libc.',
    cost: 'offline',
    dependsOn: ['interpreter', 'packages', 'files'],
    timeoutMs: 60_000,
    async run({ facts, env, layout, signal, waitFor }) {
      const { layout: found, manifest } = await facts.active();
      const { pythonPath } = found;
      const modules = importedModules(proofOf(manifest, layout.runtimeRoot).wheelProof);
      waitFor('importing the packages');
      const outcome = await runProcess({
        command: pythonPath,
        args: ['-I', '-B', '-c', importScript(modules)],
        env: interpreterEnvironment(env),
        signal,
      });
      const version = /^imported (\S+)$/m.exec(outcome.stdout)?.[1];
      if (outcome.exitCode === 0 && version !== undefined)
        return pass(`Python ${version} imports ${modules[0] ?? 'nothing'}`);
      const last = outcome.stderr.trim().split('\n').at(-1) || 'the interpreter gave no answer';
      return fail(`The packages cannot be imported: ${last}`, ['rebuild-environment']);
    },
  },
  {
    id: 'daemon',
    group: 'Core',
    label: 'Daemon answers',
    why: 'A daemon that starts on a free port and analyses a statement shows that the whole runtime works.',
    cost: 'deep',
    dependsOn: ['environment', 'entry-point'],
    timeoutMs: 120_000,
    async run({ facts, env, layout, signal, waitFor }) {
      const { layout: found, manifest } = await facts.active();
      waitFor('starting a daemon');
      try {
        const proof = await proveDaemon({
          environmentDir: found.venvDir,
          pythonPath: found.pythonPath,
          daemonPath: found.daemonPath,
          cliVersion: layout.cliVersion,
          ...proofOf(manifest, layout.runtimeRoot),
          env,
          signal,
          isReadOnly: true,
        });
        return pass(`On a free port it ${daemonEvidence(proof)}`);
      } catch (error) {
        if (error instanceof CancelledError) throw error;
        const evidence = error instanceof SetupError ? error.evidence.slice(-3) : [];
        return fail([errorMessage(error), ...evidence].join(' · '), ['rebuild-environment']);
      }
    },
  },
];
