import type { KtxLogger } from '../support/logger.ts';

export interface KernelStartOptions {
  /** Required: `PATH` is never searched. */
  pythonPath: string;
  cwd: string;
  /** Overrides inherited variables, and is copied into `os.environ`. */
  env?: Record<string, string | undefined>;
  /** Cancels the start; has no effect afterwards. */
  signal?: AbortSignal;
  /** Epoch milliseconds by which the session must be ready. */
  deadlineMs?: number;
  /** How long a cancelled request may keep running before the process is ended. Default 5000. */
  interruptEscalationMs?: number;
  logger?: KtxLogger;
}

export interface KernelExecuteOptions {
  signal?: AbortSignal;
  /** Text of both streams, results and tracebacks. Awaited before the next frame is read. */
  onChunk?: (text: string) => void | Promise<void>;
  onDisplay?: (output: KernelDisplayOutput) => void | Promise<void>;
  /** From the call on, including time in the queue. */
  timeoutMs?: number;
  silent?: boolean;
  storeHistory?: boolean;
}

export interface KernelExecuteResult {
  status: 'ok' | 'error';
  /** Increases with each request. */
  executionCount?: number;
  error?: KernelError;
  cancelled: boolean;
  timedOut: boolean;
  /** Always false: `input()` fails with `EOFError`. */
  stdinRequested: boolean;
  /** The process has ended, by itself or because it ignored an interrupt. */
  kernelKilled?: boolean;
}

export interface KernelError {
  name: string;
  value: string;
  traceback: string[];
}

export interface KernelShutdownOptions {
  /** How long each of the three phases waits. Default 1000. */
  timeoutMs?: number;
  /** Skips to the next phase at once. */
  signal?: AbortSignal;
}

export interface KernelShutdownResult {
  /** The process was seen to exit. */
  confirmed: boolean;
}

export interface PythonStatusEvent {
  op: string;
  [key: string]: unknown;
}

export type KernelDisplayOutput =
  | { type: 'json'; data: unknown }
  | { type: 'image'; data: string; mimeType: string }
  | { type: 'markdown' }
  | { type: 'status'; event: PythonStatusEvent };
