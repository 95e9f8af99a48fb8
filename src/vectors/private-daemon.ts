import { setTimeout as delay } from 'node:timers/promises';
import { daemonEnvironment } from '../daemon/environment.ts';
import { daemonHealthProblem } from '../daemon/http/health.ts';
import { assertLoopback } from '../daemon/http/loopback.ts';
import { isPortTaken, onFreePort } from '../daemon/http/port.ts';
import type { DaemonAddress } from '../daemon/http/post-json.ts';
import { accessToken, newSecret } from '../daemon/http/proof.ts';
import { assertDaemonSettings } from '../daemon/settings.ts';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { type InstalledKtxRuntimeManifest, isForeignWheel } from '../runtime/manifest.ts';
import { linkedAbort } from '../support/async/linked-abort.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';

const POLL_INTERVAL_MS = 50;
const PROBE_TIMEOUT_MS = 5000;
/** It answers within a second on an idle machine; a busy one needs longer. */
const START_TIMEOUT_MS = 120_000;

/**
 * Runs `work` with a private daemon that no state file names and that answers no one else, and ends it
 * afterwards.
 * @throws SetupError for a setting that a daemon would refuse, or when this machine cannot connect to itself;
 * Error saying how the daemon ended before it answered, or why it does not answer; whatever `work` throws.
 */
export async function withPrivateDaemon<Result>(
  options: PrivateDaemonOptions,
  work: (daemon: DaemonAddress) => Promise<Result>,
): Promise<Result> {
  assertDaemonSettings(process.env);
  await assertLoopback();
  return onFreePort(
    (port) => withDaemonAt(port, options, work),
    (error) => error instanceof EarlyEndError && isPortTaken(error.message),
  );
}

export interface PrivateDaemonOptions {
  manifest: InstalledKtxRuntimeManifest;
  cliVersion: string;
  runtimeRoot: string;
  signal?: AbortSignal;
}

/** The daemon ended before it answered. */
class EarlyEndError extends Error {}

async function withDaemonAt<Result>(
  port: number,
  options: PrivateDaemonOptions,
  work: (daemon: DaemonAddress) => Promise<Result>,
): Promise<Result> {
  const { manifest, cliVersion, runtimeRoot } = options;
  const secret = newSecret();
  const { stop, signal } = linkedAbort(options.signal);
  let ended: string | null = null;
  let printed = '';
  const daemon = runProcess({
    command: manifest.python.daemonExecutable,
    args: ['serve-http', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    env: daemonEnvironment(process.env, {
      cliVersion,
      secret,
      isStrict: true,
      features: manifest.features,
      runtimeRoot,
    }),
    signal,
    onLines: (_stream, lines) => {
      printed = `${printed}${lines.join('\n')}\n`.slice(-2000);
    },
  }).then(
    (outcome) => {
      ended = endingText(outcome.exitCode, outcome.signal);
    },
    (error: unknown) => {
      ended = errorMessage(error);
    },
  );
  try {
    const baseUrl = `http://127.0.0.1:${port}`;
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      throwIfCancelled(options.signal);
      const isProofOptional = isForeignWheel(manifest);
      const probe = { baseUrl, cliVersion, secret, isProofOptional, timeoutMs: PROBE_TIMEOUT_MS };
      const problem = await daemonHealthProblem(probe);
      if (problem === null) break;
      if (ended !== null) throw new EarlyEndError(`The daemon ${ended}: ${printed.trim()}`);
      if (performance.now() > deadline)
        throw new Error(`The daemon does not answer: ${problem}. ${printed.trim()}`);
      await delay(POLL_INTERVAL_MS);
    }
    return await work({ port, token: accessToken(secret) });
  } finally {
    stop();
    await daemon;
  }
}
