import { postJson } from './post-json.ts';

/** A vector is about 8 kB as JSON. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Requests the vector of a text from a daemon.
 * @throws Error with the daemon's message for any status but 200.
 */
export async function askEmbedding(
  port: number,
  text: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<unknown> {
  const answer = await postJson(
    { port },
    '/embeddings/compute',
    { text },
    { ...options, maxAnswerBytes: MAX_ANSWER_BYTES },
  );
  return (answer as { embedding?: unknown } | null)?.embedding;
}

/**
 * The largest difference between two vectors, element by element; `Infinity` when the first is not a vector
 * of the same length.
 */
export function largestDifference(vector: unknown, reference: readonly number[]): number {
  if (!Array.isArray(vector) || vector.length !== reference.length) return Number.POSITIVE_INFINITY;
  return vector.reduce<number>((largest, value, index) => {
    const difference = Math.abs(Number(value) - reference[index]!);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }, 0);
}
