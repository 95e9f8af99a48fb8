import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { environmentPaths } from '../../core/layout.ts';
import type { DeferredLog } from '../../log/job-log.ts';
import { daemonEvidence } from '../../proof/proof.ts';
import { proveEnvironment } from '../../proof/prove.ts';
import { importedModules } from '../../proof/prove-imports.ts';
import type { ManagedPython } from '../../python/python-choice.ts';
import { managedPythonKey, pythonDownloadsList } from '../../python/python-downloads.ts';
import { disownPython, newPythonDir, recordPython, verifyPython } from '../../python/unpacked-python.ts';
import { wheelProofOf } from '../../shipped/asset-schema.ts';
import { hashInThread } from '../../store/store.ts';
import { absentAsNull, SetupError } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { retryBecause } from '../../support/remedies.ts';
import {
  findArgs,
  lockedInstallArgs,
  pythonInstallArgs,
  venvArgs,
  wheelInstallArgs,
} from '../../uv/commands.ts';
import { uvEnvironment } from '../../uv/environment.ts';
import type { UvRunner } from '../../uv/runner.ts';
import type { LockedPlan } from '../plan/install-plan.ts';
import { takeForeignPython } from './foreign-python.ts';
import type { InstallRun } from './install-run.ts';
import { generateRequirements } from './requirements.ts';

/**
 * Installs the interpreter.
 * @returns the folder of the managed Python to create the environment from; `null` when uv or the system
 * provides it.
 */
export async function buildPython(run: InstallRun, uv: UvRunner): Promise<string | null> {
  const { emit } = run;
  const { locked } = run.plan;
  if (!locked) {
    run.foreignPython = await takeForeignPython(run, uv);
    return null;
  }
  if (locked.python.kind === 'system') {
    const text = `Using Python ${locked.python.version} of the system: ${locked.python.path}`;
    emit({ type: 'lines', step: 'python', stream: 'ktx', lines: [text] });
    return null;
  }
  const unpacked = await usablePython(run, locked.python);
  return unpacked ?? unpackPython(run, locked, locked.python, uv);
}

/** The unpacked Python, if it is unaltered: a modified file in it would run in the new environment. */
async function usablePython(
  run: InstallRun,
  { unpackedDir, archive, version }: ManagedPython,
): Promise<string | null> {
  if (unpackedDir === null) return null;
  const altered = await verifyPython(unpackedDir, run.signal);
  if (altered === null) return unpackedDir;
  await disownPython(unpackedDir);
  const text = `${altered} of the unpacked Python ${version} is not as it was unpacked`;
  if ((await run.tools.store.verify(archive, run.signal)) !== 'ok') {
    throw new SetupError(`${text}, and its archive is not in the store.`, {
      failureClass: 'verification',
      evidence: [`folder: ${unpackedDir}`, `archive: ${archive.file}, sha256 ${archive.sha256}`],
      remedies: [retryBecause('the archive is fetched then')],
    });
  }
  run.emit({
    type: 'note',
    step: 'python',
    level: 'warning',
    text: `${text}; it is unpacked again beside it.`,
  });
  return null;
}

