import * as z from 'zod/mini';
import { parseSchema } from '../support/schema.ts';

const REQUEST_TIMEOUT_MS = 5000;

/**
 * Requests `/v1/models` until the server answers successfully. Never rejects; `false` after `attempts`
 * requests with a timeout of 5 s each and `delayMs` between them, or as soon as the signal fires.
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

/** The model ids that the server lists; `null` without a valid list. */
export async function servedModels(baseUrl: string, fetcher: typeof fetch): Promise<string[] | null> {
  return withinLimit(async (signal) => {
    const response = await fetcher(modelsUrl(baseUrl), { signal });
    const list = parseSchema(modelListSchema, await response.json());
    return list.data.map(({ id }) => id);
  });
}

async function isHealthy(baseUrl: string, fetcher: typeof fetch, signal: AbortSignal): Promise<boolean> {
  const response = await fetcher(modelsUrl(baseUrl), { signal });
  // An unread body would keep its connection open.
  response.body?.cancel().catch(() => {});
  const { ok, status } = response;
  // An injected fetcher may set only one of the two.
  return ok || (status >= 200 && status < 300);
}

function modelsUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/v1/models`;
}

/** `null` when the work fails or times out, even if it ignores its signal. */
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

/** Uses the global timer, so that tests can control the clock. */
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
