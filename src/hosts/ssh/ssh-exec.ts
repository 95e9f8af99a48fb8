import { runProcess } from '../../process/run-process.ts';
import { CancelledError, errorMessage } from '../../support/errors.ts';
import type { ExecResult, SshExec, SshTarget } from './types.ts';

/** Words that `ssh` could take for an option or split; refused before anything runs. */
const UNSAFE_WORD = /^-|[\s\p{Cc}]/u;

/**
 * Runs a command on the host with the system's `ssh`: only this key, no prompts, changed host keys refused.
 * Never rejects: `code` is the command's, 255 when `ssh` itself failed, 1 after a signal, 127 when `ssh`
 * could not be started.
 */
export const sshExec: SshExec = createSshExec();

/** The same with a signal that ends `ssh`; a cancelled command has code 1 and a message that says so. */
export function createSshExec(signal?: AbortSignal): SshExec {
  return async (target, command, stdin) => {
    if (!isUsable(target)) return { code: 127, stdout: '', stderr: 'invalid ssh target' };
    try {
      return await runSsh(sshArguments(target, command), stdin, signal);
    } catch (error) {
      const code = error instanceof CancelledError ? 1 : 127;
      return { code, stdout: '', stderr: errorMessage(error) };
    }
  };
}

function isUsable({ host, user }: SshTarget): boolean {
  return [user, host].every((word) => word !== '' && !UNSAFE_WORD.test(word));
}

function sshArguments({ host, user, keyPath }: SshTarget, command: string): string[] {
  return [
    '-i',
    keyPath,
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'BatchMode=yes',
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'ConnectTimeout=10',
    `${user}@${host}`,
    command,
  ];
}

async function runSsh(
  args: readonly string[],
  stdin: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ExecResult> {
  const { exitCode, stdout, stderr } = await runProcess({
    command: 'ssh',
    args,
    stdin,
    signal,
    // A truncated configuration must never pass for a complete one.
    maxCaptureBytes: Number.POSITIVE_INFINITY,
  });
  return { code: exitCode ?? 1, stdout, stderr };
}
