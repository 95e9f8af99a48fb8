import { SetupError } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';

/** Settings passed to the daemon at its start, with their ranges. Changing one requires a new daemon. */
export const DAEMON_SETTINGS = {
  KTX_EMBEDDINGS_THREADS: { least: 1, most: 1024 },
  KTX_EMBEDDINGS_IDLE_SECONDS: { least: 0, most: 86_400 },
} as const;

const SHOWN_CHARACTERS = 40;

/**
 * The daemon refuses invalid settings too. Checked here before anything is installed, and before a working
 * daemon is replaced by one that cannot start.
 * @throws SetupError naming the variable, its range, and the command that unsets it.
 */
export function assertDaemonSettings(env: NodeJS.ProcessEnv): void {
  for (const [name, { least, most }] of Object.entries(DAEMON_SETTINGS)) {
    const value = env[name];
    if (!value || (/^[0-9]{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most)) continue;
    throw new SetupError(`${name} is ${JSON.stringify(value.slice(0, SHOWN_CHARACTERS))}.`, {
      failureClass: 'conflict',
      evidence: [`${name} has to be a number from ${least} to ${most}`],
      remedies: [otherRemedy(`Set ${name} to a number from ${least} to ${most}, or run: unset ${name}`)],
    });
  }
}
