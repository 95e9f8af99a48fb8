/**
 * Edits the configuration of a llama-swap server on another machine through the system's `ssh`
 * (`ktx-setup/hosts`).
 */
export { applyRemoteConfig } from './apply.ts';
export { computeDiff } from './config/diff.ts';
export { LLAMA_SWAP_SCHEMA } from './config/llama-swap-schema.ts';
export { maskedDiff, maskSecrets } from './config/mask.ts';
export { type ValidationResult, validateLlamaConfig } from './config/validate.ts';
export { healthWait } from './health.ts';
export {
  changeModelHost,
  type ModelHostContext,
  type ModelHostOutcome,
  reviewModelHost,
} from './model-host.ts';
export { readModelHostSettings, saveModelHostSettings } from './project-files.ts';
export type { ModelHostConnection } from './ssh/connection.ts';
export { backupFilename, makeRemoteOps, readRemoteConfig, shellOps, wrapperOps } from './ssh/remote-ops.ts';
export { sshExec } from './ssh/ssh-exec.ts';
export type { ExecResult, RemoteOps, SshExec, SshMode, SshTarget } from './ssh/types.ts';
export type { ApplyOptions, ApplyResult } from './types.ts';
