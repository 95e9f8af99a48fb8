import type { DuplexChild } from '../process/spawn-duplex.ts';
import { EXIT_REQUEST } from './frames.ts';
import type { KernelShutdownOptions } from './types.ts';

const DEFAULT_PHASE_MS = 1000;

/**
 * Asks the process to exit, then sends SIGTERM, then SIGKILL. Resolves to whether its exit was observed;
 * never rejects.
 */
export async function endProcess(child: DuplexChild, options: KernelShutdownOptions): Promise<boolean> {
  const { timeoutMs = DEFAULT_PHASE_MS, signal } = options;
  const phases: { enter: () => void; isLast?: true }[] = [
    { enter: () => askToExit(child) },
    { enter: () => child.signalGroup('SIGTERM') },
    { enter: () => child.signalGroup('SIGKILL'), isLast: true },
  ];
  for (const { enter, isLast } of phases) {
    if (!child.isRunning()) break;
    enter();
    await endWithin(child, timeoutMs, isLast ? undefined : signal);
  }
  return !child.isRunning();
}

function askToExit(child: DuplexChild): void {
  if (child.stdin.writable) child.stdin.end(EXIT_REQUEST);
}

function endWithin(child: DuplexChild, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, limitMs);
    timer.unref();
    signal?.addEventListener('abort', finish, { once: true });
    void child.exited.then(finish);
  });
}
