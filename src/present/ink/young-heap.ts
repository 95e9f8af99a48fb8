import { setFlagsFromString } from 'node:v8';

/**
 * Stops the young generation of V8's heap from growing, for the rest of the process. A child that floods
 * produces garbage as fast as it prints: a larger young generation collects it, and the buffers it
 * references, later, and is never shrunk. V8 reads this flag each time it is about to grow the space, so it
 * takes effect at once.
 *
 * It is collected on the thread that made it: V8 would wait for helper threads while the child has the other
 * core, and a millisecond's work took ten, for which a key had to wait.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
}
