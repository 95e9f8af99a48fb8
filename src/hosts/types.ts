import type { SshExec, SshMode, SshTarget } from './ssh/types.ts';

export interface ApplyOptions {
  target: SshTarget;
  configPath: string;
  /** Run on the host as it stands; ignored in wrapper mode. */
  restartCmd: string;
  newConfig: string;
  /** JSON Schema, draft-07. */
  schema: object;
  /** Of the llama-swap server, such as `http://models.internal:8080`. */
  baseUrl: string;
  exec: SshExec;
  mode?: SshMode;
  /** For the health check; the global `fetch` if absent. */
  fetcher?: typeof fetch;
  /** Names the backup; the time of the call if absent. */
  now?: Date;
  healthAttempts?: number;
  healthDelayMs?: number;
  /** Called when a step begins, `done` last on success. What it throws is ignored. */
  onStep?: (step: ApplyResult['step']) => void;
  /**
   * The text that the change was made from. When the file on the host is another one, also just before the write, the
   * run stops and leaves it as it is; and what was written is read back before the service is restarted. Absent:
   * whatever is there is replaced, unseen.
   */
  expectedCurrent?: string;
  /** Ends the run between two steps and in the health check. What `exec` runs, `exec` must end itself. */
  signal?: AbortSignal;
  /** Called with the backup's path before anything is written, and awaited. What it throws is ignored. */
  onBackup?: (backupPath: string) => void | Promise<void>;
}

export interface ApplyResult {
  ok: boolean;
  /** The step that failed, else `done`. */
  step: 'validate' | 'backup' | 'write' | 'restart' | 'health' | 'done';
  backupPath?: string;
  /** As it is in the files, secrets included: mask it before it is shown. */
  diff?: string;
  error?: string;
}
