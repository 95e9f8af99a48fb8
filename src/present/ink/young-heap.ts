import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the young generation of V8's heap from growing any more, for the rest of the process. A child that floods leaves garbage as
 * fast as it prints: a larger young generation collects it later, together with the buffers that it holds, and is never given back.
 * V8 reads this flag each time it is about to grow the space, so it takes effect at once.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
