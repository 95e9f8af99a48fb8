import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { formatCodexIsolationWarning } from '../../src/models/codex/isolation.ts';
import {
  type CodexSetupStepArgs,
  LLM_PROVIDER_OPTIONS,
  LLM_PROVIDER_QUESTION,
  MISSING_LLM_BACKEND,
  runCodexSetupStep,
} from '../../src/models/project/codex-setup.ts';
import * as atomicFile from '../../src/support/fs/atomic-file.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

vi.mock('../../src/support/fs/atomic-file.ts', { spy: true });

const FAILURE = {
  ok: false,
  kind: 'auth',
  message: 'Codex authentication is not usable. x',
  fix: 'x',
} as const;

async function setUp(
  yaml: string | null,
  args: Omit<CodexSetupStepArgs, 'projectDir'> = {},
  failing: string[] = [],
) {
  const projectDir = await temporaryFolder();
  const path = join(projectDir, 'ktx.yaml');
  if (yaml !== null) await writeFile(path, yaml);
  const log: string[] = [];
  const probes: string[] = [];
  const write = (name: string) => ({ write: (text: string) => log.push(`${name}: ${text}`) });
  const result = await runCodexSetupStep(
    { projectDir, ...args },
    {
      io: { stdout: write('stdout'), stderr: write('stderr') },
      progress: {
        start: (text) => log.push(`start: ${text}`),
        succeed: (text) => log.push(`succeed: ${text}`),
        fail: (text) => log.push(`fail: ${text}`),
      },
      recordStep: async (step) => void log.push(`record: ${step}`),
      probe: async ({ model }) => {
        probes.push(model);
        return failing.includes(model) ? FAILURE : { ok: true };
      },
    },
  );
  const after = await readFile(path, 'utf8').catch(() => null);
  return { result, log, probes, after, path };
}

const PRESET_YAML = `llm:
  provider:
    backend: codex
  models:
    default: gpt-5.5
    triage: gpt-5.5
    candidateExtraction: gpt-5.5
    curator: gpt-5.5
    reconcile: gpt-5.5
    repair: gpt-5.5
scan:
  enrichment:
    mode: llm
`;

