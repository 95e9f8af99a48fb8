/** The library: what other programs import. Names and shapes are a contract; effects take `signal` and `onEvent`. */

export { type KtxRuntimeArgs, type KtxRuntimeDeps, runKtxRuntime } from './cli/commands/runtime-command.ts';
export type {
  CheckResult,
  FailureReport,
  OnEvent,
  PlanSummary,
  SetupEvent,
  SetupResult,
  SetupStep,
} from './core/events.ts';
export { runtimeFeatureSchema } from './core/feature-schema.ts';
export type { KtxRuntimeFeature } from './core/features.ts';
export type { ManagedPythonRuntimeLayout, ManagedPythonRuntimeLayoutOptions } from './core/layout.ts';
export {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './daemon/layout.ts';
export { allocateDaemonPort } from './daemon/port.ts';
export type { ManagedPythonDaemonState } from './daemon/state.ts';
export {
  type ManagedPythonDaemonStatus,
  type ManagedPythonDaemonStatusOptions,
  readManagedPythonDaemonStatus,
} from './daemon/status.ts';
export { type ManagedPythonDaemonStopResult, stopManagedPythonDaemon } from './daemon/stop.ts';
export {
  type ManagedPythonDaemonProcessInfo,
  type ManagedPythonDaemonStopAllEntry,
  type ManagedPythonDaemonStopAllFailure,
  type ManagedPythonDaemonStopAllOptions,
  type ManagedPythonDaemonStopAllResult,
  stopAllManagedPythonDaemons,
} from './daemon/stop-all.ts';
export {
  type KernelDoctorCheck,
  type KernelDoctorOptions,
  runKernelDoctor,
} from './doctor/kernel-doctor.ts';
export { runChecks } from './doctor/run-checks.ts';
export { doctorManagedPythonRuntime, type ManagedPythonRuntimeDoctorCheck } from './doctor/runtime-checks.ts';
export { type CommandSpinner, createCommandSpinner } from './embed/command-spinner.ts';
export {
  type EnsureManagedLocalEmbeddingsDaemonOptions,
  ensureManagedLocalEmbeddingsDaemon,
  LOCAL_EMBEDDINGS_DEFAULTS,
  type ManagedLocalEmbeddingsDaemon,
  managedLocalEmbeddingHealthConfig,
  tryUseManagedLocalEmbeddingsDaemon,
} from './embed/embeddings-daemon.ts';
export { installManagedPythonRuntime } from './embed/install.ts';
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
} from './embed/install-policy.ts';
export type { KtxCliIo } from './embed/io.ts';
export {
  type KtxSetupRuntimeStepArgs,
  type KtxSetupRuntimeStepDeps,
  type KtxSetupRuntimeStepResult,
  runKtxSetupRuntimeStep,
} from './embed/setup-runtime-step.ts';
export {
  ManagedPythonDaemonStartError,
  type ManagedPythonDaemonStartOptions,
  type ManagedPythonDaemonStartResult,
  startManagedPythonDaemon,
} from './embed/start-daemon.ts';
export {
  checkPythonKernelAvailability,
  type PythonKernelAvailability,
  type PythonKernelAvailabilityOptions,
} from './kernel/availability.ts';
export { renderKernelDisplay } from './kernel/display.ts';
export { PythonKernel } from './kernel/python-kernel.ts';
export type {
  KernelDisplayOutput,
  KernelError,
  KernelExecuteOptions,
  KernelExecuteResult,
  KernelShutdownOptions,
  KernelShutdownResult,
  KernelStartOptions,
  PythonStatusEvent,
} from './kernel/types.ts';
export { type ManagedPythonRuntimePruneResult, pruneManagedPythonRuntimes } from './lifecycle/prune.ts';
export {
  readUndoTarget,
  type UndoOptions,
  type UndoSide,
  type UndoTarget,
  undoManagedPythonRuntime,
} from './lifecycle/undo.ts';
export {
  planUninstall,
  type UninstallOptions,
  type UninstallPlan,
  type UninstallResult,
  uninstallManagedPythonRuntimes,
} from './lifecycle/uninstall.ts';
export type { ManagedPythonRuntimeExec } from './process/exec.ts';
export {
  type KtxPublicIngestPlan,
  type KtxRuntimeProjectConfig,
  type KtxRuntimeRequirement,
  type KtxRuntimeRequirements,
  resolveProjectRuntimeRequirements,
  resolvePublicIngestRuntimeRequirements,
} from './project/requirements.ts';
export {
  PROJECT_SETUP_STEPS,
  type ProjectSetupStep,
  readCompletedSetupSteps,
  recordSetupStep,
} from './project/setup-progress.ts';
export type { PythonChoice } from './python/python-choice.ts';
export type { InstalledKtxRuntimeManifest } from './runtime/manifest.ts';
export { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from './runtime/status.ts';
export type {
  ManagedPythonRuntimeInstallOptions,
  ManagedPythonRuntimeInstallResult,
} from './setup/request/install-types.ts';
export type { SetupOptions } from './setup/request/setup-options.ts';
export { runSetup } from './setup/setup.ts';
export { CancelledError, type FailureClass, KtxExpectedError, SetupError } from './support/errors.ts';
export type { ManagedUvFetchArtifact } from './uv/acquire.ts';
