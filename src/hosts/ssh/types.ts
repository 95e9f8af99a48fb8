/** Where the model host is reached, and with which key. */
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

/** Runs one command on the host, with `stdin` as its input. The seam through which tests replace `ssh`. */
export type SshExec = (target: SshTarget, command: string, stdin?: string) => Promise<ExecResult>;

/** `shell`: ordinary commands. `wrapper`: four bare verbs, for a key that is bound to a forced command. */
export type SshMode = 'shell' | 'wrapper';

/** What can be done to the configuration file and its service. Each throws `<label> failed (exit <code>): <stderr>`. */
export interface RemoteOps {
  read(): Promise<string>;
  /** Copies the file on the host and resolves with the path of the copy. */
  backup(now: Date): Promise<string>;
  write(content: string): Promise<void>;
  restart(restartCmd: string): Promise<void>;
}
