import * as z from 'zod/mini';
import { parseSchema } from '../support/schema.ts';

const REQUEST_TIMEOUT_MS = 5000;

/**
 * Asks `/v1/models` until the server answers with success. Never rejects; `false` after `attempts` requests, each given
 * up after 5 s, with a pause of `delayMs` between them, or as soon as the signal fires.
 */
export async function healthWait(
  baseUrl: string,
  fetcher: typeof fetch,
  attempts: number,
  delayMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await pause(delayMs, signal);
    if (signal?.aborted) return false;
    if (await withinLimit((limit) => isHealthy(baseUrl, fetcher, limit), signal)) return true;
  }
  return false;
}

const modelListSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

/** The ids that the server lists now; `null` when it gives no list. */
export async function servedModels(baseUrl: string, fetcher: typeof fetch): Promise<string[] | null> {
  return withinLimit(async (signal) => {
    const response = await fetcher(modelsUrl(baseUrl), { signal });
    const list = parseSchema(modelListSchema, await response.json());
    return list.data.map(({ id }) => id);
  });
}

async function isHealthy(baseUrl: string, fetcher: typeof fetch, signal: AbortSignal): Promise<boolean> {
  const response = await fetcher(modelsUrl(baseUrl), { signal });
  // An unread body would hold its connection.
  response.body?.cancel().catch(() => {});
  const { ok, status } = response;
  // An injected fetcher may answer with one of the two alone.
  return ok || (status >= 200 && status < 300);
}

function modelsUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/v1/models`;
}

/** `null` when the work fails or takes too long, also where it does not listen to its signal. */
async function withinLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T | null> {
  const controller = new AbortController();
  const { promise: limit, resolve } = Promise.withResolvers<null>();
  const giveUp = () => {
    controller.abort();
    resolve(null);
  };
  const timer = setTimeout(giveUp, REQUEST_TIMEOUT_MS);
  outer?.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work(controller.signal), limit]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', giveUp);
  }
}

/** The global timer, so that tests can turn the clock. */
function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
  });
}
