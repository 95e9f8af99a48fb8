import type { ApplyResult } from '../../hosts/types.ts';

/** Labels of the steps of a model host change. */
export const HOST_STEPS: Record<ApplyResult['step'], string> = {
  validate: 'Checking the new configuration against the host',
  backup: 'Backing up the file on the host',
  write: 'Writing the new configuration',
  restart: 'Restarting the service',
  health: 'Waiting for the server to answer',
  done: 'Done',
};
