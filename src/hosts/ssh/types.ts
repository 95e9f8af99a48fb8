/** The model host's address and the key for it. */
export interface SshTarget {
  host: string;
  user: string;
  /** Path of the private key; `ssh` itself expands a leading `~`. */
  keyPath: string;
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command on the host, with `stdin` as its input. Tests replace `ssh` here. */
export type SshExec = (target: SshTarget, command: string, stdin?: string) => Promise<ExecResult>;

/** `shell`: ordinary commands. `wrapper`: four bare verbs, for a key bound to a forced command. */
export type SshMode = 'shell' | 'wrapper';

/**
 * Operations on the configuration file and its service. Each throws `<label> failed (exit <code>): <stderr>`.
 */
export interface RemoteOps {
  read(): Promise<string>;
  /** Copies the file on the host; resolves with the path of the copy. */
  backup(now: Date): Promise<string>;
  write(content: string): Promise<void>;
  restart(restartCmd: string): Promise<void>;
}
