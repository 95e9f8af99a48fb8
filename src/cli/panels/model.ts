import { join } from 'node:path';
import { CODEX_PRESET, LLM_PROVIDER_OPTIONS } from '../../models/project/codex-setup.ts';
import { editKtxYaml, readKtxYamlText } from '../../models/project/ktx-yaml-file.ts';
import { codexConfigEdits, parseLlmConfig } from '../../models/project/llm-config.ts';
import { throwIfCancelled } from '../../support/errors.ts';
import type { PanelContext } from '../../wizard/functions.ts';
import type { ModelAnswer, ModelChoice, ModelEffect, ProbeResult } from '../../wizard/panels/model-panel.ts';
import type { PanelPlace } from './place.ts';

/** The backend that ktx calls itself; the others are called by the program that embeds ktx. */
const PROBED = 'codex';

/** @throws SetupError when `ktx.yaml` cannot be read or edited; CancelledError. */
export async function runModelEffect(
  effect: ModelEffect,
  { setup: { signal } }: PanelContext,
  { projectDir }: PanelPlace,
): Promise<ModelAnswer> {
  switch (effect.type) {
    case 'read-model': {
      const { backend, models } = parseLlmConfig(await readKtxYamlText(projectDir));
      return {
        type: 'model-read',
        facts: {
          path: join(projectDir, 'ktx.yaml'),
          backend,
          model: models.default ?? null,
          backends: LLM_PROVIDER_OPTIONS.filter(({ value }) => value !== 'back').map(({ value, label }) => ({
            id: value,
            label,
            presetModel: value === PROBED ? CODEX_PRESET.default : '',
            isProbed: value === PROBED,
          })),
        },
      };
    }
    case 'probe-model':
      return { type: 'model-probed', result: await probe(effect, projectDir, signal) };
    case 'write-model':
      await editKtxYaml(projectDir, editsOf(effect));
      return {
        type: 'model-written',
        lines: [
          `${effect.backend} (${effect.model}), in ${join(projectDir, 'ktx.yaml')}`,
          ...(await warningsOf(effect)),
        ],
      };
  }
}

async function probe(
  chosen: ModelChoice,
  projectDir: string,
  signal: AbortSignal | undefined,
): Promise<ProbeResult> {
  const edits = editsOf(chosen).map(({ path, value }) => `${path.join('.')}: ${value}`);
  if (chosen.backend !== PROBED) {
    const lines = ['This backend is not asked now: it is when the project is used.'];
    return { isOk: true, lines, edits };
  }
  const { runCodexAuthProbe } = await import('../../models/codex/auth-probe.ts');
  const result = await runCodexAuthProbe({ projectDir, model: chosen.model, ...(signal && { signal }) });
  throwIfCancelled(signal);
  return result.ok
    ? { isOk: true, lines: [`${chosen.model} answered.`], edits }
    : { isOk: false, lines: [result.message], edits };
}

/** One model for all roles; other backends only get the fields that name them. */
function editsOf({ backend, model }: ModelChoice) {
  if (backend !== PROBED) {
    return [
      { path: ['llm', 'provider', 'backend'], value: backend },
      { path: ['llm', 'models', 'default'], value: model },
    ];
  }
  const models = Object.fromEntries(Object.keys(CODEX_PRESET).map((role) => [role, model]));
  return codexConfigEdits(models as typeof CODEX_PRESET);
}

async function warningsOf({ backend }: ModelChoice): Promise<string[]> {
  if (backend !== PROBED) return [];
  const { formatCodexIsolationWarning } = await import('../../models/codex/isolation.ts');
  return [formatCodexIsolationWarning()];
}
