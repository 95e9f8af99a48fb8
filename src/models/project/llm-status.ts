import { runCodexAuthProbe } from '../codex/auth-probe.ts';
import { CODEX_ISOLATION_WARNING, CODEX_ISOLATION_WARNING_FIX } from '../codex/isolation.ts';
import type { LlmConfig } from './llm-config.ts';

export interface LlmStatusRow {
  /** `skipped`: no probe was made, or there is nothing to probe. */
  status: 'ok' | 'fail' | 'skipped';
  detail: string;
  fix?: string;
  warnings: { message: string; fix: string }[];
}

export interface LlmStatusInput {
  projectDir: string;
  llm: LlmConfig;
  /** `--fast`: do not probe. */
  isFast?: boolean;
  spinner?: { start(text: string): void; stop(): void };
  probe?: typeof runCodexAuthProbe;
}

/** The language model's row in `ktx status` and the doctor. Only the codex backend is probed. */
export async function checkLlmStatus(input: LlmStatusInput): Promise<LlmStatusRow> {
  const { backend, models } = input.llm;
  const warnings =
    backend === 'codex' ? [{ message: CODEX_ISOLATION_WARNING, fix: CODEX_ISOLATION_WARNING_FIX }] : [];
  if (backend === null || backend === 'none') {
    return { status: 'skipped', detail: 'no LLM backend configured', warnings };
  }
  if (!models.default) {
    const fix = 'Set llm.models.default in ktx.yaml, or rerun `ktx setup`.';
    return { status: 'fail', detail: 'llm.models.default is missing', fix, warnings };
  }
  if (backend !== 'codex') {
    return { status: 'skipped', detail: `${backend} (${models.default}) is not probed`, warnings };
  }
  if (input.isFast) return { status: 'skipped', detail: 'auth probe skipped (--fast)', warnings };
  return { ...(await probedRow(input, models.default)), warnings };
}

async function probedRow(
  { projectDir, spinner, probe = runCodexAuthProbe }: LlmStatusInput,
  model: string,
): Promise<Omit<LlmStatusRow, 'warnings'>> {
  spinner?.start('Probing Codex authentication');
  try {
    const result = await probe({ projectDir, model });
    if (result.ok) return { status: 'ok', detail: 'local Codex session authenticated' };
    return { status: 'fail', detail: result.message, fix: result.fix };
  } finally {
    spinner?.stop();
  }
}
