import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runModelEffect } from '../../../src/cli/panels/model.ts';
import { formatCodexIsolationWarning } from '../../../src/models/codex/isolation.ts';
import { CODEX_PRESET } from '../../../src/models/project/codex-setup.ts';
import type { ModelEffect } from '../../../src/wizard/panels/model-panel.ts';

const fake = vi.hoisted(() => ({ probe: vi.fn() }));
vi.mock('../../../src/models/codex/auth-probe.ts', () => ({ runCodexAuthProbe: fake.probe }));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-model-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (effect: ModelEffect, signal?: AbortSignal) =>
  runModelEffect(
    effect,
    {
      setup: { cliVersion: '0.3.0', features: ['core'], ...(signal && { signal }) },
      tell: () => {},
      lendTerminal: (work) => work(),
    },
    { projectDir: folder, cwd: folder },
  );

const YAML = `# ours
llm:
  provider: # the old one
    backend: vertex
    region: europe
  promptCaching: true # kept
`;

it('reads what the project names, and suggests a model for the backend that is asked live', async () => {
  await writeFile(join(folder, 'ktx.yaml'), YAML);
  const answer = await run({ type: 'read-model' });
  expect(answer).toMatchObject({ facts: { backend: 'vertex', model: null } });
  if (answer.type !== 'model-read') throw new Error(answer.type);
  const { backends } = answer.facts;
  expect(backends.map(({ id }) => id)).toEqual(['claude-code', 'codex', 'anthropic', 'vertex']);
  expect(backends.filter(({ isProbed }) => isProbed).map(({ id }) => id)).toEqual(['codex']);
});

it('writes the names that it said it would, and nothing else', async () => {
  await writeFile(join(folder, 'ktx.yaml'), YAML);
  const chosen = { backend: 'anthropic', model: 'claude-x' };
  const probed = await run({ type: 'probe-model', ...chosen });
  expect(probed).toEqual({
    type: 'model-probed',
    result: {
      isOk: true,
      lines: ['This backend is not asked now: it is when the project is used.'],
      edits: ['llm.provider.backend: anthropic', 'llm.models.default: claude-x'],
    },
  });
  expect(await readFile(join(folder, 'ktx.yaml'), 'utf8')).toBe(YAML);
  await run({ type: 'write-model', ...chosen });
  const text = await readFile(join(folder, 'ktx.yaml'), 'utf8');
  expect(text).toContain('backend: anthropic');
  expect(text).toContain('default: claude-x');
  const others = text.split('\n').filter((line) => !/models:|default:|backend:/.test(line));
  expect(others).toEqual(YAML.split('\n').filter((line) => !line.includes('backend:')));
});

it('gives every role of the backend that is asked live the model', async () => {
  await writeFile(join(folder, 'ktx.yaml'), '');
  await run({ type: 'write-model', backend: 'codex', model: 'gpt-x' });
  const text = await readFile(join(folder, 'ktx.yaml'), 'utf8');
  expect(text).toContain('backend: codex');
  expect(text.match(/gpt-x/g)?.length).toBeGreaterThan(3);
});

describe('the backend that is asked live', () => {
  const probe = (signal?: AbortSignal) =>
    run({ type: 'probe-model', backend: 'codex', model: 'gpt-x' }, signal);
  const edits = expect.arrayContaining(['llm.provider.backend: codex', 'llm.models.default: gpt-x']);

  it.each([
    [{ ok: true }, true, ['gpt-x answered.']],
    [{ ok: false, message: 'Log in first.' }, false, ['Log in first.']],
  ])('answers %j', async (answer, isOk, lines) => {
    fake.probe.mockResolvedValue(answer);
    expect(await probe()).toEqual({ type: 'model-probed', result: { isOk, lines, edits } });
    expect(fake.probe).toHaveBeenLastCalledWith({ projectDir: folder, model: 'gpt-x' });
  });

  it('is told of a cancellation, and then says nothing', async () => {
    fake.probe.mockResolvedValue({ ok: false, message: 'ended' });
    const signal = AbortSignal.abort();
    await expect(probe(signal)).rejects.toThrow('cancelled');
    expect(fake.probe).toHaveBeenLastCalledWith({ projectDir: folder, model: 'gpt-x', signal });
  });

  it('warns of what it shares, which the others do not', async () => {
    await writeFile(join(folder, 'ktx.yaml'), '');
    const write = (backend: string) => run({ type: 'write-model', backend, model: 'm' });
    const place = `in ${join(folder, 'ktx.yaml')}`;
    expect(await write('anthropic')).toEqual({ type: 'model-written', lines: [`anthropic (m), ${place}`] });
    expect(await write('codex')).toEqual({
      type: 'model-written',
      lines: [`codex (m), ${place}`, formatCodexIsolationWarning()],
    });
  });

  it('comes with a model to suggest, and no way back among the backends', async () => {
    const answer = await run({ type: 'read-model' });
    if (answer.type !== 'model-read') throw new Error(answer.type);
    expect(answer.facts.path).toBe(join(folder, 'ktx.yaml'));
    for (const { id, presetModel } of answer.facts.backends)
      expect(presetModel, id).toBe(id === 'codex' ? CODEX_PRESET.default : '');
  });
});
