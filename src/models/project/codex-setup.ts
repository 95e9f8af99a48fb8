import { errorMessage, SetupError } from '../../support/errors.ts';
import { harmlessText } from '../../support/harmless.ts';
import { type CodexAuthProbeResult, runCodexAuthProbe } from '../codex/auth-probe.ts';
import { formatCodexIsolationWarning } from '../codex/isolation.ts';
import { DEFAULT_CODEX_MODEL } from '../codex/model-ids.ts';
import { KTX_MODEL_ROLES, type KtxModelRole } from '../port/runtime-port.ts';
import { editKtxYaml, readKtxYamlText } from './ktx-yaml-file.ts';
import { codexConfigEdits, parseLlmConfig } from './llm-config.ts';

export const LLM_PROVIDER_QUESTION = 'Which LLM provider should ktx use?';

/** The answers, in order. `--llm-backend <value>` skips the question. */
export const LLM_PROVIDER_OPTIONS = [
  { value: 'claude-code', label: 'Claude subscription (Pro/Max)' },
  { value: 'codex', label: 'Codex subscription' },
  { value: 'anthropic', label: 'Anthropic API key' },
  { value: 'vertex', label: 'Google Vertex AI for Anthropic Claude' },
  { value: 'back', label: 'Back' },
] as const;

/** Shown with the status `missing-input` when no backend is given and prompting is not possible. */
export const MISSING_LLM_BACKEND =
  'Missing LLM backend: pass --llm-backend with one of claude-code, codex, anthropic, vertex. ' +
  'Or run `ktx setup` in a terminal to choose one.';

type CodexModels = Record<KtxModelRole, string>;

/** One model for all roles. */
export const CODEX_PRESET = Object.fromEntries(
  KTX_MODEL_ROLES.map((role) => [role, DEFAULT_CODEX_MODEL]),
) as CodexModels;

export interface CodexSetupStepArgs {
  projectDir: string;
  /** Overrides of the preset. */
  models?: Partial<CodexModels>;
  /** Probe and write even if a model is already configured. */
  isForced?: boolean;
}

export interface CodexSetupStepDeps {
  io: { stdout: { write(text: string): unknown }; stderr: { write(text: string): unknown } };
  /** Marks the step `llm` of the project's setup as completed. */
  recordStep: (step: 'llm') => Promise<void>;
  progress?: { start(text: string): void; succeed(text: string): void; fail(text: string): void };
  probe?: typeof runCodexAuthProbe;
}

export interface CodexSetupStepResult {
  status: 'ready' | 'failed';
}

/**
 * Probes each model once, the default first, and writes the choice to `ktx.yaml`. If the default model fails,
 * nothing is written; roles whose own model fails fall back to the default. Never prompts.
 * @throws SetupError when `ktx.yaml` cannot be read
 */
export async function runCodexSetupStep(
  args: CodexSetupStepArgs,
  deps: CodexSetupStepDeps,
): Promise<CodexSetupStepResult> {
  const { projectDir, isForced = false } = args;
  const { io } = deps;
  const configured = parseLlmConfig(await readKtxYamlText(projectDir));
  if (configured.backend !== null && configured.models.default && !isForced) {
    io.stdout.write(`│  LLM ready: yes (${harmlessText(configured.models.default)})\n`);
    return { status: 'ready' };
  }
  const models: CodexModels = { ...CODEX_PRESET, ...args.models };
  const usable = await usableModels(models, projectDir, deps);
  if (usable === null) return { status: 'failed' };
  try {
    await editKtxYaml(projectDir, codexConfigEdits(usable));
  } catch (error) {
    const lines = error instanceof SetupError ? [error.message, ...error.nextSteps] : [errorMessage(error)];
    io.stderr.write(`${harmlessText(lines.join('\n'))}\n`);
    return { status: 'failed' };
  }
  await deps.recordStep('llm');
  io.stderr.write(`│  ${formatCodexIsolationWarning()}\n`);
  io.stdout.write(`│  LLM ready: yes (codex, ${usable.default})\n`);
  return { status: 'ready' };
}

/** The models with failed ones replaced by the default; `null` when the default itself failed. */
async function usableModels(
  models: CodexModels,
  projectDir: string,
  deps: CodexSetupStepDeps,
): Promise<CodexModels | null> {
  const { stderr } = deps.io;
  const usable = { ...models };
  for (const model of new Set(KTX_MODEL_ROLES.map((role) => models[role]))) {
    const result = await probed(model, projectDir, deps);
    if (result.ok) continue;
    if (model === models.default) {
      stderr.write(`${harmlessText(result.message)}\n`);
      return null;
    }
    const roles = KTX_MODEL_ROLES.filter((role) => models[role] === model);
    for (const role of roles) usable[role] = models.default;
    stderr.write(
      `LLM model ${harmlessText(model)} is unavailable for ${roles.join(', ')}; using ${models.default} for those roles.\n`,
    );
  }
  return usable;
}

async function probed(
  model: string,
  projectDir: string,
  { progress, probe = runCodexAuthProbe }: CodexSetupStepDeps,
): Promise<CodexAuthProbeResult> {
  progress?.start(`Checking Codex LLM (${model}).`);
  const result = await probe({ projectDir, model });
  if (result.ok) progress?.succeed(`LLM test passed (Codex, ${model})`);
  else progress?.fail('LLM test failed');
  return result;
}
