import type { SshExec, SshMode, SshTarget } from './ssh/types.ts';

export interface ApplyOptions {
  target: SshTarget;
  configPath: string;
  /** Run on the host verbatim; ignored in wrapper mode. */
  restartCmd: string;
  newConfig: string;
  /** JSON Schema, draft-07. */
  schema: object;
  /** URL of the llama-swap server, such as `http://models.internal:8080`. */
  baseUrl: string;
  exec: SshExec;
  mode?: SshMode;
  /** For the health check. Default: the global `fetch`. */
  fetcher?: typeof fetch;
  /** Timestamp in the backup's name. Default: the time of the call. */
  now?: Date;
  healthAttempts?: number;
  healthDelayMs?: number;
  /** Called when a step begins, and with `done` on success. Errors it throws are ignored. */
  onStep?: (step: ApplyResult['step']) => void;
  /**
   * The text that the change is based on. If the file on the host differs, even just before the write, the
   * run stops without changing it; and the written file is read back before the service is restarted. Absent:
   * the file is replaced whatever its content.
   */
  expectedCurrent?: string;
  /**
   * Ends the run between two steps and during the health check. A command run by `exec` must be cancelled by
   * `exec`.
   */
  signal?: AbortSignal;
  /** Called with the backup's path before anything is written, and awaited. Errors it throws are ignored. */
  onBackup?: (backupPath: string) => void | Promise<void>;
}

export interface ApplyResult {
  ok: boolean;
  /** The step that failed, or `done`. */
  step: 'validate' | 'backup' | 'write' | 'restart' | 'health' | 'done';
  backupPath?: string;
  /** Verbatim, including secrets: mask it before showing it. */
  diff?: string;
  error?: string;
}
