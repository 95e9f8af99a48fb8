import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CodexAuthProbeResult } from '../../src/models/codex/auth-probe.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const probe = vi.hoisted(() => vi.fn());
vi.mock('../../src/models/codex/auth-probe.ts', () => ({ runCodexAuthProbe: probe }));
const { runDoctor } = await import('../../src/doctor/doctor.ts');
const { MODEL_CHECKS, namesModel } = await import('../../src/doctor/model-checks.ts');

const CODEX = 'llm:\n  provider:\n    backend: codex\n  models:\n    default: gpt-5.5\n';

async function project(yaml: string | null): Promise<string> {
  const folder = await temporaryFolder();
  if (yaml !== null) await writeFile(join(folder, 'ktx.yaml'), yaml);
  return folder;
}

async function outcomes(projectDir: string, result?: CodexAuthProbeResult): Promise<Record<string, string>> {
  probe.mockReset().mockResolvedValue(result);
  const target = { cliVersion: '0.3.0', runtimeRoot: join(projectDir, 'root'), projectDir };
  const results = await runDoctor(target, { costs: ['models'], ids: MODEL_CHECKS.map(({ id }) => id) });
  return Object.fromEntries(
    results.filter(({ group }) => group === 'Model').map(({ id, status }) => [id, status]),
  );
}

describe("the project's language model", () => {
  it('that answers passes every check, and is asked once', async () => {
    const found = await outcomes(await project(CODEX), { ok: true });
    expect(found).toMatchObject({ 'model-backend': 'pass', 'model-login': 'pass', 'model-limit': 'pass' });
    expect(probe).toHaveBeenCalledOnce();
  });

  it.each([
    ['model-id', 'model-name'],
    ['install', 'model-cli'],
    ['network', 'model-network'],
    ['auth', 'model-login'],
    ['model-access', 'model-access'],
    ['rate-limit', 'model-limit'],
  ] as const)('a probe that finds %s fails that check alone: what comes before passes', async (kind, id) => {
    const found = await outcomes(await project(CODEX), { ok: false, kind, message: 'm', fix: 'f' });
    const ids = MODEL_CHECKS.map((check) => check.id).filter((name) => name !== 'model-host');
    const position = ids.indexOf(id);
    expect(ids.slice(0, position).map((name) => found[name])).toEqual(Array(position).fill('pass'));
    expect(found[id]).toBe('fail');
    expect(ids.slice(position + 1).map((name) => found[name])).not.toContain('pass');
    expect(ids.slice(position + 1).map((name) => found[name])).not.toContain('fail');
  });

  it('is not asked where the project names none, or another backend', async () => {
    expect(await outcomes(await project(null))).toMatchObject({ 'model-backend': 'skipped' });
    await outcomes(await project('llm:\n  provider:\n    backend: anthropic\n  models:\n    default: x\n'));
    expect(probe).not.toHaveBeenCalled();
  });

  it('without a name is a finding with its fix', async () => {
    const found = await outcomes(await project('llm:\n  provider:\n    backend: codex\n'));
    expect(found['model-backend']).toBe('fail');
  });

  it('is known to be named without being asked', async () => {
    expect(await namesModel(await project(CODEX))).toBe(true);
    expect(await namesModel(await project('a: 1\n'))).toBe(false);
    expect(await namesModel(await project(': : broken'))).toBe(false);
  });
});

describe('the model host', () => {
  async function withHost(body: string): Promise<string> {
    const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const folder = await project(null);
    await mkdir(join(folder, '.ktx', 'setup'), { recursive: true });
    const connection = {
      schemaVersion: 1,
      host: 'models.internal',
      user: 'ktx',
      keyPath: '/keys/id',
      configPath: '/etc/llama-swap.yaml',
      mode: 'wrapper',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    await writeFile(join(folder, '.ktx', 'setup', 'model-host.json'), JSON.stringify(connection));
    return folder;
  }

  it.each([
    ['its models', '{"data":[{"id":"a"},{"id":"b"}]}', 'pass'],
    ['no model', '{"data":[]}', 'warn'],
    ['something else', 'hello', 'fail'],
  ])('that lists %s', async (_name, body, status) => {
    expect(await outcomes(await withHost(body))).toMatchObject({ 'model-host': status });
  });

  it('is skipped where none is saved', async () => {
    expect(await outcomes(await project(null))).toMatchObject({ 'model-host': 'skipped' });
  });
});
