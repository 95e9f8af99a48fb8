import { runProcess } from '../process/run-process.ts';
import { errorCode, errorMessage, SetupError } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';
import { SIGNATURE_NAMESPACE } from './signature.ts';

/**
 * Signs with `ssh-keygen`, which supports encrypted keys and keys held by an agent (pass the public key for
 * those).
 * @returns the armoured signature
 * @throws SetupError with ssh-keygen's message; CancelledError.
 */
export async function signContents(
  contents: Uint8Array,
  keyPath: string,
  signal?: AbortSignal,
): Promise<string> {
  const args = ['-Y', 'sign', '-q', '-n', SIGNATURE_NAMESPACE, '-f', keyPath];
  const stdin = Buffer.from(contents).toString('utf8');
  try {
    const { exitCode, stdout, stderr } = await runProcess({ command: 'ssh-keygen', args, stdin, signal });
    if (exitCode === 0 && stdout.startsWith('-----BEGIN SSH SIGNATURE-----')) return stdout;
    throw cannotSign(keyPath, stderr.trim().split('\n'));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw cannotSign(keyPath, [`ssh-keygen cannot be started: ${errorMessage(error)}`]);
  }
}

function cannotSign(keyPath: string, evidence: readonly string[]): SetupError {
  return new SetupError(`The bundle could not be signed with ${keyPath}.`, {
    failureClass: 'conflict',
    evidence,
    remedies: [
      otherRemedy('Give a private key, or the public key of one that ssh-agent holds: --sign-key <file>'),
    ],
  });
}
