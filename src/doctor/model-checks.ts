import type { CodexAuthProbeResult } from '../models/codex/auth-probe.ts';
import type { CodexFailureKind } from '../models/codex/failure-kind.ts';
import type { LlmConfig } from '../models/project/llm-config.ts';
import { formatCount } from '../support/text/format.ts';
import { type Check, fail, type Outcome, pass, skip, unknown, warn } from './checks/check.ts';
import type { CheckContext, Facts } from './checks/context.ts';

/** One probe per run serves all model checks. */
const probes = new WeakMap<Facts, Promise<CodexAuthProbeResult>>();

/** The stages of a probe; each requires the one before. */
const STAGES: readonly { kind: CodexFailureKind; id: string; label: string; why: string; words: string }[] = [
  {
    kind: 'model-id',
    id: 'model-name',
    label: 'Model name',
    why: 'ktx.yaml names the model; a name that no backend knows answers nothing.',
    words: 'a model that Codex knows',
  },
  {
    kind: 'install',
    id: 'model-cli',
    label: 'Codex CLI',
    why: 'The model is asked through the Codex CLI, an optional package.',
    words: 'installed, and it starts',
  },
  {
    kind: 'network',
    id: 'model-network',
    label: 'Model service',
    why: 'Every question goes to the service of the model.',
    words: 'it answers',
  },
  {
    kind: 'auth',
    id: 'model-login',
    label: 'Login',
    why: 'The service answers only those who are logged in.',
    words: 'accepted',
  },
  {
    kind: 'model-access',
    id: 'model-access',
    label: 'Model access',
    why: 'An account may use some models and not others.',
    words: 'this account may use the model',
  },
  {
    kind: 'rate-limit',
    id: 'model-limit',
    label: 'Usage limit',
    why: 'A used-up limit refuses every question until it is reset.',
    words: 'not reached',
  },
];

/** The group *Model*: a project's language model, and its model host. Only on request. */
export const MODEL_CHECKS: readonly Check[] = [
  {
    id: 'model-backend',
    group: 'Model',
    label: 'Language model',
    why: 'ktx.yaml says which language model a project uses.',
    cost: 'models',
    dependsOn: [],
    async run(context) {
      const llm = await configOf(context);
      if (llm === null) return skip('this project names no language model');
      const { backend, models } = llm;
      if (!models.default)
        return fail('llm.models.default is missing in ktx.yaml', [], 'Set llm.models.default in ktx.yaml');
      return pass(`${backend} (${models.default})`);
    },
  },
  ...STAGES.map((stage, position) => stageCheck(stage, STAGES[position - 1]?.id ?? 'model-backend')),
  {
    id: 'model-host',
    group: 'Model',
    label: 'Model host',
    why: 'A model of your own answers only while its host serves it.',
    cost: 'models',
    dependsOn: [],
    timeoutMs: 20_000,
    async run({ target, waitFor }) {
      const [{ readModelHostSettings }, { servedModels }] = await Promise.all([
        import('../hosts/project-files.ts'),
        import('../hosts/health.ts'),
      ]);
      const settings = target.projectDir ? await readModelHostSettings(target.projectDir) : null;
      if (settings === null) return skip('this project has no model host');
      waitFor(`asking ${settings.baseUrl}`);
      const models = await servedModels(settings.baseUrl, fetch);
      if (models === null)
        return fail(
          `${settings.baseUrl} gives no list of models`,
          [],
          `ssh ${settings.user}@${settings.host}`,
        );
      if (models.length === 0) return warn(`${settings.baseUrl} answers and serves no model`);
      return pass(`${formatCount(models.length, 'model')}: ${models.slice(0, 5).join(', ')}`);
    },
  },
];

function stageCheck({ kind, id, label, why, words }: (typeof STAGES)[number], previous: string): Check {
  return {
    id,
    group: 'Model',
    label,
    why,
    cost: 'models',
    dependsOn: [previous],
    timeoutMs: 90_000,
    async run(context) {
      const llm = await configOf(context);
      const model = llm?.models.default;
      if (llm?.backend !== 'codex' || !model) return skip('only the codex backend is asked');
      return judged(await probe(context, model), kind, words);
    },
  };
}

/** A probe stops at the first failure: earlier stages passed, later ones are unknown. */
function judged(result: CodexAuthProbeResult, kind: CodexFailureKind, words: string): Outcome {
  if (result.ok) return pass(words);
  if (result.kind === kind) return fail(result.message, [], result.fix);
  const order = STAGES.map((stage) => stage.kind);
  return order.indexOf(result.kind) > order.indexOf(kind) ? pass(words) : unknown('an earlier check failed');
}

async function configOf({ target }: CheckContext): Promise<LlmConfig | null> {
  if (target.projectDir === undefined) return null;
  const llm = await readLlmConfig(target.projectDir);
  return llm.backend === null || llm.backend === 'none' ? null : llm;
}

async function probe({ target, facts, waitFor }: CheckContext, model: string): Promise<CodexAuthProbeResult> {
  waitFor(`asking ${model} for one word`);
  let running = probes.get(facts);
  if (running === undefined) {
    const { projectDir = '.' } = target;
    running = import('../models/codex/auth-probe.ts').then(({ runCodexAuthProbe }) =>
      runCodexAuthProbe({ projectDir, model }),
    );
    probes.set(facts, running);
  }
  return running;
}

/**
 * Whether a project configures a language model that can be contacted. Never throws: an unreadable file
 * counts as none.
 */
export async function namesModel(projectDir: string): Promise<boolean> {
  try {
    return (await readLlmConfig(projectDir)).backend !== null;
  } catch {
    return false;
  }
}

/** Imported on demand: the YAML parser is a tenth of a command's start-up. */
async function readLlmConfig(projectDir: string): Promise<LlmConfig> {
  const [{ readKtxYamlText }, { parseLlmConfig }] = await Promise.all([
    import('../models/project/ktx-yaml-file.ts'),
    import('../models/project/llm-config.ts'),
  ]);
  return parseLlmConfig(await readKtxYamlText(projectDir));
}
