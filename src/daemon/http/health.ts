import { Agent, get } from 'node:http';
import { newChallenge } from './proof.ts';

/** The part of a `fetch` response that a health check uses. */
export interface ManagedPythonDaemonResponse {
  ok: boolean;
  status: number;
  json(): Promise<unknown>;
  text(): Promise<string>;
}
export type ManagedPythonDaemonFetch = (url: string) => Promise<ManagedPythonDaemonResponse>;

export interface HealthOptions {
  baseUrl: string;
  cliVersion: string;
  /**
   * The secret that the daemon got when it started. With our own transport it must prove that it knows the
   * secret, which a process that took over its port cannot. With an injected `fetch` no proof is requested.
   */
  secret?: string;
  /** Set for a foreign wheel, which may not support proofs; a wrong proof is rejected all the same. */
  isProofOptional?: boolean;
  /** Replaces the transport. */
  fetch?: ManagedPythonDaemonFetch;
  /** Timeout for one answer, including an injected `fetch`. */
  timeoutMs: number;
  /** Stops waiting at once. The returned problem then says nothing about the daemon. */
  signal?: AbortSignal;
}

/** A health answer has a few hundred bytes; a longer one is cut off. */
const MAX_BODY_BYTES = 64 * 1024;

/** Why a daemon is not healthy, in fixed words; `null` when it is. Never rejects. */
export async function daemonHealthProblem(options: HealthOptions): Promise<string | null> {
  try {
    return await withTimeout(options.timeoutMs, (signal) => problemOfAnswer(options, signal), options.signal);
  } catch (error) {
    return causes(error);
  }
}

/** Whether something at this address claims to be healthy, whatever its version. Never rejects. */
export async function answersHealthy(baseUrl: string, timeoutMs: number): Promise<boolean> {
  try {
    return await withTimeout(timeoutMs, async (signal) => {
      const response = await fetchDirectly(`${baseUrl}/health`, signal);
      const answer = (await response.json()) as { status?: unknown } | null;
      return response.ok && answer?.status === 'healthy';
    });
  } catch {
    return false;
  }
}

/** The object that `/health` returns, or `null` without one. Never rejects. */
export async function readDaemonHealth(
  baseUrl: string,
  timeoutMs: number,
  secret?: string,
): Promise<Record<string, unknown> | null> {
  const headers = secret === undefined ? {} : newChallenge(secret, portOf(baseUrl)).headers;
  try {
    return await withTimeout(timeoutMs, async (signal) => {
      const answer: unknown = await (await fetchDirectly(`${baseUrl}/health`, signal, headers)).json();
      return typeof answer === 'object' && !Array.isArray(answer)
        ? (answer as Record<string, unknown>)
        : null;
    });
  } catch {
    return null;
  }
}

/**
 * Whether the process at this address knows the secret. `silent`: no answer, or one without a proof. Never
 * rejects.
 */
export async function askForProof(
  baseUrl: string,
  secret: string,
  timeoutMs: number,
): Promise<'right' | 'wrong' | 'silent'> {
  const challenge = newChallenge(secret, portOf(baseUrl));
  try {
    return await withTimeout(timeoutMs, async (signal) => {
      const { status, proof } = await fetchDirectly(`${baseUrl}/health`, signal, challenge.headers);
      // A strict daemon with a different secret.
      if (proof === undefined) return status === 401 ? 'wrong' : 'silent';
      return challenge.isProof(proof) ? 'right' : 'wrong';
    });
  } catch {
    return 'silent';
  }
}

async function problemOfAnswer(
  { baseUrl, cliVersion, secret, isProofOptional = false, fetch }: HealthOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const url = `${baseUrl}/health`;
  const challenge = secret === undefined || fetch ? null : newChallenge(secret, portOf(baseUrl));
  const response: DirectResponse = await (fetch
    ? fetch(url)
    : fetchDirectly(url, signal, challenge?.headers ?? {}));
  if (!response.ok) return `Health check returned HTTP ${response.status}: ${await response.text()}`;
  const answer: unknown = await response.json();
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    return 'Health check returned non-object JSON';
  }
  const health = answer as Record<string, unknown>;
  if (health['status'] !== 'healthy') return `Health check returned status ${health['status']}`;
  if (health['version'] !== cliVersion) {
    return `Daemon version ${health['version']} does not match CLI ${cliVersion}`;
  }
  if (challenge === null) return null;
  const { proof } = response;
  const isProven = proof === undefined ? isProofOptional : challenge.isProof(proof);
  return isProven
    ? null
    : `Another process answers at ${baseUrl}: it does not know what the daemon was told at its start`;
}

/** Our own transport's response, with the proof that came with it. */
type DirectResponse = ManagedPythonDaemonResponse & { proof?: string };

const portOf = (baseUrl: string): number => Number(new URL(baseUrl).port);

/**
 * GET without `fetch` and Node's global agent: both may send a request for this machine through the user's
 * proxy (`NODE_USE_ENV_PROXY`).
 */
function fetchDirectly(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<DirectResponse> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: new Agent({ keepAlive: false }), signal, headers }, (response) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_BODY_BYTES)
          request.destroy(new Error('The answer is too long for a health check'));
      });
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const status = response.statusCode ?? 0;
        resolve({
          ok: status >= 200 && status < 300,
          status,
          proof: response.headers['x-ktx-proof']?.toString(),
          json: async () => JSON.parse(body),
          text: async () => body,
        });
      });
    });
    request.on('error', reject);
  });
}

async function withTimeout<T>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (reason: string) => {
    reject(new Error(reason));
    controller.abort();
  };
  const cancel = () => end('Cancelled');
  const timer = setTimeout(() => end(`No answer within ${timeoutMs / 1000} s`), timeoutMs);
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([run(controller.signal), promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

/** With causes, `fetch failed: connect ECONNREFUSED …`: the message alone says nothing. */
function causes(error: unknown): string {
  const messages: string[] = [];
  for (let current = error; current !== undefined && current !== null && messages.length < 8; ) {
    const message = current instanceof Error ? current.message : String(current);
    if (message !== '') messages.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.join(': ') || 'unknown error';
}
