import { Agent, request } from 'node:http';

/**
 * Posts JSON to a ktx daemon over plain HTTP, never through a proxy.
 * @throws Error with path, status and body for any status but 2xx; the parse error; the socket's error
 * unchanged.
 */
export async function requestDaemonJson(
  baseUrl: string,
  path: string,
  payload: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const url = new URL(path.replace(/^\//, ''), baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
  const { statusCode, text } = await post(url, JSON.stringify(payload));
  if (statusCode < 200 || statusCode > 299) {
    throw new Error(`ktx daemon HTTP ${path} failed with ${statusCode}: ${text}`);
  }
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new Error(`ktx daemon HTTP ${path} returned non-object JSON`);
  }
  return answer as Record<string, unknown>;
}

function post(url: URL, body: string): Promise<{ statusCode: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    // A separate agent: Node's global one may use the user's proxy.
    const call = request(url, { method: 'POST', headers, agent: new Agent() }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ statusCode: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
