/** Editing the configuration of a llama-swap server on another machine, through the system's `ssh` (`ktx-setup/hosts`). */
export { applyRemoteConfig } from './apply.ts';
export type { ModelHostConnection } from './connection.ts';
export { computeDiff } from './diff.ts';
export { healthWait } from './health.ts';
export { LLAMA_SWAP_SCHEMA } from './llama-swap-schema.ts';
export { maskedDiff, maskSecrets } from './mask.ts';
export {
  changeModelHost,
  type ModelHostContext,
  type ModelHostOutcome,
  reviewModelHost,
} from './model-host.ts';
export { readModelHostSettings, saveModelHostSettings } from './project-files.ts';
export { backupFilename, makeRemoteOps, readRemoteConfig, shellOps, wrapperOps } from './remote-ops.ts';
export { sshExec } from './ssh-exec.ts';
export type {
  ApplyOptions,
  ApplyResult,
  ExecResult,
  RemoteOps,
  SshExec,
  SshMode,
  SshTarget,
  ValidationResult,
} from './types.ts';
export { validateLlamaConfig } from './validate.ts';