async function unpackPython(
  run: InstallRun,
  { pythonBuild }: LockedPlan,
  { version, archive }: ManagedPython,
  uv: UvRunner,
): Promise<string> {
  const { plan, tools, runDir, journal } = run;
  const { host, shared } = plan;
  const listPath = join(runDir, 'python-downloads.json');
  const archivePath = tools.store.pathOf(archive);
  const list = pythonDownloadsList({
    host,
    version,
    build: pythonBuild,
    archivePath,
    sha256: archive.sha256,
  });
  await writeFileAtomic(listPath, list, 0o644, { isDurable: false });
  const dir = newPythonDir(shared.pythonDir);
  journal.write({ making: 'python', name: basename(dir) });
  try {
    const env = lockedEnvironment(run, dir, pathToFileURL(listPath).href);
    await uv.run('python', pythonInstallArgs(version), env);
    // Recorded before anything runs it: right now the folder holds exactly what the verified archive
    // contained.
    const made = { key: managedPythonKey(host, version), archiveSha256: archive.sha256 };
    await recordPython(dir, made, run.signal);
    return dir;
  } catch (error) {
    // Without a manifest the folder is unused, and the next install removes it.
    await rm(dir, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    throw error;
  }
}

/** Creates the environment and installs into it. */
export async function buildEnvironment(
  run: InstallRun,
  pythonDir: string | null,
  uv: UvRunner,
): Promise<void> {
  const { locked, asset, environmentDir, features } = run.plan;
  const { pythonPath } = environmentPaths(environmentDir);
  if (!locked) {
    const env = uvEnvironment(run.env, { isOffline: false });
    await uv.run(
      'packages',
      venvArgs(run.foreignPython ?? asset.requiresPython.minimumVersion, environmentDir),
      env,
    );
    await uv.run('packages', wheelInstallArgs(pythonPath, asset.wheelPath, features), env);
    return;
  }
  const env = lockedEnvironment(run, pythonDir);
  await (run.skeleton ? run.skeleton.finish() : makeVirtualEnvironment(run, pythonDir, uv));
  // In the environment's folder, so that the file named in the log lives as long as the environment.
  const requirementsPath = join(environmentDir, 'requirements.txt');
  const requirements = generateRequirements({
    lockedRequirements: locked.requirements,
    artefactPaths: locked.wheels.map((wheel) => run.tools.store.pathOf(wheel)),
    distribution: asset.manifest.distributionName,
    // Other programs may name their extras differently; their lock lists every package anyway.
    extras: wheelProofOf(asset.manifest) ? [] : features.filter((feature) => feature !== 'core'),
    wheelPath: asset.wheelPath,
    wheelSha256: asset.manifest.wheel.sha256,
  });
  await writeFileAtomic(requirementsPath, requirements, 0o644, { isDurable: false });
  await uv.run('packages', lockedInstallArgs(pythonPath, requirementsPath), env);
}

/** Creates the environment of a lock, without packages. */
export async function makeVirtualEnvironment(
  run: InstallRun,
  pythonDir: string | null,
  uv: UvRunner,
): Promise<void> {
  const { python } = run.plan.locked!;
  const request = python.kind === 'system' ? python.path : python.version;
  await uv.run('packages', venvArgs(request, run.plan.environmentDir), lockedEnvironment(run, pythonDir));
}

/**
 * Lets uv run the environment's interpreter now, since the install reads the answer from the cache. If this fails,
 * the install fails for the same reason and reports it.
 */
export async function learnInterpreter(run: InstallRun, uv: UvRunner): Promise<void> {
  const { pythonPath } = environmentPaths(run.plan.environmentDir);
  await uv.run('packages', findArgs(pythonPath), lockedEnvironment(run, null)).catch(() => {});
}

export function cacheDirOf({ runDir }: Pick<InstallRun, 'runDir'>): string {
  return join(runDir, 'cache');
}

/**
 * A disposable cache: uv links environment files into it, so a modified file would reach the next
 * environment.
 */
function lockedEnvironment(run: InstallRun, pythonDir: string | null, list?: string): NodeJS.ProcessEnv {
  return uvEnvironment(run.env, {
    isOffline: true,
    cacheDir: cacheDirOf(run),
    pythonDir: pythonDir ?? undefined,
    pythonDownloadsList: list,
    pythonPreference: run.plan.locked?.python.kind === 'system' ? 'only-system' : 'only-managed',
    guardProxyUrl: run.guardUrl,
  });
}

/**
 * @throws SetupError of class verification when a file is not the one that was fetched; CancelledError; the
 * file system's error.
 */
async function assertModel(model: LockedPlan['model'] | undefined, signal?: AbortSignal): Promise<void> {
  for (const { file, sha256 } of model?.files ?? []) {
    const path = join(model!.folder, file);
    if ((await hashInThread(path, signal).catch(absentAsNull)) === sha256) continue;
    throw new SetupError(`${path} is not as it was fetched.`, {
      failureClass: 'verification',
      evidence: [`expected sha256 ${sha256}`],
      remedies: [retryBecause('its plan names the file as one to fetch')],
    });
  }
}

/**
 * Starts what was built and checks that it answers.
 * @param onStarted called for each process that was started.
 * @throws SetupError naming the part that did not.
 */
export async function prove(
  run: InstallRun,
  log: Pick<DeferredLog, 'maskedLines'>,
  onStarted: () => void,
): Promise<void> {
  const { plan, tools, emit, signal, journal } = run;
  const { environmentDir } = plan;
  const { pythonPath, daemonPath } = environmentPaths(environmentDir);
  const { cliVersion } = plan.layout;
  const model = plan.locked?.model;
  const wheelProof = wheelProofOf(plan.asset.manifest);
  // The plan may know the model's files only from an earlier install: hash them again, in parallel with the
  // slower steps.
  const intact = assertModel(model, signal);
  intact.catch(() => {});
  let askedAt = performance.now();
  const proof = await proveEnvironment({
    environmentDir,
    pythonPath,
    daemonPath,
    cliVersion,
    isForeign: plan.locked === null || wheelProof !== undefined,
    wheelProof,
    modelDir: wheelProof ? undefined : model?.folder,
    env: run.env,
    signal,
    onSpawn: (pid, mark) => {
      journal.child(pid, mark);
      onStarted();
    },
    mask: (text) => tools.network.redactor.redact(text),
    onLines: (stream, lines) => {
      emit({ type: 'lines', step: 'prove', stream, lines });
      return log.maskedLines(lines);
    },
    onEnding: (ended) => {
      run.ending = ended;
    },
    onProven: ({ id, ...part }) => {
      const now = performance.now();
      const durationMs = Math.round(now - askedAt);
      // Checks run one after another, except that `analysis` and `vector` both start when the daemon answers.
      if (id !== 'analysis' && id !== 'vector') askedAt = now;
      const check = { id: `proof-${id}`, group: 'Proof', status: 'pass', ...part, durationMs } as const;
      emit({ type: 'check', check });
    },
  }).catch(async (error: unknown) => {
    // A damaged model is the cause; whatever failed because of it is the symptom.
    await intact;
    throw error;
  });
  await intact;
  const [module = 'nothing'] = importedModules(wheelProof);
  const text = `Python ${proof.pythonVersion} imports ${module}; the daemon ${daemonEvidence(proof.daemon)}`;
  emit({ type: 'lines', step: 'prove', stream: 'ktx', lines: [text] });
}
