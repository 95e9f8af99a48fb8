/** The library: what other programs import. Names and shapes are a contract; effects take `signal` and `onEvent`. */

export { runChecks } from './doctor/run-checks.ts';
export { doctorManagedPythonRuntime, type ManagedPythonRuntimeDoctorCheck } from './doctor/runtime-checks.ts';
export { installManagedPythonRuntime } from './install/install.ts';
export { runSetup } from './install/setup.ts';
export type { PythonChoice, SetupOptions } from './install/setup-options.ts';
export type { ManagedPythonRuntimeExec } from './process/exec.ts';
export {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './runtime/daemon-layout.ts';
export { runtimeFeatureSchema } from './runtime/feature-schema.ts';
export type { KtxRuntimeFeature } from './runtime/features.ts';
export type { ManagedPythonRuntimeLayout, ManagedPythonRuntimeLayoutOptions } from './runtime/layout.ts';
export type { InstalledKtxRuntimeManifest } from './runtime/manifest.ts';
export { type ManagedPythonRuntimePruneResult, pruneManagedPythonRuntimes } from './runtime/prune.ts';
export { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from './runtime/status.ts';
export type {
  ManagedPythonRuntimeInstallOptions,
  ManagedPythonRuntimeInstallResult,
} from './runtime/types.ts';
export { CancelledError, type FailureClass, KtxExpectedError, SetupError } from './support/errors.ts';
export type {
  CheckResult,
  FailureReport,
  OnEvent,
  PlanSummary,
  SetupEvent,
  SetupResult,
  SetupStep,
} from './support/events.ts';
export type { ManagedUvFetchArtifact } from './uv/acquire.ts';
