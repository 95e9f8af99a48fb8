import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runModelEffect } from '../../../src/cli/panels/model.ts';
import type { ModelEffect } from '../../../src/wizard/panels/model-panel.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-model-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (effect: ModelEffect) =>
  runModelEffect(
    effect,
    { setup: { cliVersion: '0.3.0', features: ['core'] }, tell: () => {}, lendTerminal: (work) => work() },
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
  expect(probed).toMatchObject({
    result: { isOk: true, edits: ['llm.provider.backend: anthropic', 'llm.models.default: claude-x'] },
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
