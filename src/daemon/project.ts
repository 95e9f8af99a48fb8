import { askForProof } from './http/health.ts';
import { type ManagedPythonDaemonLayout, managedPythonDaemonLayout } from './layout.ts';
import { daemonSecretPath, readDaemonSecret } from './secret.ts';
import { daemonBaseUrl, type ManagedPythonDaemonState, projectOfState, readDaemonState } from './state.ts';

export type DaemonPlace = Pick<ManagedPythonDaemonLayout, 'runtimeRoot' | 'projectDir' | 'cliVersion'>;

/** A hanging daemon still has to be stopped. */
const PROOF_TIMEOUT_MS = 1000;
const DUMMY_SECRET = '0'.repeat(64);

/**
 * Whether a live daemon named in a project's state belongs to another project, from which the state was
 * copied. A daemon whose project was moved still belongs to this one. A daemon that gives no proof (it hangs,
 * or its wheel is foreign) is judged by the log paths in the state. Never rejects.
 */
export async function isOfAnotherProject(
  place: DaemonPlace,
  state: ManagedPythonDaemonState,
): Promise<boolean> {
  const known = await readDaemonSecret(place);
  const ask = (secret: string) => askForProof(daemonBaseUrl(state), secret, PROOF_TIMEOUT_MS);
  const own = await ask(known.kind === 'kept' ? known.secret : DUMMY_SECRET);
  if (own === 'right') return false;

  const origin = { ...place, projectDir: projectOfState(state.stdoutLog) };
  if ((await daemonSecretPath(origin)) !== (await daemonSecretPath(place))) {
    if (await isRecordedIn(origin, state)) return true;
    const secret = await readDaemonSecret(origin);
    if (secret.kind === 'kept' && (await ask(secret.secret)) === 'right') return false;
  }
  return own === 'wrong' && known.kind !== 'not kept';
}

/** The other project still exists and records this daemon as its own. */
async function isRecordedIn(origin: DaemonPlace, state: ManagedPythonDaemonState): Promise<boolean> {
  const { daemonStatePath } = managedPythonDaemonLayout(origin);
  const read = await readDaemonState(daemonStatePath);
  return read.kind === 'valid' && read.state.pid === state.pid && read.state.port === state.port;
}
