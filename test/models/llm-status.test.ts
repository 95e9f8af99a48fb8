import { describe, expect, it } from 'vitest';
import { CODEX_ISOLATION_WARNING, CODEX_ISOLATION_WARNING_FIX } from '../../src/models/codex/isolation.ts';
import { type LlmConfig, parseLlmConfig } from '../../src/models/project/llm-config.ts';
import { checkLlmStatus, type LlmStatusInput } from '../../src/models/project/llm-status.ts';

const WARNING = { message: CODEX_ISOLATION_WARNING, fix: CODEX_ISOLATION_WARNING_FIX };
const codex: LlmConfig = { backend: 'codex', models: { default: 'gpt-5.5' } };

async function rowOf(llm: LlmConfig, more: Partial<LlmStatusInput> = {}) {
  const log: string[] = [];
  const row = await checkLlmStatus({
    projectDir: '/project',
    llm,
    spinner: { start: (text) => log.push(text), stop: () => log.push('stop') },
    probe: async ({ model }) => {
      log.push(`probe ${model}`);
      return { ok: true };
    },
    ...more,
  });
  return { row, log };
}

describe('21. the row of the language model', () => {
  it('ok, with the isolation notice as a warning', async () => {
    const { row, log } = await rowOf(codex);
    expect(row).toEqual({
      status: 'ok',
      detail: 'local Codex session authenticated',
      warnings: [WARNING],
    });
    expect(log).toEqual(['Probing Codex authentication', 'probe gpt-5.5', 'stop']);
  });

  it('a failure has the message and the fix of the probe', async () => {
    const probe = async () => ({ ok: false, kind: 'auth', message: 'not usable', fix: 'log in' }) as const;
    const { row } = await rowOf(codex, { probe });
    expect(row).toEqual({ status: 'fail', detail: 'not usable', fix: 'log in', warnings: [WARNING] });
  });

  it('--fast: skipped, nothing is probed', async () => {
    const { row, log } = await rowOf(codex, { isFast: true });
    expect(row).toMatchObject({ status: 'skipped', detail: 'auth probe skipped (--fast)' });
    expect(row.warnings).toEqual([WARNING]);
    expect(log).toEqual([]);
  });

  it.each(['codex', 'claude-code', 'anthropic', 'vertex', 'something-new'])(
    'a missing default model fails for %s, also with --fast',
    async (backend) => {
      for (const isFast of [false, true]) {
        const { row, log } = await rowOf({ backend, models: { triage: 'x' } }, { isFast });
        expect(row).toMatchObject({
          status: 'fail',
          detail: 'llm.models.default is missing',
          fix: 'Set llm.models.default in ktx.yaml, or rerun `ktx setup`.',
        });
        expect(log).toEqual([]);
      }
    },
  );

  it.each([null, 'none'])('backend %s needs no model', async (backend) => {
    const { row } = await rowOf({ backend, models: {} });
    expect(row).toMatchObject({ status: 'skipped', warnings: [] });
  });

  it('another backend is not probed', async () => {
    const { row, log } = await rowOf({ backend: 'anthropic', models: { default: 'claude-x' } });
    expect(row).toEqual({
      status: 'skipped',
      detail: 'anthropic (claude-x) is not probed',
      warnings: [],
    });
    expect(log).toEqual([]);
  });
});

describe('what ktx.yaml says of the language model', () => {
  it.each<[string, LlmConfig]>([
    ['', { backend: null, models: {} }],
    ['llm:\n', { backend: null, models: {} }],
    ['llm: {provider: {backend: " codex "}, models: {default: gpt-5.5, other: x}}', codex],
    ['llm: {provider: ~, models: {default: "", triage: ~}}', { backend: null, models: {} }],
  ])('%j', (text, expected) => expect(parseLlmConfig(text)).toEqual(expected));

  it.each([
    ['llm: [1]', /ktx\.yaml cannot be read: llm:/],
    ['llm: {models: {default: 5}}', /llm\.models\.default:/],
    ['llm: {\n', /not valid YAML/],
  ])('%j is refused', (text, message) => expect(() => parseLlmConfig(text)).toThrow(message));
});
