import { definedEntries, FORCED_ENVIRONMENT } from './environment.ts';
import { isTimeoutReason } from './request.ts';
import type { KernelExecuteOptions, KernelExecuteResult, KernelStartOptions } from './types.ts';

const STEP_LIMIT_MS = 10_000;

/** The part of a session that start-up uses. */
export interface StartedSession {
  execute(code: string, options?: KernelExecuteOptions): Promise<KernelExecuteResult>;
  /**
   * How the process ended, with the end of its stderr; `null` while it runs. Waits briefly for a process that
   * is about to exit.
   */
  endedText(): Promise<string | null>;
}

/**
 * Runs init and prelude, each within its budget.
 * @throws Error `Python kernel <step> failed: …`, or how the process ended.
 * @throws Error named TimeoutError or AbortError, `Python kernel <step> cancelled`.
 */
export async function bringUp(session: StartedSession, options: KernelStartOptions): Promise<void> {
  await runStep(session, 'init', initCode(options), options);
  await runStep(session, 'prelude', PRELUDE, options);
}

async function runStep(
  session: StartedSession,
  step: string,
  code: string,
  { deadlineMs, signal }: KernelStartOptions,
): Promise<void> {
  const budgetMs = Math.min(
    deadlineMs === undefined ? STEP_LIMIT_MS : deadlineMs - Date.now(),
    STEP_LIMIT_MS,
  );
  const cancelled = Promise.withResolvers<never>();
  cancelled.promise.catch(() => {});
  const cancel = (name: string): void => {
    const error = new Error(`Python kernel ${step} cancelled`);
    error.name = name;
    cancelled.reject(error);
  };
  const onAbort = (): void => cancel(isTimeoutReason(signal?.reason) ? 'TimeoutError' : 'AbortError');
  const timer = setTimeout(() => cancel('TimeoutError'), Math.max(budgetMs, 1));
  timer.unref();
  if (signal?.aborted) onAbort();
  else if (budgetMs <= 0) cancel('TimeoutError');
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const executed = session.execute(code, { silent: true }).catch(() => null);
    const result = await Promise.race([executed, cancelled.promise]);
    if (result?.status === 'ok') return;
    if (result === null || result.kernelKilled || result.error?.name === 'TransportError') {
      const ended = await session.endedText();
      if (ended !== null) throw new Error(ended);
    }
    throw new Error(`Python kernel ${step} failed: ${result?.error?.value ?? ''}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Values travel as JSON string literals, which are also valid Python; the rest is constant. */
function initCode({ cwd, env = {} }: KernelStartOptions): string {
  const values = definedEntries(env).filter(([name]) => !(name in FORCED_ENVIRONMENT));
  const environment = JSON.stringify(JSON.stringify(Object.fromEntries(values)));
  return `def ktx_init(cwd, environment):
    import json, os, sys
    os.chdir(cwd)
    os.environ.update(json.loads(environment))
    if cwd not in sys.path:
        sys.path.insert(0, cwd)
ktx_init(${JSON.stringify(cwd)}, ${environment})
del ktx_init
`;
}

const PRELUDE = `def ktx_status(op, **data):
    """Tells the host how far something is."""
    display({"application/x-ktx-status": {"op": op, **data}}, raw=True)
`;
