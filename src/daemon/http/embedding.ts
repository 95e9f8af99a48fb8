import { postJson } from './post-json.ts';

/** A vector has some 8 kB as JSON. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Asks a daemon for the vector of a text.
 * @throws Error with the daemon's own words when it answers with anything but 200.
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

/** The largest difference of two vectors, number by number; `Infinity` when the first is no vector of that length. */
export function largestDifference(vector: unknown, reference: readonly number[]): number {
  if (!Array.isArray(vector) || vector.length !== reference.length) return Number.POSITIVE_INFINITY;
  return vector.reduce<number>((largest, value, index) => {
    const difference = Math.abs(Number(value) - reference[index]!);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }, 0);
}
