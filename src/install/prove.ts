import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { runProcess } from '../process/run-process.ts';
import { interpreterEnvironment } from '../runtime/system-python.ts';
import { CancelledError, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';

const IMPORT_SCRIPT = `
import json, sys
import ktx_daemon, semantic_layer
print(json.dumps({"prefix": sys.prefix, "version": sys.version.split()[0]}))
`;

const importAnswerSchema = z.object({ prefix: z.string(), version: z.string() });
const healthSchema = z.object({ status: z.literal('healthy'), version: z.string(), nonce: z.string() });

const HEALTH_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 25;
const PROBE_TIMEOUT_MS = 2000;

export interface ProofOptions {
  environmentDir: string;
  pythonPath: string;
  daemonPath: string;
  cliVersion: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Hides secrets in what the children print. */
  mask?: (text: string) => string;
  onLines?: (stream: 'stdout' | 'stderr', lines: string[]) => void | Promise<void>;
}

export interface Proof {
  pythonVersion: string;
}

/**
 * Proves an environment where it stands: the interpreter runs, is this environment's, imports both packages, and the
 * daemon answers `/health` on a free port with the version and a nonce that only it was given.
 * @throws SetupError naming what did not answer, with the last lines the child printed as evidence.
 */
export async function proveEnvironment(options: ProofOptions): Promise<Proof> {
  const pythonVersion = await proveImports(options);
  await proveDaemon(options);
  return { pythonVersion };
}

/** The interpreter runs, is this environment's, and imports both packages. @returns its version. */
export async function proveImports(options: ProofOptions): Promise<string> {
  const env = interpreterEnvironment(options.env);
  const outcome = await runProcess({
    command: options.pythonPath,
    args: ['-I', '-c', IMPORT_SCRIPT],
    env,
    signal: options.signal,
    mask: options.mask,
  }).catch((error: unknown) => {
    if (error instanceof CancelledError) throw error;
    throw unproven('the interpreter does not start', options.pythonPath, errorMessage(error));
  });
  if (outcome.exitCode !== 0) {
    throw unproven('the packages cannot be imported', options.pythonPath, outcome.stderr);
  }
  const answer = importAnswerSchema.parse(JSON.parse(outcome.stdout));
  if ((await realpath(answer.prefix)) !== (await realpath(options.environmentDir))) {
    throw unproven(
      'the interpreter belongs to another environment',
      options.pythonPath,
      `sys.prefix is ${answer.prefix}`,
    );
  }
  return answer.version;
}

/** The daemon starts on a free port, answers `/health` with our version and nonce, and ends when told to. */
export async function proveDaemon(options: ProofOptions): Promise<void> {
  const env = interpreterEnvironment(options.env);
  const port = await freePort();
  const nonce = randomBytes(16).toString('hex');
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  let printed = '';
  const daemon = runProcess({
    command: options.daemonPath,
    args: ['serve-http', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    env: { ...env, KTX_DAEMON_VERSION: options.cliVersion, KTX_DAEMON_NONCE: nonce },
    signal,
    mask: options.mask,
    onLines: (stream, lines) => {
      printed = `${printed}${lines.join('\n')}\n`.slice(-4000);
      return options.onLines?.(stream, lines);
    },
  }).then(
    (outcome) => `it ended with exit code ${outcome.exitCode}`,
    (error: unknown) => (error instanceof CancelledError ? null : errorMessage(error)),
  );
  let endedEarly: string | null = null;
  void daemon.then((reason) => {
    endedEarly = reason ?? 'it was stopped';
  });
  try {
    const deadline = Date.now() + HEALTH_TIMEOUT_MS;
    let lastAnswer = 'no answer';
    for (;;) {
      throwIfCancelled(options.signal);
      const answer = await askHealth(port).catch((error: unknown) => errorMessage(error));
      const health = healthSchema.safeParse(answer);
      if (health.success && health.data.version === options.cliVersion && health.data.nonce === nonce) return;
      lastAnswer = typeof answer === 'string' ? answer : JSON.stringify(answer);
      if (endedEarly !== null)
        throw unproven('the daemon does not start', options.daemonPath, `${endedEarly}\n${printed}`);
      if (Date.now() > deadline) {
        const waited = `no healthy answer on port ${port} within ${HEALTH_TIMEOUT_MS / 1000} s, last: ${lastAnswer}`;
        throw unproven('the daemon does not answer', options.daemonPath, `${waited}\n${printed}`);
      }
      await delay(POLL_INTERVAL_MS);
    }
  } finally {
    stop.abort();
    await daemon;
  }
}

function unproven(what: string, path: string, output: string): SetupError {
  const lines = output.trim().split('\n').filter(Boolean).slice(-8);
  return new SetupError(`The Python environment is in place, but ${what}.`, {
    failureClass: 'internal',
    evidence: [path, ...lines],
    nextSteps: ['ktx setup --force builds it anew', 'The install log has everything that was printed'],
  });
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address
          ? resolve(address.port)
          : reject(new Error('no port on 127.0.0.1')),
      );
    });
  });
}

/** Asks `/health` directly: an agent of its own, since Node's global one may go through the user's proxy. */
async function askHealth(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const request = get(
      { host: '127.0.0.1', port, path: '/health', agent, timeout: PROBE_TIMEOUT_MS },
      (response) => {
        response.setEncoding('utf8');
        let body = '';
        response.on('data', (chunk: string) => {
          body = (body + chunk).slice(0, 10_000);
        });
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve(JSON.parse(body));
          } catch {
            reject(new Error(`HTTP ${response.statusCode}: ${body.slice(0, 200)}`));
          }
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PROBE_TIMEOUT_MS / 1000} s`)));
    request.on('error', reject);
  });
}
