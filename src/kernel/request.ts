import { errorMessage } from '../support/errors.ts';
import { renderKernelDisplay } from './display.ts';
import type { KernelFrame } from './frames.ts';
import type { KernelLog } from './log.ts';
import type { KernelExecuteOptions, KernelExecuteResult } from './types.ts';

/** The longest timer delay; for anything longer Node fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One call of `execute`, from queueing to its result. */
export class KernelRequest {
  readonly id: string;
  readonly code: string;
  readonly options: KernelExecuteOptions;
  /** `started`: the session's interrupt handler is in place. */
  phase: 'queued' | 'written' | 'started' = 'queued';
  /** An interrupt held back until `started`; sent earlier, it would be lost. */
  isInterruptHeld = false;
  readonly #log: KernelLog;
  readonly #settled = Promise.withResolvers<KernelExecuteResult>();
  readonly #cleanUps: (() => void)[] = [];
  #result: KernelExecuteResult = { status: 'ok', cancelled: false, timedOut: false, stdinRequested: false };
  #isClosed = false;
  #delivery: Promise<void> = Promise.resolve();

  constructor(id: string, code: string, options: KernelExecuteOptions, log: KernelLog) {
    this.id = id;
    this.code = code;
    this.options = options;
    this.#log = log;
  }

  get result(): Promise<KernelExecuteResult> {
    return this.#settled.promise;
  }

  get isCancelled(): boolean {
    return this.#result.cancelled;
  }

  /** No more frames are accepted; the result may still wait for a callback. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls `onCancel` once, on timeout or when the signal fires; at once if it already has. */
  watch(onCancel: () => void): void {
    const { signal, timeoutMs = 0 } = this.options;
    const cancel = (isTimeout: boolean): void => {
      const isFirst = !this.#result.cancelled;
      this.#result.cancelled = true;
      if (isTimeout) this.#result.timedOut = true;
      if (isFirst) onCancel();
    };
    const onAbort = (): void => cancel(isTimeoutReason(signal?.reason));
    if (signal?.aborted) {
      onAbort();
      return;
    }
    if (signal) {
      signal.addEventListener('abort', onAbort, { once: true });
      this.#cleanUps.push(() => signal.removeEventListener('abort', onAbort));
    }
    if (timeoutMs > 0) {
      const timer = setTimeout(() => cancel(true), Math.min(timeoutMs, MAX_TIMER_MS));
      timer.unref();
      this.cleanUpWith(() => clearTimeout(timer));
    }
  }

  /** `cleanUp` runs when the request settles. */
  cleanUpWith(cleanUp: () => void): void {
    if (this.#isClosed) cleanUp();
    else this.#cleanUps.push(cleanUp);
  }

  /** Resolves when every callback for this frame has settled. `done` settles the result. */
  deliver(frame: KernelFrame): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#delivery = this.#handle(frame);
    return this.#delivery;
  }

  /** Settles without a `done`: the request was cancelled in the queue or could not be written. */
  settleUnsent(error?: KernelExecuteResult['error']): void {
    if (this.#isClosed) return;
    Object.assign(this.#result, { status: 'error', cancelled: true }, error && { error });
    this.#close();
    this.#settled.resolve(this.#result);
  }

  /** Settles after the process has ended. What is known so far is kept; no more frames are accepted. */
  settleEnded(reason: string): void {
    if (this.#isClosed) return;
    this.#close();
    Object.assign(this.#result, { status: 'error', cancelled: true, kernelKilled: true });
    void this.#delivery.then(async () => {
      await this.#chunk(`[kernel] ${reason}\n`);
      this.#settled.resolve(this.#result);
    });
  }

  async #handle(frame: KernelFrame): Promise<void> {
    switch (frame.type) {
      case 'started':
        return;
      case 'stdout':
      case 'stderr':
        return this.#chunk(frame.data);
      case 'display':
      case 'result':
        return this.#display(frame.bundle);
      case 'error': {
        const { ename: name = 'Error', evalue: value = '' } = frame;
        const traceback = frame.traceback.map(String);
        this.#result.status = 'error';
        this.#result.error = { name: name || 'Error', value, traceback };
        return this.#chunk(`${traceback.length > 0 ? traceback.join('\n') : `${name}: ${value}`}\n`);
      }
      case 'done':
        if (frame.executionCount !== undefined) this.#result.executionCount = frame.executionCount;
        if (frame.status === 'error') this.#result.status = 'error';
        if (frame.cancelled) this.#result.cancelled = true;
        this.#close();
        this.#settled.resolve(this.#result);
    }
  }

  async #display(bundle: Record<string, unknown>): Promise<void> {
    const { text, outputs } = await renderKernelDisplay(bundle);
    await this.#chunk(text);
    for (const output of outputs) await this.#call(this.options.onDisplay, output);
  }

  async #chunk(text: string | undefined): Promise<void> {
    if (text) await this.#call(this.options.onChunk, text);
  }

  /** An error that escaped here would stop the session from reading. */
  async #call<T>(callback: ((value: T) => void | Promise<void>) | undefined, value: T): Promise<void> {
    try {
      await callback?.(value);
    } catch (error) {
      this.#log.warn(`A callback of request ${this.id} failed: ${errorMessage(error)}`);
    }
  }

  #close(): void {
    this.#isClosed = true;
    for (const cleanUp of this.#cleanUps.splice(0)) cleanUp();
  }
}

export function isTimeoutReason(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}
