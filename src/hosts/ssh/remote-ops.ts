import type { ExecResult, RemoteOps, SshExec, SshMode, SshTarget } from './types.ts';

const MAX_STDERR_CHARS = 300;

const failures = new WeakMap<Error, ExecResult>();

/** The command whose failure an error of these operations is about; `null` for other errors. */
export function failedCommand(error: unknown): ExecResult | null {
  return error instanceof Error ? (failures.get(error) ?? null) : null;
}

/** Quotes a word for any POSIX shell. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** `<configPath>.bak-20260612T080910Z`: UTC, to the second, beside the original. */
export function backupFilename(configPath: string, now: Date): string {
  const stamp = now.toISOString().replace(/\.\d+Z$/, 'Z');
  return `${configPath}.bak-${stamp.replaceAll(/[-:]/g, '')}`;
}

/** Ordinary commands on the host: `cat`, `cp`, `cat >`, and the restart command verbatim. */
export function shellOps(target: SshTarget, configPath: string, exec: SshExec): RemoteOps {
  const path = shellQuoted(configPath);
  return {
    async read() {
      return succeeded('read', await exec(target, `cat ${path}`)).stdout;
    },
    async backup(now) {
      const backupPath = backupFilename(configPath, now);
      succeeded('backup', await exec(target, `cp ${path} ${shellQuoted(backupPath)}`));
      return backupPath;
    },
    async write(content) {
      succeeded('write', await exec(target, `cat > ${path}`, content));
    },
    async restart(restartCmd) {
      succeeded('restart', await exec(target, restartCmd));
    },
  };
}

/** Four bare verbs: the host's forced command chooses every path and how to restart. */
export function wrapperOps(target: SshTarget, exec: SshExec): RemoteOps {
  return {
    async read() {
      return succeeded('read', await exec(target, 'read')).stdout;
    },
    async backup() {
      const { stdout } = succeeded('backup', await exec(target, 'backup'));
      const backupPath = stdout.trim();
      // Without a path there would be nothing to restore from.
      if (backupPath === '') throw new Error('backup failed (exit 0): the host named no backup path');
      return backupPath;
    },
    async write(content) {
      succeeded('write', await exec(target, 'write', content));
    },
    async restart() {
      succeeded('restart', await exec(target, 'restart'));
    },
  };
}

export function makeRemoteOps(
  mode: SshMode,
  target: SshTarget,
  configPath: string,
  exec: SshExec,
): RemoteOps {
  return mode === 'wrapper' ? wrapperOps(target, exec) : shellOps(target, configPath, exec);
}

/**
 * The configuration text on the host.
 * @throws Error `read failed (exit <code>): …`.
 */
export async function readRemoteConfig(
  target: SshTarget,
  configPath: string,
  exec: SshExec,
  mode: SshMode = 'shell',
): Promise<string> {
  return makeRemoteOps(mode, target, configPath, exec).read();
}

function succeeded(label: keyof RemoteOps, result: ExecResult): ExecResult {
  if (result.code === 0) return result;
  const error = new Error(
    `${label} failed (exit ${result.code}): ${result.stderr.slice(0, MAX_STDERR_CHARS)}`,
  );
  failures.set(error, result);
  throw error;
}
