import { describe, expect, it } from 'vitest';
import {
  codexModelForRole,
  DEFAULT_CODEX_MODEL,
  resolveCodexModel,
} from '../../src/models/codex/model-ids.ts';
import { KTX_MODEL_ROLES, RuntimeAgentRunner } from '../../src/models/port/runtime-port.ts';

describe('1. model ids', () => {
  it.each([
    ['codex', 'gpt-5.5'],
    ['default', 'gpt-5.5'],
    ['  codex\n', 'gpt-5.5'],
    ['gpt-5.5', 'gpt-5.5'],
    [' gpt-5.5 ', 'gpt-5.5'],
    ['GPT-5', 'GPT-5'],
    ['codex-mini-latest', 'codex-mini-latest'],
    ['Codex-1_x.y', 'Codex-1_x.y'],
    ['gpt-4o', 'gpt-4o'],
  ])('%j is %s', (given, expected) => expect(resolveCodexModel(given)).toBe(expected));

  it.each([
    '',
    '   ',
    'sonnet',
    'claude-sonnet-4-6',
    'gpt',
    'gpt-',
    'gpt--5',
    'gpt-.5',
    'gpt-5 5',
    'gpt-5;rm',
    'gpt-5\nx',
    'my-gpt-5',
    'Codex',
    'o3',
    'gpt-é',
  ])('%j is refused', (given) => {
    expect(() => resolveCodexModel(given)).toThrow(
      `Unsupported Codex model "${given}". Use codex, default, or a gpt-* / codex-* model id.`,
    );
  });

  it('a role uses its own slot, or the default', () => {
    const slots = { default: 'codex', triage: 'gpt-5-mini' };
    expect(codexModelForRole(slots, 'triage')).toBe('gpt-5-mini');
    expect(codexModelForRole(slots, 'repair')).toBe(DEFAULT_CODEX_MODEL);
  });
});

describe('the port', () => {
  it('has six roles in their order', () => {
    expect(KTX_MODEL_ROLES).toEqual([
      'default',
      'triage',
      'candidateExtraction',
      'curator',
      'reconcile',
      'repair',
    ]);
  });

  it('an agent runner passes everything on unchanged', async () => {
    const given: unknown[] = [];
    const result = { stopReason: 'natural' as const };
    const runner = new RuntimeAgentRunner({
      runAgentLoop: async (params) => {
        given.push(params);
        return result;
      },
    });
    const params = { modelRole: 'default' } as never;
    expect(await runner.runLoop(params)).toBe(result);
    expect(given[0]).toBe(params);
  });
});
