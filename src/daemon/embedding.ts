import { Agent, request } from 'node:http';

/** A vector has some 8 kB as JSON. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Asks a daemon for the vector of a text. Straight to this machine: Node's global agent may go through the user's proxy.
 * @throws Error with the daemon's own words when it answers with anything but 200.
 */
export function askEmbedding(
  port: number,
  text: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<unknown> {
  const body = JSON.stringify({ text });
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path: '/embeddings/compute',
        method: 'POST',
        agent: new Agent({ keepAlive: false }),
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        timeout: options.timeoutMs,
        signal: options.signal,
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
          if (answer.length > MAX_ANSWER_BYTES)
            call.destroy(new Error('The answer is too long for one vector'));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) {
            reject(new Error(`HTTP ${response.statusCode}: ${answer.slice(0, 500)}`));
            return;
          }
          try {
            resolve((JSON.parse(answer) as { embedding?: unknown } | null)?.embedding);
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no vector within ${options.timeoutMs / 1000} s`)));
    call.on('error', reject);
    call.end(body);
  });
}

/** The largest difference of two vectors, number by number; `Infinity` when the first is no vector of that length. */
export function largestDifference(vector: unknown, reference: readonly number[]): number {
  if (!Array.isArray(vector) || vector.length !== reference.length) return Number.POSITIVE_INFINITY;
  return vector.reduce<number>((largest, value, index) => {
    const difference = Math.abs(Number(value) - reference[index]!);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }, 0);
}
