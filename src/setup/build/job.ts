import { mkdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Emit, SetupStep } from '../../core/events.ts';
import { environmentPaths, type ManagedPythonRuntimeLayout } from '../../core/layout.ts';
import type { InstallLog } from '../../log/install-log.ts';
import { createDeferredLog, type DeferredLog, ownLogLines } from '../../log/job-log.ts';
import { controlledExec } from '../../process/exec.ts';
import { removeUnneededPythons } from '../../python/unpacked-python.ts';
import { makeDurable } from '../../runtime/durable.ts';
import { openJournal, RUN_VARIABLE } from '../../runtime/journal.ts';
import type { InstalledKtxRuntimeManifest } from '../../runtime/manifest.ts';
import { measureRuntime } from '../../runtime/recorded-sizes.ts';
import { switchOver } from '../../runtime/switchover.ts';
import type { WriteAccess } from '../../runtime/write-access.ts';
import { platformKey } from '../../shipped/target.ts';
import { describeKnownFiles, forgetKnownFiles, writeKnownFiles } from '../../store/known-files.ts';
import { linkedAbort } from '../../support/async/linked-abort.ts';
import { CancelledError, errorMessage, throwIfCancelled } from '../../support/errors.ts';
import { assertUv, givenUvFails } from '../../uv/binary.ts';
import { uvEnvironment } from '../../uv/environment.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import { createUvRunner } from '../../uv/runner.ts';
import { readUvVersion } from '../../uv/version.ts';
import { explainFullDisk, explainNoExecution } from '../plan/disk.ts';
import type { AcquiredUv, InstallJob, LockedInstall } from '../plan/preparation.ts';
import { buildEnvironment, buildPython, cacheDirOf, prove } from './build.ts';
import { type EgressGuard, startEgressGuard } from './egress-guard.ts';
import type { JobRun } from './job-run.ts';

export interface InstallOutcome {
  layout: ManagedPythonRuntimeLayout;
  manifest: InstalledKtxRuntimeManifest;
  downloadedBytes: number;
}

/**
 * fetch -> build -> prove -> switch. Until the switch nothing that the present runtime uses is touched; when anything
 * fails or the signal fires, what was begun is removed and the present runtime answers as before. The log stays.
 * Needs write access.
 */
