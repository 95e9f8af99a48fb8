/** Names of the contract that are for tests and sibling modules only (`ktx-setup/internal`). */
export type { ManagedPythonDaemonChild, ManagedPythonDaemonSpawn } from './install/start-daemon.ts';
export { type ManagedRuntimeAsset, verifyRuntimeAsset } from './runtime/asset.ts';
export { parseDaemonCommand } from './runtime/daemon-command.ts';
export { sanitizeChildProxyEnv } from './runtime/daemon-environment.ts';
export type { ManagedPythonDaemonFetch } from './runtime/daemon-health.ts';
export { managedPythonRuntimeLayout } from './runtime/layout.ts';
export {
  type EnsureManagedUvOptions,
  ensureManagedUv,
  type ManagedUvRelease,
  managedUvPath,
} from './uv/acquire.ts';
export {
  MANAGED_UV_ARTIFACTS,
  MANAGED_UV_VERSION,
  type ManagedUvArtifact,
  type ManagedUvPlatformKey,
} from './uv/release.ts';