describe('20. choosing Codex for a project', () => {
  it('the preset: one probe, the file, the step, the notice on stderr', async () => {
    const { result, log, probes, after } = await setUp('');
    expect(result).toEqual({ status: 'ready' });
    expect(probes).toEqual(['gpt-5.5']);
    expect(after).toBe(PRESET_YAML);
    expect(log).toEqual([
      'start: Checking Codex LLM (gpt-5.5).',
      'succeed: LLM test passed (Codex, gpt-5.5)',
      'record: llm',
      `stderr: │  ${formatCodexIsolationWarning()}\n`,
      'stdout: │  LLM ready: yes (codex, gpt-5.5)\n',
    ]);
  });

  it('a project without a ktx.yaml gets one', async () => {
    expect((await setUp(null)).after).toBe(PRESET_YAML);
  });

  it('keeps promptCaching, comments and other keys', async () => {
    const { after } = await setUp(
      '# mine\nllm:\n  promptCaching: true # keep\n  provider: { backend: none, promptCaching: { ttl: 5m } }\nconnections: {}\n',
      { isForced: true },
    );
    expect(after).toContain('# mine\nllm:\n  promptCaching: true # keep\n');
    expect(after).toContain('  provider: { backend: codex, promptCaching: { ttl: 5m } }\n');
    expect(after).toContain('connections: {}\n');
  });

  it('the default model fails: its message on stderr, nothing written, nothing recorded', async () => {
    const { result, log, after } = await setUp('project: demo\n', {}, ['gpt-5.5']);
    expect(result).toEqual({ status: 'failed' });
    expect(after).toBe('project: demo\n');
    expect(log).toEqual([
      'start: Checking Codex LLM (gpt-5.5).',
      'fail: LLM test failed',
      `stderr: ${FAILURE.message}\n`,
    ]);
  });

  it('another model fails: its roles fall back; each model is probed once, the default first', async () => {
    const models = { triage: 'gpt-5-mini', curator: 'gpt-5-pro', repair: 'gpt-5-mini' };
    const { result, log, probes, after } = await setUp('', { models }, ['gpt-5-mini']);
    expect(result).toEqual({ status: 'ready' });
    expect(probes).toEqual(['gpt-5.5', 'gpt-5-mini', 'gpt-5-pro']);
    expect(log).toContain(
      'stderr: LLM model gpt-5-mini is unavailable for triage, repair; using gpt-5.5 for those roles.\n',
    );
    expect(after).toBe(PRESET_YAML.replace('curator: gpt-5.5', 'curator: gpt-5-pro'));
  });

  it('the default model is probed first also when another role comes before it', async () => {
    const { probes } = await setUp('', { models: { default: 'gpt-6', triage: 'gpt-5.5' } });
    expect(probes[0]).toBe('gpt-6');
  });

  it('already configured and nothing forced: no probe, the file untouched', async () => {
    const yaml = 'llm:\n  provider: {backend: codex}\n  models: {default: gpt-5.4}\n';
    const { result, log, probes, after } = await setUp(yaml);
    expect(result).toEqual({ status: 'ready' });
    expect([probes, after]).toEqual([[], yaml]);
    expect(log).toEqual(['stdout: │  LLM ready: yes (gpt-5.4)\n']);
  });

  it('what went wrong with a file is one line where nothing more is known', async () => {
    const write = vi.spyOn(atomicFile, 'writeFileAtomic').mockRejectedValue(new Error('EROFS: no'));
    onTestFinished(() => write.mockRestore());
    const { result, log } = await setUp('');
    expect(result).toEqual({ status: 'failed' });
    expect(log.at(-1)).toBe('stderr: EROFS: no\n');
  });

  it('a file that cannot be edited fails the step and stays as it is', async () => {
    const yaml = 'llm: &l\n  provider:\n    backend: none\nother: *l\n';
    const { result, log, after } = await setUp(yaml);
    expect(result).toEqual({ status: 'failed' });
    expect(after).toBe(yaml);
    expect(log.at(-1)).toMatch(/^stderr: ktx\.yaml cannot be edited: llm\.provider\.backend .* at line 3/);
    expect(log.join()).not.toContain('record');
  });

  it.each([
    ['not UTF-8', Buffer.from([0x61, 0x3a, 0x20, 0xff, 0x0a]), /not UTF-8/],
    ['too large', Buffer.alloc(1024 * 1024 + 1, '#'), /at most 1 MB/],
    ['broken', Buffer.from('a: [\n'), /cannot be read: it is not valid YAML/],
  ])('a file that is %s is refused before anything is probed', async (_name, bytes, message) => {
    const projectDir = await temporaryFolder();
    await writeFile(join(projectDir, 'ktx.yaml'), bytes);
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} } };
    const step = runCodexSetupStep(
      { projectDir },
      { io, recordStep: async () => {}, probe: () => expect.unreachable() },
    );
    await expect(step).rejects.toThrow(message);
    expect(await readFile(join(projectDir, 'ktx.yaml'))).toEqual(bytes);
  });

  it.skipIf(process.platform === 'win32')('a linked file is edited where it is, its mode kept', async () => {
    const elsewhere = join(await temporaryFolder(), 'real.yaml');
    await writeFile(elsewhere, 'project: demo\n');
    await chmod(elsewhere, 0o600);
    const projectDir = await temporaryFolder();
    await symlink(elsewhere, join(projectDir, 'ktx.yaml'));
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} } };
    await runCodexSetupStep(
      { projectDir },
      { io, recordStep: async () => {}, probe: async () => ({ ok: true }) },
    );
    expect(await readFile(elsewhere, 'utf8')).toBe(`project: demo\n${PRESET_YAML}`);
    expect((await stat(elsewhere)).mode & 0o777).toBe(0o600);
  });

  it('the question and its answers', () => {
    expect(LLM_PROVIDER_QUESTION).toBe('Which LLM provider should ktx use?');
    expect(LLM_PROVIDER_OPTIONS.map(({ value, label }) => [value, label])).toEqual([
      ['claude-code', 'Claude subscription (Pro/Max)'],
      ['codex', 'Codex subscription'],
      ['anthropic', 'Anthropic API key'],
      ['vertex', 'Google Vertex AI for Anthropic Claude'],
      ['back', 'Back'],
    ]);
    expect(MISSING_LLM_BACKEND).toMatch(
      /^Missing LLM backend: pass --llm-backend with one of claude-code, codex, anthropic, vertex\. /,
    );
  });

  it('the isolation notice', () => {
    const notice = formatCodexIsolationWarning();
    expect(notice).toMatch(/^Codex backend isolation is limited/);
    for (const fragment of [
      'runtime MCP server to the current ktx tool set',
      'disables Codex web search',
      'may still load user Codex config',
      'built-in command execution',
      'claude-code',
    ]) {
      expect(notice).toContain(fragment);
    }
  });
});
