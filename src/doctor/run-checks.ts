import { type CheckResult, type CheckStatus, eventEmitter } from '../core/events.ts';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import { daemonEvidence, type ProofOptions, proofOf, proveDaemon, proveImports } from '../proof/prove.ts';
import { findInstalledEnvironment } from '../runtime/installed-environment.ts';
import { readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import { CancelledError, errorMessage, SetupError } from '../support/errors.ts';
import { doctorManagedPythonRuntime } from './runtime-checks.ts';

export type CheckOptions = Pick<
  SetupOptions,
  'cliVersion' | 'assetDir' | 'runtimeRoot' | 'env' | 'homeDir' | 'onEvent' | 'signal'
>;

interface Verdict {
  status: CheckStatus;
  detail: string;
  fix?: string;
}

interface Check {
  id: string;
  group: string;
  label: string;
  run: () => Promise<Verdict>;
}

const FIX = 'ktx setup --force';

/**
 * Looks whether the installed runtime works: the three checks of the contract, then the environment itself. Changes
 * nothing and asks no host. Checks run side by side, each with its own catch: one that crashes is one that failed.
 */
export async function runChecks(options: CheckOptions): Promise<CheckResult[]> {
  const emit = eventEmitter(options.onEvent);
  const status = await readManagedPythonRuntimeStatus(options);
  const contractChecks = doctorManagedPythonRuntime(options);
  const [uv, asset, runtime] = ['uv', 'asset', 'runtime'] as const;
  const fromContract = async (id: typeof uv | typeof asset | typeof runtime): Promise<Verdict> => {
    const check = (await contractChecks).find((entry) => entry.id === id);
    return check ?? { status: 'could-not-check', detail: 'not among the checks' };
  };
  const computed = managedPythonRuntimeLayout(options);
  const { manifest } = status;
  const installed = manifest && (await findInstalledEnvironment(computed, manifest));
  const proof: ProofOptions | null = installed
    ? {
        environmentDir: installed.layout.venvDir,
        pythonPath: installed.layout.pythonPath,
        daemonPath: installed.layout.daemonPath,
        cliVersion: options.cliVersion,
        ...proofOf(manifest, computed.runtimeRoot),
        env: options.env ?? process.env,
        signal: options.signal,
      }
    : null;
  const prove = async (ask: (options: ProofOptions) => Promise<string>): Promise<Verdict> => {
    if (!installed || !proof) return { status: 'skipped', detail: 'no runtime is installed' };
    if (installed.problem !== null) throw new Error(installed.problem);
    return { status: 'pass', detail: await ask(proof) };
  };
  const checks: Check[] = [
    { id: uv, group: 'Tools', label: 'uv', run: () => fromContract(uv) },
    { id: asset, group: 'Tools', label: 'Bundled Python wheel', run: () => fromContract(asset) },
    { id: runtime, group: 'Runtime', label: 'Managed Python runtime', run: () => fromContract(runtime) },
    {
      id: 'environment',
      group: 'Runtime',
      label: 'Environment starts',
      run: () => prove(async (proof) => `Python ${await proveImports(proof)} imports ktx_daemon`),
    },
    {
      id: 'daemon',
      group: 'Runtime',
      label: 'Daemon answers',
      run: () => prove(async (proof) => `On a free port it ${daemonEvidence(await proveDaemon(proof))}`),
    },
  ];
  return Promise.all(
    checks.map(async ({ run, ...check }) => {
      const startedAt = performance.now();
      const verdict = await judge(run);
      const result = { ...check, ...verdict, durationMs: Math.round(performance.now() - startedAt) };
      emit({ type: 'check', check: result });
      return result;
    }),
  );
}

async function judge(run: () => Promise<Verdict>): Promise<Verdict> {
  try {
    const { status, detail, fix } = await run();
    return fix === undefined ? { status, detail } : { status, detail, fix };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    const evidence = error instanceof SetupError ? error.evidence.slice(-3) : [];
    return { status: 'fail', detail: [errorMessage(error), ...evidence].join(' · '), fix: `Run: ${FIX}` };
  }
}
