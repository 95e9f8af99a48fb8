import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { daemonEnvironment, isStrictWanted } from '../daemon/environment.ts';
import { daemonHealthProblem, readDaemonHealth } from '../daemon/http/health.ts';
import { assertLoopback } from '../daemon/http/loopback.ts';
import { isPortTaken, onFreePort } from '../daemon/http/port.ts';
import { newSecret } from '../daemon/http/proof.ts';
import type { ManagedPythonDaemonLayout } from '../daemon/layout.ts';
import { openDaemonLog } from '../daemon/log-file.ts';
import { provideDaemonSecret } from '../daemon/secret.ts';
import { daemonBaseUrl, type ManagedPythonDaemonState, makeDaemonStateDir } from '../daemon/state.ts';
import type { ManagedPythonDaemonStatusOptions } from '../daemon/status.ts';
import type { DaemonProcessControls } from '../daemon/stop.ts';
import { machineFailure } from '../failure/causes/machine-failure.ts';
import { reasonOfText } from '../failure/causes/machine-reason.ts';
import { killTree } from '../process/kill-tree.ts';
import { isProcessAlive } from '../process/list-processes.ts';
import { type DetachedSpawnOptions, spawnDetached } from '../process/spawn-detached.ts';
import { type InstalledKtxRuntimeManifest, isForeignWheel } from '../runtime/manifest.ts';
import type { Note } from '../runtime/write-access.ts';
import type { ManagedPythonRuntimeInstallOptions } from '../setup/request/install-types.ts';
import { SetupError, throwIfCancelled } from '../support/errors.ts';
import { openRegularFile } from '../support/fs/regular-file.ts';
import { harmlessText } from '../support/harmless.ts';
import { otherRemedy } from '../support/remedies.ts';

export interface ManagedPythonDaemonChild {
  pid?: number;
  unref(): void;
  /**
   * How the child ended, so that nobody waits for an answer from a dead process. Only set by our own spawn.
   */
  ended?: Promise<string>;
}

export type ManagedPythonDaemonSpawn = (
  command: string,
  args: string[],
  options: DetachedSpawnOptions,
) => ManagedPythonDaemonChild;

export interface ManagedPythonDaemonStartOptions
  extends ManagedPythonDaemonStatusOptions,
    DaemonProcessControls {
  features: KtxRuntimeFeature[];
  /** Replace a daemon even if it satisfies the request. */
  force?: boolean;
  installRuntime?: (
    options: ManagedPythonRuntimeInstallOptions,
  ) => Promise<{ manifest: InstalledKtxRuntimeManifest }>;
  spawnDaemon?: ManagedPythonDaemonSpawn;
  allocatePort?: () => number | Promise<number>;
  now?: () => Date;
  startupTimeoutMs?: number;
  pollIntervalMs?: number;
  /**
   * Cancels the install or ends a daemon that has not answered yet; the call then rejects with
   * `CancelledError`.
   */
  signal?: AbortSignal;
  /** Receives notes about the lock holder that an install waits for. */
  note?: Note;
}

/** A daemon was spawned and never became healthy. It has been ended, and no state file names it. */
export class ManagedPythonDaemonStartError extends Error {
  readonly detail: string;
  readonly stderrLog: string;

  /** @param cause with remedies, when the machine is the cause. */
  constructor(detail: string, stderrLog: string, cause?: SetupError) {
    super(
      harmlessText(`ktx daemon failed to start: ${detail}. stderr: ${stderrLog}`),
      cause === undefined ? undefined : { cause },
    );
    this.name = 'ManagedPythonDaemonStartError';
    this.detail = detail;
    this.stderrLog = stderrLog;
  }
}

const STARTUP_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 100;
export const SETTINGS_TIMEOUT_MS = 5000;
/** Extra time for the final probe after the deadline. */
const FINAL_PROBE_MS = 1000;

/** Whether a daemon requires its token. */
export const wantsToken = (health: Record<string, unknown> | null) => health?.['token'] === 'required';

/** Why the program could not be started, with remedies when the machine is the cause. */
function startFailure(text: string): Error {
  const read = reasonOfText(text);
  if (read === null) return new Error(text);
  const reason = read.reason === 'no-permission' ? 'start-refused' : read.reason;
  return machineFailure(reason, { ...read, program: 'ktx-daemon', title: text });
}

export interface StartedDaemon {
  state: ManagedPythonDaemonState;
  end(): Promise<void>;
}

/**
 * Starts a daemon from an installed runtime and waits until it answers. Writes no state.
 * @throws SetupError when this machine cannot connect to itself; ManagedPythonDaemonStartError when the
 * daemon never becomes healthy; CancelledError. The child is gone then.
 */
export async function spawnHealthyDaemon(
  options: ManagedPythonDaemonStartOptions,
  layout: ManagedPythonDaemonLayout,
  manifest: InstalledKtxRuntimeManifest,
  daemonPath: string,
): Promise<StartedDaemon> {
  if (!options.fetch && !options.allocatePort && !options.spawnDaemon) await assertLoopback();
  await makeDaemonStateDir(layout.daemonStateDir);
  return onFreePort(
    (port) => spawnHealthyAt(port, options, layout, manifest, daemonPath),
    (error) => error instanceof ManagedPythonDaemonStartError && isPortTaken(error.detail),
    options.allocatePort,
  );
}

