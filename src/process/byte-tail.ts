export interface ByteTail {
  push(chunk: Buffer): void;
  /** The kept bytes as UTF-8; after truncation, from the first complete line. */
  text(): string;
  isTruncated(): boolean;
}

const NOTHING = Buffer.alloc(0);

/** Keeps the last `maxBytes` of a stream. Old chunks are dropped whole, so a flood costs no copies. */
export function createByteTail(maxBytes: number): ByteTail {
  const chunks: Buffer[] = [];
  let firstKept = 0;
  let keptBytes = 0;
  let isTruncated = false;

  function push(chunk: Buffer): void {
    chunks.push(chunk);
    keptBytes += chunk.length;
    if (keptBytes > maxBytes) isTruncated = true;
    while (keptBytes - chunks[firstKept]!.length >= maxBytes) {
      keptBytes -= chunks[firstKept]!.length;
      chunks[firstKept++] = NOTHING;
    }
    // `shift` would move all remaining elements each time; with tiny chunks that would be most of the work.
    if (firstKept > chunks.length / 2) {
      // In place: a dropped array that has grown old would keep the chunks of its time until a full collection.
      chunks.copyWithin(0, firstKept);
      chunks.length -= firstKept;
      firstKept = 0;
    }
  }

  function text(): string {
    const bytes = Buffer.concat(chunks);
    if (!isTruncated) return bytes.toString('utf8');
    const kept = bytes.subarray(Math.max(0, bytes.length - maxBytes));
    const lineStart = kept.indexOf(0x0a) + 1;
    return kept.subarray(lineStart).toString('utf8');
  }

  return { push, text, isTruncated: () => isTruncated };
}
