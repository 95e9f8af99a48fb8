import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Emit, SetupStep } from '../../core/events.ts';
import { environmentPaths, type ManagedPythonRuntimeLayout } from '../../core/layout.ts';
import { assertLoopback } from '../../daemon/http/loopback.ts';
import type { InstallLog } from '../../log/install-log.ts';
import { createDeferredLog, type DeferredLog, ownLogLines } from '../../log/job-log.ts';
import { controlledExec } from '../../process/exec.ts';
import { removeUnneededPythons } from '../../python/unpacked-python.ts';
import { openJournal, runEnvironment } from '../../runtime/journal.ts';
import { describeKnownFiles, forgetKnownFiles, writeKnownFiles } from '../../runtime/known-files.ts';
import type { InstalledKtxRuntimeManifest } from '../../runtime/manifest.ts';
import { makeDurable, switchOver } from '../../runtime/switchover.ts';
import type { WriteAccess } from '../../runtime/write-access.ts';
import { platformKey } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import { linkedAbort } from '../../support/async/linked-abort.ts';
import { CancelledError, errorMessage, throwIfCancelled } from '../../support/errors.ts';
import { createLinePartFinder } from '../../support/text/line-parts.ts';
import { assertUv, givenUvFails } from '../../uv/binary.ts';
import { uvEnvironment } from '../../uv/environment.ts';
import { UV_WORDS } from '../../uv/output.ts';
import { MANAGED_UV_VERSION } from '../../uv/release.ts';
import { createUvRunner } from '../../uv/runner.ts';
import { readUvVersion } from '../../uv/version.ts';
import { explainFullDisk, explainNoExecution } from '../plan/disk.ts';
import type { InstallPlan, InstallTools, LockedPlan } from '../plan/install-plan.ts';
import { acquireUv } from './acquire-uv.ts';
import { buildEnvironment, buildPython, cacheDirOf, prove } from './build.ts';
import { compileAhead } from './compile-ahead.ts';
import { type EgressGuard, startEgressGuard } from './egress-guard.ts';
import { beginEnvironment, beginSkeleton } from './environment-skeleton.ts';
import { fetchArtefacts } from './fetch-artefacts.ts';
import type { InstallRun } from './install-run.ts';
import { measureRuntime } from './measure-runtime.ts';
import { removeCache } from './remove-cache.ts';

export interface InstallOutcome {
  layout: ManagedPythonRuntimeLayout;
  manifest: InstalledKtxRuntimeManifest;
  downloadedBytes: number;
}

/**
 * fetch -> build -> prove -> switch. Nothing that the current runtime uses is touched before the switch; on
 * failure or abort the new files are removed and the current runtime keeps working. The log is kept. Requires
 * write access.
 */
