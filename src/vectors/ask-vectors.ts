import { setTimeout as delay } from 'node:timers/promises';
import { type DaemonAddress, postJson } from '../daemon/http/post-json.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';

/** Long texts queued behind others' take a while; the daemon answers when they are done. */
const ANSWER_TIMEOUT_MS = 15 * 60_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** The daemon's queue is full, or the daemon is being replaced: try again. */
const BUSY = /^HTTP (429|503):/;
const BUSY_WAIT_MS = 1000;
const MAX_BUSY_WAITS = 300;
const VECTOR_BYTES = 384 * 4;

/**
 * The vectors of up to 2,048 texts, each float32 little-endian, in order.
 * @throws Error with the daemon's message; CancelledError.
 */
export async function askVectors(
  daemon: DaemonAddress,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Buffer[]> {
  for (let waits = 0; ; waits++) {
    try {
      const answer = await postJson(
        daemon,
        '/v1/embeddings',
        { input: texts, encoding_format: 'base64' },
        { timeoutMs: ANSWER_TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER_BYTES, signal },
      );
      return vectorsOf(answer, texts.length);
    } catch (error) {
      throwIfCancelled(signal);
      if (!BUSY.test(errorMessage(error)) || waits >= MAX_BUSY_WAITS) throw error;
      await delay(BUSY_WAIT_MS);
    }
  }
}

function vectorsOf(answer: unknown, count: number): Buffer[] {
  const { data } = (answer ?? {}) as { data?: { embedding?: unknown }[] };
  const vectors = Array.isArray(data)
    ? data.map(({ embedding }) => Buffer.from(typeof embedding === 'string' ? embedding : '', 'base64'))
    : [];
  if (vectors.length !== count || vectors.some((vector) => vector.length !== VECTOR_BYTES)) {
    throw new Error(`The daemon gave no ${count} vectors of 384 numbers`);
  }
  return vectors;
}
