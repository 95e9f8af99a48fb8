import { ensureManagedPythonCommandRuntime, type ManagedPythonCommandOptions } from './install-policy.ts';
import type { KtxSemanticLayerComputePort } from './python-compute.ts';

export interface ManagedPythonSemanticLayerComputeOptions extends ManagedPythonCommandOptions {
  /** Creates the port for an executable. Default: one process per call. */
  createPythonCompute?: (options: { command: string; args: string[] }) => KtxSemanticLayerComputePort;
  /** Accepted but unused. */
  projectDir?: string;
}

/**
 * The port of the managed runtime, which is installed first if the policy allows. Always uses the feature
 * `core`.
 * @throws as `ensureManagedPythonCommandRuntime`.
 */
export async function createManagedPythonSemanticLayerComputePort(
  options: ManagedPythonSemanticLayerComputeOptions,
): Promise<KtxSemanticLayerComputePort> {
  const { cliVersion, installPolicy, io, readStatus, installRuntime, confirmInstall, spinner } = options;
  const { manifest } = await ensureManagedPythonCommandRuntime({
    cliVersion,
    installPolicy,
    io,
    feature: 'core',
    ...(readStatus ? { readStatus } : {}),
    ...(installRuntime ? { installRuntime } : {}),
    ...(confirmInstall ? { confirmInstall } : {}),
    ...(spinner ? { spinner } : {}),
  });
  const createPythonCompute =
    options.createPythonCompute ?? (await import('./python-compute.ts')).createPythonSemanticLayerComputePort;
  return createPythonCompute({ command: manifest.python.daemonExecutable, args: [] });
}

/**
 * The same, lazily: the first method call creates the port. Concurrent calls share one attempt; after a
 * failure the next call tries again.
 */
export function createLazyManagedPythonSemanticLayerComputePort(
  options: ManagedPythonSemanticLayerComputeOptions,
): KtxSemanticLayerComputePort {
  let making: Promise<KtxSemanticLayerComputePort> | null = null;
  const port = () => {
    making ??= createManagedPythonSemanticLayerComputePort(options).catch((error: unknown) => {
      making = null;
      throw error;
    });
    return making;
  };
  return {
    query: async (input) => (await port()).query(input),
    validateSources: async (input) => (await port()).validateSources(input),
    generateSources: async (input) => (await port()).generateSources(input),
  };
}
