import type { KtxRuntimeFeature } from '../core/features.ts';
import {
  type KtxRuntimeProjectConfig,
  type KtxRuntimeRequirements,
  resolveProjectRuntimeRequirements,
} from '../project/requirements.ts';
import { recordSetupStep } from '../project/setup-progress.ts';
import { errorMessage } from '../support/errors.ts';
import { ensureManagedLocalEmbeddingsDaemon } from './embeddings-daemon.ts';
import { harmlessIo } from './harmless-io.ts';
import { ensureManagedPythonCommandRuntime, type KtxManagedPythonInstallPolicy } from './install-policy.ts';
import type { KtxCliIo } from './io.ts';

export interface KtxSetupRuntimeArgs {
  projectDir: string;
  inputMode: 'auto' | 'disabled';
  cliVersion: string;
  runtimeInstallPolicy: KtxManagedPythonInstallPolicy;
  databaseIntrospectionFallback?: boolean;
}

export interface KtxSetupRuntimeDeps {
  env?: NodeJS.ProcessEnv;
  /** Reads the project's configuration. Its errors are passed on. */
  loadProject?: (options: { projectDir: string }) => Promise<{ config: KtxRuntimeProjectConfig }>;
  ensureRuntime?: (options: {
    cliVersion: string;
    installPolicy: KtxManagedPythonInstallPolicy;
    io: KtxCliIo;
    feature: 'core';
  }) => Promise<unknown>;
  ensureLocalEmbeddings?: (options: {
    cliVersion: string;
    projectDir: string;
    installPolicy: KtxManagedPythonInstallPolicy;
    io: KtxCliIo;
  }) => Promise<unknown>;
}

export interface KtxSetupRuntimeResult {
  status: 'skipped' | 'ready' | 'failed';
  projectDir: string;
  requirements: KtxRuntimeRequirements;
}

const LABELS: Record<KtxRuntimeFeature, string> = { core: 'core', 'local-embeddings': 'local embeddings' };

/**
 * The setup step that prepares the Python features a project needs, and no more. Recorded as completed only
 * when everything is ready.
 */
export async function runKtxSetupRuntimeStep(
  args: KtxSetupRuntimeArgs,
  output: KtxCliIo,
  deps: KtxSetupRuntimeDeps = {},
): Promise<KtxSetupRuntimeResult> {
  const io = harmlessIo(output);
  const { projectDir } = args;
  const { config } = await (deps.loadProject ?? loadProjectConfig)({ projectDir });
  const requirements = resolveProjectRuntimeRequirements(config, {
    databaseIntrospectionFallback: args.databaseIntrospectionFallback,
    ...(deps.env ? { env: deps.env } : {}),
  });
  const { features } = requirements;
  if (features.length === 0) {
    io.stdout.write('│  Runtime setup skipped.\n');
    return { status: 'skipped', projectDir, requirements };
  }
  try {
    for (const feature of features) await prepare(feature, args, output, deps);
  } catch (error) {
    const lines = errorMessage(error).split(/\r?\n/);
    io.stderr.write(
      lines
        .filter((line) => line.trim() !== '')
        .map((line) => `│  ${line}\n`)
        .join(''),
    );
    return { status: 'failed', projectDir, requirements };
  }
  await recordSetupStep(projectDir, 'runtime');
  io.stdout.write(`│  Runtime ready: yes (${features.map((feature) => LABELS[feature]).join(', ')})\n`);
  return { status: 'ready', projectDir, requirements };
}

/** Embeddings are installed when their daemon is started. */
async function prepare(
  feature: KtxRuntimeFeature,
  args: KtxSetupRuntimeArgs,
  io: KtxCliIo,
  deps: KtxSetupRuntimeDeps,
): Promise<unknown> {
  const { cliVersion, projectDir, runtimeInstallPolicy: installPolicy } = args;
  switch (feature) {
    case 'core': {
      const ensureRuntime = deps.ensureRuntime ?? ensureManagedPythonCommandRuntime;
      return ensureRuntime({ cliVersion, installPolicy, io, feature });
    }
    case 'local-embeddings': {
      const ensureLocalEmbeddings = deps.ensureLocalEmbeddings ?? ensureManagedLocalEmbeddingsDaemon;
      return ensureLocalEmbeddings({ cliVersion, projectDir, installPolicy, io });
    }
  }
}

async function loadProjectConfig({ projectDir }: { projectDir: string }) {
  const { readProjectConfig } = await import('../project/project-config.ts');
  return { config: (await readProjectConfig(projectDir)) ?? {} };
}