async function spawnHealthyAt(
  port: number,
  options: ManagedPythonDaemonStartOptions,
  layout: ManagedPythonDaemonLayout,
  manifest: InstalledKtxRuntimeManifest,
  daemonPath: string,
): Promise<StartedDaemon> {
  const logs: FileHandle[] = [];
  try {
    const stdout = await openDaemonLog(layout.daemonStdoutPath, layout.projectDir);
    logs.push(stdout);
    const stderr = await openDaemonLog(layout.daemonStderrPath, layout.projectDir);
    logs.push(stderr);
    const { size: stderrStart } = await stderr.stat();

    const { cliVersion, runtimeRoot } = layout;
    const isStrict = isStrictWanted(process.env);
    const secret = await secretFor(layout, isStrict);
    const env = daemonEnvironment(process.env, {
      cliVersion,
      secret,
      isStrict,
      statePath: layout.daemonStatePath,
      features: manifest.features,
      runtimeRoot,
    });
    const child = (options.spawnDaemon ?? spawnDetached)(
      daemonPath,
      ['serve-http', '--host', '127.0.0.1', '--port', String(port)],
      { detached: true, stdio: ['ignore', stdout.fd, stderr.fd], env },
    );
    child.unref();
    const { pid } = child;
    if (pid === undefined) {
      const reason = `${daemonPath} ${(await child.ended) ?? 'has no pid'}`;
      throw new Error(`ktx daemon did not report a pid. stderr: ${layout.daemonStderrPath}`, {
        cause: startFailure(reason),
      });
    }

    const state: ManagedPythonDaemonState = {
      schemaVersion: 1,
      pid,
      host: '127.0.0.1',
      port,
      version: cliVersion,
      features: manifest.features,
      startedAt: (options.now?.() ?? new Date()).toISOString(),
      stdoutLog: layout.daemonStdoutPath,
      stderrLog: layout.daemonStderrPath,
    };
    let ending: string | null = null;
    void child.ended?.then((how) => {
      ending = how;
    });
    // The pid is ours only until the child is reaped.
    const end = async () => (ending === null ? endChild(pid, options) : undefined);
    try {
      // Only a runtime installed from our lock is known to be ours.
      const isProofOptional = isForeignWheel(manifest);
      const told = { secret, isProofOptional };
      const problem =
        (await healthProblemAfterStart(options, state, told, () => ending)) ??
        (isStrict && !options.fetch ? await problemOfStrictness(state, secret) : null);
      if (problem === null) return { state, end };
      const lastWords = ending === null ? '' : await lastErrorLine(layout.daemonStderrPath, stderrStart);
      const detail = problem + lastWords;
      const read = ending === null ? null : reasonOfText(detail);
      const cause =
        read === null ? undefined : machineFailure(read.reason, { ...read, program: 'ktx-daemon' });
      throw new ManagedPythonDaemonStartError(detail, layout.daemonStderrPath, cause);
    } catch (error) {
      await end();
      throw error;
    }
  } finally {
    for (const log of logs) await log.close();
  }
}

/**
 * The daemon's secret, which later commands read to verify it. If this user cannot write to the runtime root,
 * no command can, and the secret is for this start only.
 * @throws SetupError in strict mode, where callers need the token.
 */
async function secretFor(layout: ManagedPythonDaemonLayout, isStrict: boolean): Promise<string> {
  const kept = await provideDaemonSecret(layout);
  if (kept === null && isStrict) {
    throw new SetupError(
      `KTX_DAEMON_STRICT=1 needs a place for the daemon's token, and ${layout.runtimeRoot} cannot be written to.`,
      { failureClass: 'permission', remedies: [otherRemedy('Set KTX_RUNTIME_ROOT to a folder of yours')] },
    );
  }
  return kept ?? newSecret();
}

/** A foreign wheel may not support strict mode and would answer everyone. */
async function problemOfStrictness(state: ManagedPythonDaemonState, secret: string): Promise<string | null> {
  const health = await readDaemonHealth(daemonBaseUrl(state), SETTINGS_TIMEOUT_MS, secret);
  return wantsToken(health)
    ? null
    : 'KTX_DAEMON_STRICT=1 is set, and this daemon answers requests without a token';
}

/**
 * Polls until the daemon is healthy (`null`), the deadline has passed or the child is gone; then returns the
 * last reason.
 */
async function healthProblemAfterStart(
  options: ManagedPythonDaemonStartOptions,
  state: ManagedPythonDaemonState,
  told: { secret: string; isProofOptional: boolean },
  ending: () => string | null,
): Promise<string | null> {
  const { cliVersion, fetch, signal } = options;
  const { startupTimeoutMs = STARTUP_TIMEOUT_MS, pollIntervalMs = POLL_INTERVAL_MS } = options;
  const baseUrl = daemonBaseUrl(state);
  const deadline = performance.now() + startupTimeoutMs;
  for (;;) {
    throwIfCancelled(signal);
    const remainingMs = deadline - performance.now();
    const isLast = remainingMs <= 0;
    const timeoutMs = isLast ? FINAL_PROBE_MS : remainingMs;
    const problem = await daemonHealthProblem({ baseUrl, cliVersion, ...told, fetch, timeoutMs, signal });
    if (problem === null) return null;
    const how = ending();
    if (how !== null) return `the process ${how}`;
    if (isLast) return problem;
    await delay(pollIntervalMs);
  }
}

async function endChild(pid: number, options: ManagedPythonDaemonStartOptions): Promise<void> {
  if (!(await (options.processAlive ?? isProcessAlive)(pid))) return;
  if (options.killProcess) await options.killProcess(pid);
  else await killTree(pid);
}

const LAST_WORDS_BYTES = 4096;

/** The child's last line on stderr since `start`, as `: <line>`, preferring a line that mentions an error. */
async function lastErrorLine(path: string, start: number): Promise<string> {
  const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY });
  try {
    const { size } = await handle.stat();
    const position = Math.max(start, size - LAST_WORDS_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LAST_WORDS_BYTES), { position });
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    const line = lines.findLast((text) => /error/i.test(text)) ?? lines.at(-1);
    return line === undefined ? '' : `: ${line}`;
  } finally {
    await handle.close();
  }
}
