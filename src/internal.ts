/** Names of the contract that are for tests and sibling modules only (`ktx-setup/internal`). */

export { managedPythonRuntimeLayout } from './core/layout.ts';
export { parseDaemonCommand } from './daemon/command.ts';
export { sanitizeChildProxyEnv } from './daemon/environment.ts';
export type { ManagedPythonDaemonFetch } from './daemon/http/health.ts';
export type { ManagedPythonDaemonChild, ManagedPythonDaemonSpawn } from './embed/spawn-daemon.ts';
export { type ManagedRuntimeAsset, verifyRuntimeAsset } from './shipped/asset.ts';
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
