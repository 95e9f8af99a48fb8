import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod/mini';
import { errorMessage, SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { parseSchema, schemaProblem } from '../../support/schema.ts';
import { KTX_MODEL_ROLES, type KtxModelRole } from '../port/runtime-port.ts';
import type { YamlEdit } from './edit-yaml.ts';

const optional = <T extends z.core.SomeType>(schema: T) => z.optional(z.nullable(schema));

/** The parts of `ktx.yaml` that select the language model. */
const configSchema = z.object({
  llm: optional(
    z.object({
      provider: optional(z.object({ backend: optional(z.string()) })),
      models: optional(z.record(z.string(), z.nullable(z.string()))),
    }),
  ),
});

export interface LlmConfig {
  /** `codex`, `claude-code`, …; `null` when none is chosen. */
  backend: string | null;
  models: Partial<Record<KtxModelRole, string>>;
}

/**
 * Parses the choice of language model from the text of a `ktx.yaml`. Pure.
 * @throws SetupError that says in one line what is wrong with the file.
 */
export function parseLlmConfig(text: string): LlmConfig {
  try {
    const data: unknown = parse(text, { prettyErrors: false, logLevel: 'error' });
    const { llm } = parseSchema(configSchema, data ?? {});
    const models = KTX_MODEL_ROLES.flatMap((role) => {
      const model = llm?.models?.[role]?.trim();
      return model ? [[role, model] as const] : [];
    });
    return { backend: llm?.provider?.backend?.trim() || null, models: Object.fromEntries(models) };
  } catch (error) {
    const problem = error instanceof YAMLParseError ? `it is not valid YAML (${error.message})` : null;
    throw new SetupError(
      `ktx.yaml cannot be read: ${problem ?? schemaProblem(error) ?? errorMessage(error)}`,
      {
        failureClass: 'conflict',
        cause: error,
        remedies: [otherRemedy('Correct ktx.yaml and run the command again')],
      },
    );
  }
}

/** The changes to `ktx.yaml` for choosing Codex. */
export function codexConfigEdits(models: Readonly<Record<KtxModelRole, string>>): YamlEdit[] {
  return [
    { path: ['llm', 'provider', 'backend'], value: 'codex' },
    ...KTX_MODEL_ROLES.map((role) => ({ path: ['llm', 'models', role], value: models[role] })),
    { path: ['scan', 'enrichment', 'mode'], value: 'llm' },
  ];
}