export async function executePlan(
  plan: InstallPlan,
  tools: InstallTools,
  access: Pick<WriteAccess, 'setStep'>,
  emitEvent: Emit,
  signal?: AbortSignal,
): Promise<InstallOutcome> {
  const { environmentDir } = plan;
  const { network } = tools;
  const log = createDeferredLog(plan.layout.installLogPath, network.redactor);
  log.keep(network.verdicts().map((text) => `plan: ${text}`));
  let currentStep: SetupStep = 'fetch';
  const emit: Emit = (event) => {
    if (event.type === 'step') currentStep = event.step;
    // Output of children is masked and logged where it is read, so that the disk slows the child down.
    log.keep(ownLogLines(event));
    emitEvent(event);
  };
  let run: InstallRun | null = null;
  let cleared: Promise<void> | null = null;
  const syncing: { stop?: () => Promise<void> } = {};
  let guard: EgressGuard | null = null;
  const { stop, signal: helping } = linkedAbort(signal);
  try {
    const journal = openJournal({ runsDir: plan.shared.runsDir, cliVersion: plan.layout.cliVersion });
    // Injected commands get the environment that their contract describes, without marks of the run.
    const env = tools.exec ? tools.env : { ...tools.env, ...runEnvironment(journal) };
    const { runDir } = journal;
    if (plan.locked && !tools.exec) {
      // The proof needs loopback: fail now rather than after the build.
      await assertLoopback();
      guard = await startEgressGuard((host) => {
        const text = `A child process tried to reach ${host} and was refused: only ktx itself uses the network.`;
        emit({ type: 'note', step: currentStep, level: 'warning', text });
      });
    }
    const guardUrl = guard?.url;
    const started: InstallRun = {
      plan,
      tools,
      env,
      journal,
      runDir,
      access,
      emit,
      signal,
      guardUrl,
      skeleton: null,
      compiling: null,
      ending: Promise.resolve(),
      foreignPython: null,
      checked: null,
      sizes: Promise.resolve({}),
      isCommitted: false,
    };
    run = started;
    await forgetKnownFiles(plan.shared.root);
    const { uv, downloadedBytes } = await step(started, 'fetch', () =>
      fetchAll(started, log, helping),
    ).finally(() =>
      log.keep(network.egress().map(({ host, bytes }) => `received: ${bytes} bytes from ${host}`)),
    );
    if (plan.locked)
      started.checked = await describeKnownFiles(plan.shared.root, filesOf(plan.locked, tools.store));
    if (!started.skeleton) await beginEnvironment(started);
    const pythonDir = await step(started, 'python', () => buildPython(started, uv));
    await step(started, 'packages', () => buildEnvironment(started, pythonDir, uv));
    started.compiling?.place();
    // Once the daemon is on its way: until then everything waits for this process.
    const prepare = () => {
      syncing.stop ??= prepareSwitch(started, pythonDir);
    };
    if (!tools.exec) await step(started, 'prove', () => prove(started, log, () => setImmediate(prepare)));
    if (!tools.exec) prepare();
    await started.compiling?.ended;
    // Not during the proof, which needs the processors; the switch waits for the disk.
    cleared = removeCache(cacheDirOf(started), started);
    const { manifest, layout } = await step(started, 'switch', () => activate(started, pythonDir));
    return { layout, manifest, downloadedBytes };
  } catch (error) {
    // Before the clean-up, while the files that filled the disk still exist.
    const explained = await explainFullDisk(error, plan.diskNeeds);
    if (run && !run.isCommitted) {
      stop();
      await Promise.all([run.skeleton?.settled, run.compiling?.ended, run.ending]);
      await rm(environmentDir, { recursive: true, force: true, maxRetries: 3 }).catch((problem: unknown) => {
        const text = `${environmentDir} could not be removed; the next install does it: ${errorMessage(problem)}`;
        emit({ type: 'note', step: currentStep, level: 'warning', text });
      });
    }
    throw explained;
  } finally {
    await guard?.close();
    // A full disk fails here again, and must not hide the original error.
    await log.close().catch(() => {});
    await syncing.stop?.();
    await cleared;
    await run?.ending;
    run?.journal.close();
  }
}

/** @param helping aborts the work started early for later steps. */
async function fetchAll(run: InstallRun, log: DeferredLog, helping: AbortSignal) {
  const { plan, tools, emit, signal, journal } = run;
  // The first failure of either aborts the other.
  const { stop, signal: either } = linkedAbort(signal);
  const emitArrival: Emit = (event) => {
    emit(event);
    if (event.type === 'artefact') run.compiling?.take(event.sha256);
  };
  let fetching: Promise<{ downloadedBytes: number }> | undefined;
  const fetch = () => {
    if (!tools.exec) run.compiling = compileAhead(run, helping);
    if (plan.locked) fetching = fetchArtefacts(plan.locked, tools, emitArrival, either);
    fetching?.catch(stop);
  };
  const uvPath = plan.uv.path;
  const isGiven = plan.uv.kind === 'given';
  let opened: InstallLog | null = null;
  let acquired: { downloadedBytes: number };
  const runnerOf = (each: Emit, until: AbortSignal | undefined) =>
    createUvRunner({
      uvPath,
      log: opened,
      logPath: plan.layout.installLogPath,
      emit: each,
      mask: (text) => tools.network.redactor.redact(text),
      lineParts: createLinePartFinder(tools.network.redactor, UV_WORDS),
      onSpawn: journal.child,
      exec: tools.exec,
      signal: until,
    });
  // A uv that is here begins the environment first: that takes longer than near files need.
  const isHere = plan.uv.kind === 'here';
  if (!isHere) fetch();
  try {
    journal.write({ making: 'uv', name: MANAGED_UV_VERSION });
    acquired = await acquireUv(plan, tools, emit, either);
    const env = uvEnvironment(run.env, {
      isOffline: plan.locked !== null,
      guardProxyUrl: run.guardUrl,
    });
    const exec = tools.exec ?? controlledExec({ signal: either, onSpawn: journal.child });
    const version = readUvVersion({ uvPath, exec, env, mustSpeak: isGiven }).catch(async (error: unknown) => {
      if (error instanceof CancelledError) throw error;
      throw await explainNoExecution(isGiven ? givenUvFails(uvPath, error) : error, uvPath);
    });
    version.catch(() => {});
    // Whether a pinned one runs shows while it already works.
    if (isGiven) assertUv(uvPath, await version);
    if (tools.exec) await version;
    throwIfCancelled(either);
    opened = await log.open();
    run.skeleton = await beginSkeleton(run, (each) => runnerOf(each, helping));
    if (isHere) {
      await nextTurn();
      fetch();
    }
    await version;
  } catch (error) {
    stop();
    // The abort is only a consequence; report the error of the transfer itself.
    await fetching?.catch((reason: unknown) => {
      if (error instanceof CancelledError && !signal?.aborted) throw reason;
    });
    throw error;
  }
  const fetched = (await fetching) ?? { downloadedBytes: 0 };
  const uv = runnerOf(emit, signal);
  return { uv, downloadedBytes: acquired.downloadedBytes + fetched.downloadedBytes };
}

