import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defaultExec, type ManagedPythonRuntimeExec } from '../process/exec.ts';
import type { ManagedRuntimeAsset } from '../runtime/asset.ts';
import type { KtxRuntimeFeature } from '../runtime/features.ts';
import { environmentPaths, type ManagedPythonRuntimeLayout, type SharedLayout } from '../runtime/layout.ts';
import type { Artefact, RuntimeLock } from '../runtime/lock.ts';
import type { InstalledKtxRuntimeManifest } from '../runtime/manifest.ts';
import { type HostPlatform, platformKey } from '../runtime/target.ts';
import type { ArtefactStore } from '../store/store.ts';
import { CancelledError, throwIfCancelled } from '../support/errors.ts';
import type { Emit, SetupEventBody, SetupStep } from '../support/events.ts';
import type { Redactor } from '../support/redaction.ts';
import { uvEnvironment } from '../uv/environment.ts';
import { pythonDownloadsList } from '../uv/python-downloads.ts';
import { readUvVersion } from '../uv/version.ts';
import { type InstallLog, openInstallLog } from './install-log.ts';
import { proveEnvironment } from './prove.ts';
import type { PythonDecision } from './python-choice.ts';
import { generateRequirements } from './requirements.ts';
import { commitEnvironment, environmentOf, tidyAfterSwitch } from './switch.ts';
import { lockedInstallArgs, pythonInstallArgs, venvArgs, wheelInstallArgs } from './uv-commands.ts';
import { createUvRunner, type UvRunner } from './uv-runner.ts';

/** What a locked install installs, decided by the plan. */
export interface LockedInstall {
  lock: RuntimeLock;
  python: PythonDecision;
  /** The hash-locked requirements, as shipped. */
  requirements: string;
  wheels: readonly Artefact[];
  store: ArtefactStore;
  /** Brings every artefact of the plan into the store, verified. */
  fetch: (emit: Emit, signal?: AbortSignal) => Promise<{ downloadedBytes: number }>;
}

/** Everything that an install needs to know; deciding is over. */
export interface InstallJob {
  layout: ManagedPythonRuntimeLayout;
  shared: SharedLayout;
  host: HostPlatform;
  asset: ManagedRuntimeAsset;
  features: KtxRuntimeFeature[];
  /** The manifest that is in force until the switch. */
  present: InstalledKtxRuntimeManifest | null;
  /** `null` for a foreign wheel: uv resolves it online, as the contract says. */
  locked: LockedInstall | null;
  env: NodeJS.ProcessEnv;
  /** Where the new environment is built and stays: never a folder that was there before. */
  environmentDir: string;
  /** Puts uv in its place. Precedes everything that is visible in the version's folder. */
  acquireUv: (emit: Emit, signal?: AbortSignal) => Promise<{ uvPath: string; downloadedBytes: number }>;
  exec?: ManagedPythonRuntimeExec;
  /** Hides secrets in the log and in events. */
  redactor: Pick<Redactor, 'redact'>;
}

export interface InstallOutcome {
  layout: ManagedPythonRuntimeLayout;
  manifest: InstalledKtxRuntimeManifest;
  downloadedBytes: number;
}

/**
 * fetch -> build -> prove -> switch. Until the switch nothing that the present runtime uses is touched; when anything
 * fails or the signal fires, what was begun is removed and the present runtime answers as before. The log stays.
 */
