/** The library: what other programs import. Names and shapes are a contract; effects take `signal` and `onEvent`. */

export { type CommandSpinner, createCommandSpinner } from './cli/command-spinner.ts';
export {
  type EnsureManagedLocalEmbeddingsDaemonOptions,
  ensureManagedLocalEmbeddingsDaemon,
  LOCAL_EMBEDDINGS_DEFAULTS,
  type ManagedLocalEmbeddingsDaemon,
  managedLocalEmbeddingHealthConfig,
  tryUseManagedLocalEmbeddingsDaemon,
} from './cli/embeddings-daemon.ts';
export {
  createLazyComputePort,
  ensureManagedPythonCommandRuntime,
  type KtxManagedPythonInstallPolicy,
  type LazyComputePort,
  type ManagedPythonCommandRuntime,
  type ManagedPythonCommandRuntimeOptions,
  managedRuntimeInstallCommand,
  runtimeInstallPolicyFromFlags,
  setupInstallPolicy,
} from './cli/install-policy.ts';
export type { KtxCliIo } from './cli/io.ts';
export { type KtxRuntimeArgs, type KtxRuntimeDeps, runKtxRuntime } from './cli/runtime-command.ts';
export {
  type KtxSetupRuntimeStepArgs,
  type KtxSetupRuntimeStepDeps,
  type KtxSetupRuntimeStepResult,
  runKtxSetupRuntimeStep,
} from './cli/setup-runtime-step.ts';
export { runChecks } from './doctor/run-checks.ts';
export { doctorManagedPythonRuntime, type ManagedPythonRuntimeDoctorCheck } from './doctor/runtime-checks.ts';
export { installManagedPythonRuntime } from './install/install.ts';
export type { PythonChoice } from './install/python-choice.ts';
export { runSetup } from './install/setup.ts';
export type { SetupOptions } from './install/setup-options.ts';
export {
  ManagedPythonDaemonStartError,
  type ManagedPythonDaemonStartOptions,
  type ManagedPythonDaemonStartResult,
  startManagedPythonDaemon,
} from './install/start-daemon.ts';
export {
  readUndoTarget,
  type UndoOptions,
  type UndoSide,
  type UndoTarget,
  undoManagedPythonRuntime,
} from './install/undo.ts';
export type { ManagedPythonRuntimeExec } from './process/exec.ts';
export {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './runtime/daemon-layout.ts';
export { allocateDaemonPort } from './runtime/daemon-port.ts';
export type { ManagedPythonDaemonState } from './runtime/daemon-state.ts';
export {
  type ManagedPythonDaemonStatus,
  type ManagedPythonDaemonStatusOptions,
  readManagedPythonDaemonStatus,
} from './runtime/daemon-status.ts';
export { type ManagedPythonDaemonStopResult, stopManagedPythonDaemon } from './runtime/daemon-stop.ts';
export {
  type ManagedPythonDaemonProcessInfo,
  type ManagedPythonDaemonStopAllEntry,
  type ManagedPythonDaemonStopAllFailure,
  type ManagedPythonDaemonStopAllOptions,
  type ManagedPythonDaemonStopAllResult,
  stopAllManagedPythonDaemons,
} from './runtime/daemon-stop-all.ts';
export { runtimeFeatureSchema } from './runtime/feature-schema.ts';
export type { KtxRuntimeFeature } from './runtime/features.ts';
export type { ManagedPythonRuntimeLayout, ManagedPythonRuntimeLayoutOptions } from './runtime/layout.ts';
export type { InstalledKtxRuntimeManifest } from './runtime/manifest.ts';
export { type ManagedPythonRuntimePruneResult, pruneManagedPythonRuntimes } from './runtime/prune.ts';
export {
  type KtxPublicIngestPlan,
  type KtxRuntimeProjectConfig,
  type KtxRuntimeRequirement,
  type KtxRuntimeRequirements,
  resolveProjectRuntimeRequirements,
  resolvePublicIngestRuntimeRequirements,
} from './runtime/requirements.ts';
export {
  PROJECT_SETUP_STEPS,
  type ProjectSetupStep,
  readCompletedSetupSteps,
  recordSetupStep,
} from './runtime/setup-progress.ts';
export { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from './runtime/status.ts';
export type {
  ManagedPythonRuntimeInstallOptions,
  ManagedPythonRuntimeInstallResult,
} from './runtime/types.ts';
export {
  planUninstall,
  type UninstallOptions,
  type UninstallPlan,
  type UninstallResult,
  uninstallManagedPythonRuntimes,
} from './runtime/uninstall.ts';
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
