import { realpath } from 'node:fs/promises';
import * as z from 'zod/mini';
import { type KtxRuntimeFeature, normaliseFeatures } from '../core/features.ts';
import type { ManagedPythonRuntimeLayout } from '../core/layout.ts';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { PythonKernel } from '../kernel/python-kernel.ts';
import type { KernelStartOptions } from '../kernel/types.ts';
import { readInstalledManifest } from '../runtime/manifest.ts';
import { wheelProofOf } from '../shipped/asset-schema.ts';
import { artefactsOf } from '../shipped/lock.ts';
import { type LockedAsset, readLockedAsset } from '../shipped/locked-asset.ts';
import { detectHost, targetKey } from '../shipped/target.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';
import { normaliseProject } from '../support/text/project-name.ts';
import {
  ANALYSIS_CHECK,
  EMBEDDING_CHECK,
  type Expected,
  IMPORT_CHECK,
  KERNEL_CHECK,
  pythonVersionOf,
  type SessionCheck,
  VERSIONS_CHECK,
} from './session-checks.ts';

export interface KernelDoctorCheck {
  id: SessionCheck['id'];
  label: string;
  status: 'pass' | 'fail';
  detail: string;
  /** The next command; absent on pass. */
  fix?: string;
}

type Session = Pick<PythonKernel, 'execute' | 'shutdown'>;

export interface KernelDoctorOptions {
  /** Of an installed runtime, whose environment is examined. */
  layout: ManagedPythonRuntimeLayout;
  features: KtxRuntimeFeature[];
  cliVersion: string;
  signal?: AbortSignal;
  /** Overrides the timeouts of checks, in milliseconds. */
  timeouts?: Partial<Record<SessionCheck['id'], number>>;
  startKernel?: (options: KernelStartOptions) => Promise<Session>;
}

/**
 * Examines the environment from inside: one Python session, one request per check. Writes nothing, always
 * ends the session, and stops after a failure that makes further requests impossible.
 * @throws CancelledError when the signal fires; never for a failing check.
 */
export async function runKernelDoctor(options: KernelDoctorOptions): Promise<KernelDoctorCheck[]> {
  const { layout, signal, timeouts = {}, startKernel = PythonKernel.start } = options;
  throwIfCancelled(signal);
  const budgetOf = ({ id, budgetMs }: SessionCheck) => timeouts[id] ?? budgetMs;
  let session: Session;
  try {
    session = await startKernel({
      pythonPath: layout.pythonPath,
      cwd: layout.versionDir,
      // Importing must not write bytecode.
      env: { PYTHONDONTWRITEBYTECODE: '1', KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir(layout.runtimeRoot) },
      deadlineMs: Date.now() + budgetOf(KERNEL_CHECK),
      signal,
    });
  } catch (error) {
    throwIfCancelled(signal);
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    const detail = isTimeout ? timedOutText(budgetOf(KERNEL_CHECK)) : errorMessage(error);
    return [failed(KERNEL_CHECK, detail)];
  }
  try {
    const results: KernelDoctorCheck[] = [];
    const { expected, checks } = await preparation(options);
    let pythonVersion = '';
    for (const check of checks) {
      const answer = await ask(session, check, budgetOf(check), signal);
      const result = judged(check, answer, expected, pythonVersion);
      results.push(result);
      if (result.status === 'fail' && check.isBasic) break;
      if (check === KERNEL_CHECK && 'value' in answer) pythonVersion = pythonVersionOf(answer.value);
    }
    return results;
  } finally {
    await session.shutdown();
  }
}

type Answer = { value: unknown } | { problem: string };

async function ask(
  session: Session,
  check: SessionCheck,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  let answer: Answer = { problem: `${check.label} returned no result` };
  let lastLine = '';
  const result = await session
    .execute(check.code, {
      timeoutMs,
      signal,
      onDisplay: (output) => {
        if (output.type === 'json') answer = { value: output.data };
      },
      onChunk: (text) => {
        lastLine = text.trimEnd().split('\n').at(-1) ?? '';
      },
    })
    .catch((error: unknown) => ({ problem: errorMessage(error) }));
  throwIfCancelled(signal);
  if ('problem' in result) return result;
  if (result.timedOut) return { problem: timedOutText(timeoutMs) };
  if (result.kernelKilled) return { problem: lastLine.replace(/^\[kernel\] /, '') };
  if (result.error) return { problem: `${result.error.name}: ${result.error.value}` };
  return answer;
}

function judged(
  check: SessionCheck,
  answer: Answer,
  expected: Expected,
  pythonVersion: string,
): KernelDoctorCheck {
  if ('problem' in answer) return failed(check, answer.problem);
  try {
    const detail = check.judge(answer.value, expected, { pythonVersion });
    return { id: check.id, label: check.label, status: 'pass', detail };
  } catch (error) {
    const isMalformed = error instanceof z.core.$ZodError;
    return failed(check, isMalformed ? `${check.label} returned no result` : errorMessage(error));
  }
}

function failed({ id, label, fix }: SessionCheck, detail: string): KernelDoctorCheck {
  return { id, label, status: 'fail', detail, fix };
}

function timedOutText(budgetMs: number): string {
  return `Timed out after ${budgetMs / 1000} s`;
}

/** The work to run and the expected values. The proof of another program's wheel is unknown here. */
async function preparation({ layout, features }: KernelDoctorOptions): Promise<{
  expected: Expected;
  checks: SessionCheck[];
}> {
  const [prefix, [manifest], [asset], host] = await Promise.all([
    realpath(layout.venvDir).catch(() => layout.venvDir),
    Promise.allSettled([readInstalledManifest(layout.manifestPath)]),
    Promise.allSettled([readLockedAsset(layout.assetDir)]),
    detectHost(),
  ]);
  const wanted = normaliseFeatures(features);
  const hasOwnProof =
    manifest.status === 'fulfilled' &&
    manifest.value !== null &&
    wheelProofOf(manifest.value.asset) !== undefined;
  const isForeign = hasOwnProof || (asset.status === 'fulfilled' && asset.value === null);
  return {
    expected: {
      prefix,
      wheelName: () => normaliseProject(settledValue(manifest)?.asset.distributionName ?? 'kaelio-ktx'),
      wheelVersion: () => {
        const version = settledValue(manifest)?.asset.version;
        if (version === undefined)
          throw new Error(`No runtime is installed: ${layout.manifestPath} is missing`);
        return version;
      },
      packagesFor: (pythonVersion) => {
        const locked = settledValue(asset);
        return locked && packagesOf(locked, targetKey(host, pythonVersion), wanted);
      },
    },
    checks: [
      KERNEL_CHECK,
      ...(hasOwnProof ? [] : [IMPORT_CHECK]),
      VERSIONS_CHECK,
      ...(isForeign ? [] : [ANALYSIS_CHECK]),
      ...(!isForeign && wanted.includes('local-embeddings') ? [EMBEDDING_CHECK] : []),
    ],
  };
}

/** @throws the original error, at the check that needs the value. */
function settledValue<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

/** Wheel names start with name and version (PEP 427). */
function packagesOf(
  { lock }: LockedAsset,
  target: string,
  features: readonly KtxRuntimeFeature[],
): ReadonlyMap<string, string> {
  const names = artefactsOf(lock, target, features).map(({ file }) => file.split('-'));
  return new Map(names.map(([name = '', version = '']) => [normaliseProject(name), version]));
}
