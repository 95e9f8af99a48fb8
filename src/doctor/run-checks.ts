import { type ProofOptions, proveDaemon, proveImports } from '../install/prove.ts';
import type { SetupOptions } from '../install/setup-options.ts';
import { embeddingsModelDir } from '../runtime/models.ts';
import { readManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { CancelledError, errorMessage, SetupError } from '../support/errors.ts';
import { type CheckResult, type CheckStatus, eventEmitter } from '../support/events.ts';
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
  const hasEmbeddings = status.manifest?.features.includes('local-embeddings') === true;
  const proof: ProofOptions | null = status.manifest
    ? {
        environmentDir: status.layout.venvDir,
        pythonPath: status.manifest.python.executable,
        daemonPath: status.manifest.python.daemonExecutable,
        cliVersion: options.cliVersion,
        modelDir: hasEmbeddings ? embeddingsModelDir(status.layout.runtimeRoot) : undefined,
        env: options.env ?? process.env,
        signal: options.signal,
      }
    : null;
  const skipped: Verdict = { status: 'skipped', detail: 'no runtime is installed' };
  const checks: Check[] = [
    { id: uv, group: 'Tools', label: 'uv', run: () => fromContract(uv) },
    { id: asset, group: 'Tools', label: 'Bundled Python wheel', run: () => fromContract(asset) },
    { id: runtime, group: 'Runtime', label: 'Managed Python runtime', run: () => fromContract(runtime) },
    {
      id: 'environment',
      group: 'Runtime',
      label: 'Environment starts',
      run: async () => (proof ? passed(`Python ${await proveImports(proof)} imports ktx_daemon`) : skipped),
    },
    {
      id: 'daemon',
      group: 'Runtime',
      label: 'Daemon answers',
      run: async () => {
        if (!proof) return skipped;
        await proveDaemon(proof);
        const vector = hasEmbeddings ? ', and the reference vector was computed' : '';
        return passed(`/health answered on a free port${vector}`);
      },
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

function passed(detail: string): Verdict {
  return { status: 'pass', detail };
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
