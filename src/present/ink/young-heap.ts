import { setFlagsFromString } from 'node:v8';

/**
 * Stops the young generation of V8's heap from growing, for the rest of the process. A child that floods
 * produces garbage as fast as it prints: a larger young generation collects it, and the buffers it
 * references, later, and is never shrunk. V8 reads this flag each time it is about to grow the space, so it
 * takes effect at once.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Collects the young generation on the thread that made it. V8 would wait for helper threads, and the child that floods has the
 * other core: a millisecond's work took ten, and a key waited as long.
 */
export function collectWithoutHelpers(): void {
  setFlagsFromString('--no-parallel-scavenge');
}