export async function runInstallJob(
  job: InstallJob,
  access: Pick<WriteAccess, 'setStep'>,
  emitEvent: Emit,
  signal?: AbortSignal,
): Promise<InstallOutcome> {
  const { environmentDir } = job;
  const log = createDeferredLog(job.layout.installLogPath, job.redactor);
  log.keep(job.planNotes.map((text) => `plan: ${text}`));
  let currentStep: SetupStep = 'fetch';
  const emit: Emit = (event) => {
    if (event.type === 'step') currentStep = event.step;
    // What a child printed is masked and logged where it is read, at the pace of the disk.
    log.keep(ownLogLines(event));
    emitEvent(event);
  };
  let run: JobRun | null = null;
  let cleared: Promise<void> | null = null;
  let stopSyncing: (() => Promise<void>) | null = null;
  let guard: EgressGuard | null = null;
  try {
    const journal = openJournal({ runsDir: job.shared.runsDir, cliVersion: job.layout.cliVersion });
    // Injected commands get the environment that the contract describes, and leave nothing behind.
    const env = job.exec ? job.env : { ...job.env, [RUN_VARIABLE]: journal.runId };
    const { runDir } = journal;
    if (job.locked && !job.exec) {
      guard = await startEgressGuard((host) => {
        const text = `A child process wanted to reach ${host}; it was refused, as nothing but ktx itself uses the network.`;
        emit({ type: 'note', step: currentStep, level: 'warning', text });
      });
    }
    const guardUrl = guard?.url;
    const started: JobRun = {
      job,
      env,
      journal,
      runDir,
      access,
      emit,
      signal,
      guardUrl,
      checked: null,
      sizes: Promise.resolve({}),
      isCommitted: false,
    };
    run = started;
    await forgetKnownFiles(job.shared.root);
    const { uv, downloadedBytes } = await step(started, 'fetch', () => fetchAll(started, log)).finally(() =>
      log.keep(job.egress().map(({ host, bytes }) => `received: ${bytes} bytes from ${host}`)),
    );
    if (job.locked) started.checked = await describeKnownFiles(job.shared.root, filesOf(job.locked));
    journal.write({ making: 'environment', name: basename(environmentDir) });
    await mkdir(environmentDir, { recursive: true });
    const pythonDir = await step(started, 'python', () => buildPython(started, uv));
    await step(started, 'packages', () => buildEnvironment(started, pythonDir, uv));
    // Thousands of files that only uv needed: they go while the proof waits for its processes.
    cleared = rm(cacheDirOf(started), { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    if (!job.exec) stopSyncing = prepareSwitch(started, pythonDir);
    if (!job.exec) await step(started, 'prove', () => prove(started, log));
    const { manifest, layout } = await step(started, 'switch', () => activate(started, pythonDir));
    return { layout, manifest, downloadedBytes };
  } catch (error) {
    // First, while what filled the disk is still there.
    const explained = await explainFullDisk(error, job.diskNeeds);
    if (run && !run.isCommitted) {
      await rm(environmentDir, { recursive: true, force: true, maxRetries: 3 }).catch((problem: unknown) => {
        const text = `${environmentDir} could not be removed; the next install does it: ${errorMessage(problem)}`;
        emit({ type: 'note', step: currentStep, level: 'warning', text });
      });
    }
    throw explained;
  } finally {
    await guard?.close();
    // A full disk shows here once more, and must not hide the reason.
    await log.close().catch(() => {});
    await stopSyncing?.();
    await cleared;
    run?.journal.close();
  }
}

async function fetchAll(run: JobRun, log: DeferredLog) {
  const { job, emit, signal, journal } = run;
  // Side by side, since both wait for the network; the first that fails ends the other.
  const { stop, signal: either } = linkedAbort(signal);
  const fetching = job.locked?.fetch(emit, either);
  fetching?.catch(stop);
  let opened: InstallLog;
  let acquired: AcquiredUv;
  try {
    journal.write({ making: 'uv', name: MANAGED_UV_VERSION });
    acquired = await job.acquireUv(emit, either);
    const env = uvEnvironment(run.env, {
      isOffline: job.locked !== null,
      guardProxyUrl: run.guardUrl,
    });
    const { uvPath, isGiven } = acquired;
    const exec = job.exec ?? controlledExec({ signal: either, onSpawn: journal.child });
    const version = await readUvVersion({ uvPath, exec, env, mustSpeak: isGiven === true }).catch(
      async (error: unknown) => {
        if (error instanceof CancelledError) throw error;
        throw await explainNoExecution(isGiven ? givenUvFails(uvPath, error) : error, uvPath);
      },
    );
    if (isGiven) assertUv(uvPath, version);
    throwIfCancelled(either);
    opened = await log.open();
  } catch (error) {
    stop();
    // The echo of what stopped the transfer is not the reason; its own error is.
    await fetching?.catch((reason: unknown) => {
      if (error instanceof CancelledError && !signal?.aborted) throw reason;
    });
    throw error;
  }
  const fetched = (await fetching) ?? { downloadedBytes: 0 };
  const uv = createUvRunner({
    uvPath: acquired.uvPath,
    log: opened,
    logPath: job.layout.installLogPath,
    emit,
    mask: (text) => job.redactor.redact(text),
    onSpawn: journal.child,
    exec: job.exec,
    signal,
  });
  return { uv, downloadedBytes: acquired.downloadedBytes + fetched.downloadedBytes };
}

/** Tells when a step starts, ends and fails, and how long it took. */
async function step<T>(run: JobRun, name: SetupStep, action: () => Promise<T>): Promise<T> {
  throwIfCancelled(run.signal);
  const startedAt = performance.now();
  const durationMs = (): number => Math.round(performance.now() - startedAt);
  run.journal.write({ step: name });
  run.access.setStep(name);
  run.emit({ type: 'step', step: name, status: 'started' });
  try {
    const value = await action();
    run.emit({ type: 'step', step: name, status: 'finished', durationMs: durationMs() });
    return value;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    run.emit({
      type: 'step',
      step: name,
      status: 'failed',
      detail: run.job.redactor.redact(detail),
      durationMs: durationMs(),
    });
    throw error;
  }
}

/**
 * Begins what the switch needs and the proof does not: the proof's processes wait for each other most of the while.
 * @returns ends what is not done.
 */
function prepareSwitch(run: JobRun, pythonDir: string | null): () => Promise<void> {
  const { job } = run;
  const { stop, signal } = linkedAbort(run.signal);
  const { environmentDir } = job;
  const modelPaths = job.locked?.model?.files.map(({ path }) => path) ?? [];
  const { runtimeRoot } = job.layout;
  run.sizes = measureRuntime({ runtimeRoot, environmentDir, pythonDir, modelPaths });
  // Reported where it is awaited. What the disk does not take now, the switch tries again and reports.
  run.sizes.catch(() => {});
  const syncing = makeDurable(foldersOf(run, pythonDir), { signal }).catch(() => {});
  return () => {
    stop();
    return syncing;
  };
}

function foldersOf({ job }: JobRun, pythonDir: string | null): string[] {
  return [job.environmentDir, ...(pythonDir === null ? [] : [pythonDir])];
}

async function activate(run: JobRun, pythonDir: string | null) {
  const { job, journal, emit, signal } = run;
  const { environmentDir } = job;
  const paths = environmentPaths(environmentDir);
  const layout = { ...job.layout, ...paths };
  const manifest: InstalledKtxRuntimeManifest = {
    schemaVersion: 1,
    cliVersion: layout.cliVersion,
    installedAt: new Date().toISOString(),
    asset: job.asset.manifest,
    features: job.features,
    python: { executable: paths.pythonPath, daemonExecutable: paths.daemonPath },
    installLog: layout.installLogPath,
    ...(job.locked ? { locked: job.locked.digests } : {}),
  };
  await switchOver({
    layout,
    environmentDir,
    manifest,
    built: { sizes: await run.sizes },
    uses: foldersOf(run, pythonDir),
    isInjected: job.exec !== undefined,
    journal,
    note: (level, text) => emit({ type: 'note', step: 'switch', level, text }),
    signal,
  });
  run.isCommitted = true;
  await tidyUp(run).catch((error: unknown) => {
    const text = `The new runtime is in force, but tidying up did not end: ${errorMessage(error)}`;
    run.emit({ type: 'note', step: 'switch', level: 'warning', text });
  });
  return { layout, manifest };
}

/** What follows the commit. The runtime works without it and the next run repeats it, so its problems are only said. */
async function tidyUp({ job, checked }: JobRun): Promise<void> {
  if (checked !== null) await writeKnownFiles(job.shared.root, checked);
  await removeUnneededPythons(job.layout.runtimeRoot);
}

/** What the environment is made from, or computes with. */
function filesOf({ wheels, store, model }: LockedInstall): { path: string; sha256: string }[] {
  const stored = wheels.map((wheel) => ({ path: store.pathOf(wheel), sha256: wheel.sha256 }));
  return [...stored, ...(model?.files ?? [])];
}

export function describePython(job: InstallJob, version: string): string {
  const python = job.locked?.python;
  if (python?.kind === 'system') return `Python ${version} of the system (${python.path})`;
  return `Python ${version} (${platformKey(job.host)}, managed by ktx)`;
}
