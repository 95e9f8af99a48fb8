import type { Readable } from 'node:stream';

/** Bytes buffered for a slow reader before backpressure is applied. */
const MAX_WAITING_BYTES = 512 * 1024;

/**
 * The chunks of a stream as they arrive, all of them before the error that ended it; buffered from this call
 * on. Iterating over the stream itself loses data: a destroyed stream drops what is still unread, which a
 * resumed transfer would have to fetch again.
 */
export function arriving(stream: Readable): AsyncIterable<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let end: { error: unknown } | 'complete' | null = null;
  let wake = () => {};
  stream.on('data', (chunk: Uint8Array) => {
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    if (waitingBytes >= MAX_WAITING_BYTES) stream.pause();
    wake();
  });
  stream.once('end', () => {
    end = 'complete';
    wake();
  });
  stream.once('error', (error) => {
    end ??= { error };
    wake();
  });
  stream.once('close', () => {
    end ??= { error: new Error('the connection was closed') };
    wake();
  });
  return chunks();

  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        const chunk = waiting.shift();
        if (chunk) {
          waitingBytes -= chunk.byteLength;
          if (stream.isPaused() && waitingBytes < MAX_WAITING_BYTES / 2) stream.resume();
          yield chunk;
        } else if (end === 'complete') return;
        else if (end !== null) throw (end as { error: unknown }).error;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      stream.destroy();
    }
  }
}
