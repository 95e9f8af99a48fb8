import type { KtxModelRole } from '../port/runtime-port.ts';

export const DEFAULT_CODEX_MODEL = 'gpt-5.5';

const ALIASES = ['codex', 'default'];
const MODEL_ID = /^(?:gpt|codex)-[a-z0-9][a-z0-9._-]*$/i;

/** A model id that is neither an alias nor `gpt-*` or `codex-*`. Thrown before any process starts. */
export class UnsupportedCodexModelError extends Error {
  constructor(model: string) {
    super(`Unsupported Codex model "${model}". Use codex, default, or a gpt-* / codex-* model id.`);
    this.name = 'UnsupportedCodexModelError';
  }
}

/**
 * The model id to pass to Codex: `codex` and `default` stand for `DEFAULT_CODEX_MODEL`; others are only
 * trimmed.
 * @throws UnsupportedCodexModelError
 */
export function resolveCodexModel(model: string): string {
  const trimmed = model.trim();
  if (ALIASES.includes(trimmed)) return DEFAULT_CODEX_MODEL;
  if (MODEL_ID.test(trimmed)) return trimmed;
  throw new UnsupportedCodexModelError(model);
}

/** A model for each role that needs its own, and `default` for the rest. */
export type CodexModelSlots = { default: string } & Partial<Record<string, string>>;

/** @throws UnsupportedCodexModelError */
export function codexModelForRole(slots: CodexModelSlots, role: KtxModelRole): string {
  return resolveCodexModel(slots[role] ?? slots.default);
}
