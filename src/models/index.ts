/** Language models: one port, implemented with Codex. Published as `ktx-setup/models`. */

export { type CodexExecSummary, summarizeCodexExecEvents } from './codex/account.ts';
export {
  type CodexAuthProbeInput,
  type CodexAuthProbeResult,
  runCodexAuthProbe,
} from './codex/auth-probe.ts';
export { isCompletedAgentStep, parseCodexExecEventLine } from './codex/events.ts';
export type { CodexFailureKind } from './codex/failure-kind.ts';
export {
  CODEX_ISOLATION_WARNING,
  CODEX_ISOLATION_WARNING_FIX,
  formatCodexIsolationWarning,
} from './codex/isolation.ts';
export { startCodexRuntimeMcpServer } from './codex/mcp-server.ts';
export { createCodexRuntimeMcpServer } from './codex/mcp-tools.ts';
export { DEFAULT_CODEX_MODEL, resolveCodexModel } from './codex/model-ids.ts';
export {
  buildCodexRuntimeConfig,
  type CodexRuntimeConfig,
  type CodexRuntimeMcpServerHandle,
} from './codex/run-config.ts';
export { CodexKtxLlmRuntime, type CodexKtxLlmRuntimeOptions } from './codex/runtime.ts';
export {
  CodexSdkCliRunner,
  type CodexSdkCliRunnerOptions,
  type CodexSdkRunner,
  type CodexSdkRunnerInput,
} from './codex/sdk-runner.ts';
export * from './port/runtime-port.ts';
export {
  CODEX_PRESET,
  type CodexSetupStepArgs,
  type CodexSetupStepDeps,
  type CodexSetupStepResult,
  LLM_PROVIDER_OPTIONS,
  LLM_PROVIDER_QUESTION,
  MISSING_LLM_BACKEND,
  runCodexSetupStep,
} from './project/codex-setup.ts';
export { editYaml, type YamlEdit } from './project/edit-yaml.ts';
export { editKtxYaml, readKtxYamlText } from './project/ktx-yaml-file.ts';
export { codexConfigEdits, type LlmConfig, parseLlmConfig } from './project/llm-config.ts';
export { checkLlmStatus, type LlmStatusInput, type LlmStatusRow } from './project/llm-status.ts';
