import { Agent, get } from 'node:http';

/** As much of a `fetch` answer as a health check reads. */
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
   * What the daemon that was just started was given. With our own transport `/health` must echo it: an answer without it,
   * or with another, comes from a process that took the port. An injected `fetch` may leave it out.
   */
  nonce?: string;
  /** A wheel that is not ours need not know of the nonce; one that answers with another is refused all the same. */
  isNonceOptional?: boolean;
  /** Replaces the transport. */
  fetch?: ManagedPythonDaemonFetch;
  /** Nothing waits for one answer longer than this, an injected `fetch` included. */
  timeoutMs: number;
  /** Ends the wait at once. The problem that is returned then says nothing about the daemon. */
  signal?: AbortSignal;
}

/** A health answer is some hundred bytes; what answers more is not read to its end. */
const MAX_BODY_BYTES = 64 * 1024;

/** Why a daemon is not healthy, in fixed words; `null` when it is. Never rejects. */
export async function daemonHealthProblem(options: HealthOptions): Promise<string | null> {
  try {
    return await withTimeout(options.timeoutMs, (signal) => problemOfAnswer(options, signal), options.signal);
  } catch (error) {
    return causes(error);
  }
}

/** `true` when something at this address says that it is healthy, whatever its version. Never rejects. */
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

/** What `/health` answers, or `null` when nothing does or it is no object. Never rejects. */
export async function readDaemonHealth(
  baseUrl: string,
  timeoutMs: number,
): Promise<Record<string, unknown> | null> {
  try {
    return await withTimeout(timeoutMs, async (signal) => {
      const answer: unknown = await (await fetchDirectly(`${baseUrl}/health`, signal)).json();
      return typeof answer === 'object' && !Array.isArray(answer)
        ? (answer as Record<string, unknown>)
        : null;
    });
  } catch {
    return null;
  }
}

async function problemOfAnswer(
  { baseUrl, cliVersion, nonce, isNonceOptional = false, fetch }: HealthOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const url = `${baseUrl}/health`;
  const response = await (fetch ? fetch(url) : fetchDirectly(url, signal));
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
  const mayBeSilent = isNonceOptional || fetch !== undefined;
  const isNonceDue = nonce !== undefined && (!mayBeSilent || health['nonce'] !== undefined);
  if (isNonceDue && health['nonce'] !== nonce) {
    return `Another process answers at ${baseUrl}: it does not know what the daemon was told at its start`;
  }
  return null;
}

/**
 * GET without `fetch` and without Node's global agent: both may send a request for this machine to the user's proxy
 * (`NODE_USE_ENV_PROXY`).
 */
function fetchDirectly(url: string, signal: AbortSignal): Promise<ManagedPythonDaemonResponse> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: new Agent({ keepAlive: false }), signal }, (response) => {
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

/** `fetch failed: connect ECONNREFUSED …`: the message alone says nothing. */
function causes(error: unknown): string {
  const messages: string[] = [];
  for (let current = error; current !== undefined && current !== null && messages.length < 8; ) {
    const message = current instanceof Error ? current.message : String(current);
    if (message !== '') messages.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.join(': ') || 'unknown error';
}
