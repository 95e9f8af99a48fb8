/** The library: what other programs import. Names and shapes are a contract; effects take `signal` and `onEvent`. */

export { type KtxRuntimeArgs, type KtxRuntimeDeps, runKtxRuntime } from './cli/commands/runtime-command.ts';
export { configureKtxSetup, type KtxEmbedder } from './core/embedder.ts';
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
export { allocateDaemonPort } from './daemon/http/port.ts';
export {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './daemon/layout.ts';
export { readManagedPythonDaemonToken } from './daemon/secret.ts';
export type { ManagedPythonDaemonState } from './daemon/state.ts';
export {
  type ManagedPythonDaemonStatus,
  type ManagedPythonDaemonStatusOptions,
  readManagedPythonDaemonStatus,
} from './daemon/status.ts';
export {
  type ManagedPythonDaemonStopOptions,
  type ManagedPythonDaemonStopResult,
  stopManagedPythonDaemon,
} from './daemon/stop.ts';
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
  createLazyManagedPythonSemanticLayerComputePort,
  createManagedPythonSemanticLayerComputePort,
  type ManagedPythonSemanticLayerComputeOptions,
} from './embed/compute-port.ts';
export {
  createManagedDaemonHttpJsonRunner,
  createManagedPythonDaemonBaseUrlResolver,
  type ManagedPythonCoreDaemonOptions,
  type ManagedPythonDaemonHttpOptions,
  type ManagedPythonHttpJsonRunner,
  managedDaemonDatabaseIntrospectionOptions,
} from './embed/daemon-http.ts';
export {
  ensureManagedLocalEmbeddingsDaemon,
  LOCAL_EMBEDDINGS_DEFAULTS,
  type ManagedLocalEmbeddingsDaemon,
  type ManagedLocalEmbeddingsOptions,
  managedLocalEmbeddingHealthConfig,
  type TryUseManagedLocalEmbeddingsOptions,
  tryUseManagedLocalEmbeddingsDaemon,
} from './embed/embeddings-daemon.ts';
export { installManagedPythonRuntime } from './embed/install.ts';
export {
  ensureManagedPythonCommandRuntime,
  type KtxManagedPythonInstallPolicy,
  type ManagedPythonCommandOptions,
  type ManagedPythonCommandRuntime,
  managedRuntimeInstallCommand,
  runtimeInstallPolicyFromFlags,
  setupInstallPolicy,
} from './embed/install-policy.ts';
export type { KtxCliIo } from './embed/io.ts';
export {
  createPythonSemanticLayerComputePort,
  type KtxSemanticLayerComputePort,
} from './embed/python-compute.ts';
export {
  type KtxSetupRuntimeArgs,
  type KtxSetupRuntimeDeps,
  type KtxSetupRuntimeResult,
  runKtxSetupRuntimeStep,
} from './embed/setup-runtime-step.ts';
export {
  ManagedPythonDaemonStartError,
  type ManagedPythonDaemonStartOptions,
} from './embed/spawn-daemon.ts';
export {
  createManagedDaemonLookerTableIdentifierParser,
  createManagedDaemonSqlAnalysisPort,
  type LookerParsedIdentifier,
  type LookerTableIdentifierParser,
  type SqlAnalysisBatchResult,
  type SqlAnalysisPort,
} from './embed/sql-analysis-port.ts';
export {
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
  type KtxProjectRuntimeRequirementOptions,
  type KtxPublicIngestPlan,
  type KtxPublicIngestRuntimeRequirementOptions,
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
export {
  CancelledError,
  type FailureClass,
  isKtxExpectedError,
  KtxExpectedError,
  SetupError,
} from './support/errors.ts';
export type { ManagedUvFetchArtifact } from './uv/acquire.ts';