export async function runInstallJob(
  job: InstallJob,
  emitEvent: Emit,
  signal?: AbortSignal,
): Promise<InstallOutcome> {
  const { environmentDir } = job;
  const runDir = join(job.shared.runsDir, randomUUID());
  const log = createDeferredLog(job);
  const emit: Emit = (event) => {
    // What a child printed is masked and logged where it is read, at the pace of the disk.
    log.keep(ownLogLines(event));
    emitEvent(event);
  };
  const run: JobRun = { job, runDir, emit, signal, isCommitted: false };
  try {
    const { uv, downloadedBytes } = await step(run, 'fetch', () => fetchAll(run, log));
    await mkdir(environmentDir, { recursive: true });
    await mkdir(runDir, { recursive: true });
    await step(run, 'python', () => buildPython(run, uv));
    await step(run, 'packages', () => buildEnvironment(run, uv));
    if (!job.exec) await step(run, 'prove', () => prove(run, log));
    const { manifest, layout } = await step(run, 'switch', () => activate(run));
    return { layout, manifest, downloadedBytes };
  } catch (error) {
    if (!run.isCommitted) await rm(environmentDir, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  } finally {
    await rm(runDir, { recursive: true, force: true, maxRetries: 3 });
    await log.close();
  }
}

interface JobRun {
  job: InstallJob;
  runDir: string;
  emit: Emit;
  signal: AbortSignal | undefined;
  /** The new manifest is in force: from here on the new environment must not be removed. */
  isCommitted: boolean;
}

async function fetchAll({ job, emit, signal }: JobRun, log: DeferredLog) {
  // Side by side, since both wait for the network; the first that fails ends the other.
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const fetching = job.locked?.fetch(emit, either);
  fetching?.catch(() => stop.abort());
  let opened: InstallLog;
  let acquired: { uvPath: string; downloadedBytes: number };
  try {
    acquired = await job.acquireUv(emit, either);
    const env = uvEnvironment(job.env, { isOffline: job.locked !== null });
    await readUvVersion({ uvPath: acquired.uvPath, exec: job.exec ?? defaultExec, env });
    throwIfCancelled(either);
    opened = await log.open();
  } catch (error) {
    stop.abort();
    // The echo of what stopped the transfer is not the reason; its own error is.
    await fetching?.catch((reason: unknown) => {
      if (error instanceof CancelledError && !signal?.aborted) throw reason;
    });
    throw error;
  }
  const fetched = (await fetching) ?? { downloadedBytes: 0 };
  const logPath = job.layout.installLogPath;
  const mask = (text: string): string => job.redactor.redact(text);
  const uv = createUvRunner({
    uvPath: acquired.uvPath,
    log: opened,
    logPath,
    emit,
    mask,
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

async function buildPython({ job, runDir, emit }: JobRun, uv: UvRunner): Promise<void> {
  const { locked, host } = job;
  if (locked?.python.kind === 'system') {
    const text = `Using Python ${locked.python.version} of the system: ${locked.python.path}`;
    emit({ type: 'lines', step: 'python', stream: 'ktx', lines: [text] });
    return;
  }
  if (!locked) {
    const env = uvEnvironment(job.env, { isOffline: false });
    await uv.run('python', pythonInstallArgs(job.asset.requiresPython.minimumVersion), env);
    return;
  }
  const { version, archive } = locked.python;
  const listPath = join(runDir, 'python-downloads.json');
  const { build } = locked.lock.python;
  const archivePath = locked.store.pathOf(archive);
  await writeFile(
    listPath,
    pythonDownloadsList({ host, version, build, archivePath, sha256: archive.sha256 }),
  );
  await uv.run(
    'python',
    pythonInstallArgs(version),
    lockedEnvironment(job, runDir, pathToFileURL(listPath).href),
  );
}

async function buildEnvironment({ job, runDir }: JobRun, uv: UvRunner): Promise<void> {
  const { locked, asset, environmentDir } = job;
  const { pythonPath } = environmentPaths(environmentDir);
  if (!locked) {
    const env = uvEnvironment(job.env, { isOffline: false });
    await uv.run('packages', venvArgs(asset.requiresPython.minimumVersion, environmentDir), env);
    await uv.run('packages', wheelInstallArgs(pythonPath, asset.wheelPath, job.features), env);
    return;
  }
  const env = lockedEnvironment(job, runDir);
  const request = locked.python.kind === 'system' ? locked.python.path : locked.python.version;
  await uv.run('packages', venvArgs(request, environmentDir), env);
  // In the environment's folder: the log names a file that stays as long as what it made.
  const requirementsPath = join(environmentDir, 'requirements.txt');
  const requirements = generateRequirements({
    lockedRequirements: locked.requirements,
    artefactPaths: locked.wheels.map((wheel) => locked.store.pathOf(wheel)),
    distribution: asset.manifest.distributionName,
    extras: job.features.filter((feature) => feature !== 'core'),
    wheelPath: asset.wheelPath,
    wheelSha256: asset.manifest.wheel.sha256,
  });
  await writeFile(requirementsPath, requirements);
  await uv.run('packages', lockedInstallArgs(pythonPath, requirementsPath), env);
}

/** A throw-away cache: uv links environment files into it, so an altered file would reach the next environment. */
function lockedEnvironment(job: InstallJob, runDir: string, list?: string): NodeJS.ProcessEnv {
  return uvEnvironment(job.env, {
    isOffline: true,
    cacheDir: join(runDir, 'cache'),
    pythonDir: job.shared.pythonDir,
    pythonDownloadsList: list,
    pythonPreference: job.locked?.python.kind === 'system' ? 'only-system' : 'only-managed',
  });
}

async function prove({ job, emit, signal }: JobRun, log: DeferredLog): Promise<void> {
  const { environmentDir } = job;
  const { pythonPath, daemonPath } = environmentPaths(environmentDir);
  const { cliVersion } = job.layout;
  const proof = await proveEnvironment({
    environmentDir,
    pythonPath,
    daemonPath,
    cliVersion,
    env: job.env,
    signal,
    mask: (text) => job.redactor.redact(text),
    onLines: (stream, lines) => {
      emit({ type: 'lines', step: 'prove', stream, lines });
      return log.lines(lines);
    },
  });
  const text = `Python ${proof.pythonVersion} imports ktx_daemon, and the daemon answered /health`;
  emit({ type: 'lines', step: 'prove', stream: 'ktx', lines: [text] });
}

async function activate(run: JobRun) {
  const { job } = run;
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
  };
  await commitEnvironment(layout, environmentDir, manifest);
  run.isCommitted = true;
  const kept = [environmentDir, ...(job.present ? [environmentOf(job.present)] : [])];
  for (const problem of await tidyAfterSwitch(layout, environmentDir, kept)) {
    run.emit({ type: 'note', step: 'switch', level: 'warning', text: problem });
  }
  return { layout, manifest };
}

/** What `install.log` says of what we do ourselves: every transfer, every note, every line of ours. */
function ownLogLines(event: SetupEventBody): readonly string[] {
  switch (event.type) {
    case 'artefact': {
      const from = event.isCached ? 'already in the store' : `from ${event.place}`;
      return [`ok  ${event.file}  ${event.sizeBytes} bytes  ${from}  sha256 ${event.sha256}`];
    }
    case 'note':
      return [`${event.level}: ${event.text}`];
    case 'lines':
      return event.stream === 'ktx' ? event.lines : [];
    default:
      return [];
  }
}

interface DeferredLog {
  open(): Promise<InstallLog>;
  keep(lines: readonly string[]): void;
  lines(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * `install.log` is replaced when a build starts, which is after uv was acquired: a failed acquisition leaves the
 * version's folder untouched (contract section 9). What was fetched before that is kept and written first.
 */
function createDeferredLog(job: InstallJob): DeferredLog {
  let log: InstallLog | null = null;
  const early: string[] = [];
  return {
    async open() {
      log = await openInstallLog(job.layout.installLogPath, { redactor: job.redactor });
      await log.lines('ktx', early);
      return log;
    },
    keep(lines) {
      if (!log) early.push(...lines);
      // A failed write is reported by the next awaited one.
      else void log.lines('ktx', lines).catch(() => {});
    },
    async lines(lines) {
      await log?.lines('ktx', lines);
    },
    async close() {
      await log?.close();
    },
  };
}

export function describePython(job: InstallJob, version: string): string {
  const python = job.locked?.python;
  if (python?.kind === 'system') return `Python ${version} of the system (${python.path})`;
  return `Python ${version} (${platformKey(job.host)}, managed by ktx)`;
}
