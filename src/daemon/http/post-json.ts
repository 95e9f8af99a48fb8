import { Agent, request } from 'node:http';

/** A daemon on this machine, and its token if known; a strict daemon requires it. */
export interface DaemonAddress {
  port: number;
  token?: string;
}

export interface PostOptions {
  /** How long the daemon may be silent. */
  timeoutMs: number;
  /** Upper bound for a sensible answer. */
  maxAnswerBytes: number;
  signal?: AbortSignal;
}

/**
 * Posts JSON to a daemon on this machine. Connects directly: Node's global agent may use the user's proxy.
 * @returns the answer, unchecked.
 * @throws Error with the daemon's message when the answer is not 200 with JSON.
 */
export function postJson(
  { port, token }: DaemonAddress,
  path: string,
  payload: object,
  options: PostOptions,
): Promise<unknown> {
  const body = JSON.stringify(payload);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        agent: new Agent({ keepAlive: false }),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        timeout: options.timeoutMs,
        signal: options.signal,
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
          if (answer.length > options.maxAnswerBytes)
            call.destroy(new Error(`The answer to ${path} is too long`));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) {
            reject(new Error(`HTTP ${response.statusCode}: ${detailOf(answer)}`));
            return;
          }
          try {
            resolve(JSON.parse(answer));
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    call.on('timeout', () =>
      call.destroy(new Error(`no answer to ${path} within ${options.timeoutMs / 1000} s`)),
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** The daemon's message; an answer in any other format is returned verbatim. */
function detailOf(answer: string): string {
  try {
    const { detail } = JSON.parse(answer) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // Not JSON.
  }
  return answer.slice(0, 500);
}
