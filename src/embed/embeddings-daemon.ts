import type { KtxRuntimeFeature } from '../core/features.ts';
import type { ManagedPythonDaemonStatus } from '../daemon/status.ts';
import { type CommandSpinner, createCommandSpinner } from './command-spinner.ts';
import {
  ensureManagedPythonCommandRuntime,
  type KtxManagedPythonInstallPolicy,
  type ManagedPythonCommandOptions,
} from './install-policy.ts';
import type { KtxCliIo } from './io.ts';
import type { ManagedPythonDaemonStartResult } from './start-daemon.ts';

/** The model that the daemon serves, and the batch size of its interface. */
export const LOCAL_EMBEDDINGS_DEFAULTS = {
  model: 'all-MiniLM-L6-v2',
  dimensions: 384,
  batchSize: 100,
} as const;

export interface ManagedLocalEmbeddingsDaemon {
  baseUrl: string;
  stdoutLog: string;
  stderrLog: string;
}

export interface ManagedLocalEmbeddingsOptions {
  cliVersion: string;
  projectDir: string;
  installPolicy: KtxManagedPythonInstallPolicy;
  io: KtxCliIo;
  ensureRuntime?: (
    options: Pick<ManagedPythonCommandOptions, 'cliVersion' | 'installPolicy' | 'io' | 'feature'>,
  ) => Promise<unknown>;
  startDaemon?: (options: {
    cliVersion: string;
    projectDir: string;
    features: KtxRuntimeFeature[];
    force: boolean;
  }) => Promise<Pick<ManagedPythonDaemonStartResult, 'status' | 'state' | 'baseUrl'>>;
  spinner?: () => CommandSpinner;
}

/**
 * Provides a running daemon with embeddings: installs what the policy allows, then starts the daemon or uses
 * a running one. The model is loaded with the first text, not here.
 */
export async function ensureManagedLocalEmbeddingsDaemon(
  options: ManagedLocalEmbeddingsOptions,
): Promise<ManagedLocalEmbeddingsDaemon> {
  const { cliVersion, projectDir, installPolicy, io } = options;
  const feature = 'local-embeddings';
  await (options.ensureRuntime ?? ensureManagedPythonCommandRuntime)({
    cliVersion,
    installPolicy,
    io,
    feature,
  });
  const startDaemon = options.startDaemon ?? (await import('./start-daemon.ts')).startManagedPythonDaemon;
  const spinner = options.spinner?.() ?? createCommandSpinner(io);
  spinner.start('Starting ktx embedding daemon (first run downloads the model)…');
  try {
    const daemon = await startDaemon({ cliVersion, projectDir, features: [feature], force: false });
    spinner.stop(`${daemon.status === 'reused' ? 'Using' : 'Started'} ktx daemon: ${daemon.baseUrl}`);
    return addressOf(daemon);
  } catch (error) {
    spinner.error('ktx embedding daemon failed to start');
    throw error;
  }
}

export interface TryUseManagedLocalEmbeddingsOptions {
  cliVersion: string;
  projectDir: string;
  readStatus?: (options: { cliVersion: string; projectDir: string }) => Promise<ManagedPythonDaemonStatus>;
}

/** A daemon with embeddings that is already running, or `null`. Starts and installs nothing. */
export async function tryUseManagedLocalEmbeddingsDaemon(
  options: TryUseManagedLocalEmbeddingsOptions,
): Promise<ManagedLocalEmbeddingsDaemon | null> {
  const { cliVersion, projectDir } = options;
  const readStatus =
    options.readStatus ?? (await import('../daemon/status.ts')).readManagedPythonDaemonStatus;
  const status = await readStatus({ cliVersion, projectDir });
  if (status.kind !== 'running' || !status.state.features.includes('local-embeddings')) return null;
  return addressOf(status);
}

function addressOf(daemon: Pick<ManagedPythonDaemonStartResult, 'state' | 'baseUrl'>) {
  const { stdoutLog, stderrLog } = daemon.state;
  return { baseUrl: daemon.baseUrl, stdoutLog, stderrLog };
}

/** The configuration with which an embedding client checks the daemon. */
export function managedLocalEmbeddingHealthConfig(options: {
  baseUrl: string;
  model: string;
  dimensions: number;
}) {
  const { baseUrl, model, dimensions } = options;
  return {
    backend: 'sentence-transformers' as const,
    model,
    dimensions,
    sentenceTransformers: { baseURL: baseUrl, pathPrefix: '' },
  };
}