/** Emits start, end, failure and duration of a step. */
async function step<T>(run: InstallRun, name: SetupStep, action: () => Promise<T>): Promise<T> {
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
      detail: run.tools.network.redactor.redact(detail),
      durationMs: durationMs(),
    });
    throw error;
  }
}

/**
 * Starts work that the switch needs and the proof does not, since the proof is mostly idle.
 * @returns aborts what is unfinished.
 */
function prepareSwitch(run: InstallRun, pythonDir: string | null): () => Promise<void> {
  const { plan } = run;
  const { stop, signal } = linkedAbort(run.signal);
  const { environmentDir } = plan;
  const modelPaths = modelFilesOf(plan.locked).map(({ path }) => path);
  const { runtimeRoot } = plan.layout;
  run.sizes = measureRuntime({ runtimeRoot, environmentDir, pythonDir, modelPaths });
  // Reported where it is awaited. If writing fails now, the switch tries again and reports it.
  run.sizes.catch(() => {});
  const syncing = makeDurable(durableFolders(run, pythonDir), { signal }).catch(() => {});
  return () => {
    stop();
    return syncing;
  };
}

/** What must be on the disk before the switch: what the environment consists of, and the files it was built from. */
export function durableFolders(
  { plan, tools }: Pick<InstallRun, 'plan' | 'tools'>,
  pythonDir: string | null,
): string[] {
  const stored = plan.locked?.toFetch.map((artefact) => dirname(tools.store.pathOf(artefact))) ?? [];
  return [plan.environmentDir, ...(pythonDir === null ? [] : [pythonDir]), ...stored];
}

async function activate(run: InstallRun, pythonDir: string | null) {
  const { plan, tools, journal, emit, signal } = run;
  const { environmentDir } = plan;
  const paths = environmentPaths(environmentDir);
  const layout = { ...plan.layout, ...paths };
  const manifest: InstalledKtxRuntimeManifest = {
    schemaVersion: 1,
    cliVersion: layout.cliVersion,
    installedAt: new Date().toISOString(),
    asset: plan.asset.manifest,
    features: plan.features,
    python: { executable: paths.pythonPath, daemonExecutable: paths.daemonPath },
    installLog: layout.installLogPath,
    ...(plan.locked ? { locked: plan.locked.digests } : {}),
  };
  await switchOver({
    layout,
    environmentDir,
    manifest,
    built: { sizes: await run.sizes },
    action: 'install',
    reason: plan.reason,
    uses: durableFolders(run, pythonDir),
    isInjected: tools.exec !== undefined,
    journal,
    note: (level, text) => emit({ type: 'note', step: 'switch', level, text }),
    signal,
  });
  run.isCommitted = true;
  await tidyUp(run).catch((error: unknown) => {
    const text = `The new runtime is active, but cleanup failed: ${errorMessage(error)}`;
    run.emit({ type: 'note', step: 'switch', level: 'warning', text });
  });
  return { layout, manifest };
}

/**
 * Clean-up after the commit. The runtime works without it and the next run repeats it, so problems are only
 * reported as notes.
 */
async function tidyUp({ plan, tools, checked }: InstallRun): Promise<void> {
  await tools.network.keepPages(plan.shared.indexPagesPath);
  if (checked !== null) await writeKnownFiles(plan.shared.root, checked);
  await removeUnneededPythons(plan.layout.runtimeRoot);
}

/** The stored files that the environment is built from or computes with. */
function filesOf(locked: LockedPlan, store: ArtefactStore): { path: string; sha256: string }[] {
  const stored = locked.wheels.map((wheel) => ({ path: store.pathOf(wheel), sha256: wheel.sha256 }));
  return [...stored, ...modelFilesOf(locked)];
}

function modelFilesOf(locked: LockedPlan | null): { path: string; sha256: string }[] {
  const model = locked?.model;
  return model?.files.map(({ file, sha256 }) => ({ path: join(model.folder, file), sha256 })) ?? [];
}

export function describePython(plan: InstallPlan, version: string): string {
  const python = plan.locked?.python;
  if (python?.kind === 'system') return `Python ${version} of the system (${python.path})`;
  return `Python ${version} (${platformKey(plan.host)}, managed by ktx)`;
}
