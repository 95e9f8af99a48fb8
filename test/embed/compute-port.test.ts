import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import {
  createLazyManagedPythonSemanticLayerComputePort,
  createManagedPythonSemanticLayerComputePort,
} from '../../src/embed/compute-port.ts';
import {
  createPythonSemanticLayerComputePort,
  type KtxSemanticLayerComputePort,
} from '../../src/embed/python-compute.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const cliVersion = '0.3.0';

async function machine() {
  const manifest = await writeRuntime(await temporaryFolder(), cliVersion);
  const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot: '/r' });
  const port = { query: vi.fn(async () => 'answer') } as unknown as KtxSemanticLayerComputePort;
  const createPythonCompute = vi.fn((_options: { command: string; args: string[] }) => port);
  const readStatus = vi.fn(async () => ({ kind: 'ready' as const, detail: '', layout, manifest }));
  const options = {
    cliVersion,
    installPolicy: 'never' as const,
    io: capturedIo().io,
    projectDir: '/project',
    feature: 'local-embeddings' as const,
    readStatus,
    createPythonCompute,
  };
  return { manifest, port, createPythonCompute, readStatus, options };
}

const question = { sources: [], query: {}, dialect: 'postgres' };

describe('the port of the managed runtime', () => {
  it('runs the daemon of the installed runtime, always for the feature core', async () => {
    const { options, port, createPythonCompute, manifest } = await machine();
    expect(await createManagedPythonSemanticLayerComputePort(options)).toBe(port);
    const command = manifest.python.daemonExecutable;
    expect(createPythonCompute.mock.calls).toEqual([[{ command, args: [] }]]);
  });

  it('is installed first with the parts of the caller', async () => {
    const { options, manifest, readStatus } = await machine();
    const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot: '/r' });
    readStatus.mockResolvedValue({ kind: 'missing', detail: '', layout } as never);
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const parts = {
      installRuntime: vi.fn(async () => ({ layout, manifest })),
      confirmInstall: vi.fn(() => true),
      spinner: () => ({ start: say, message: say, stop: say, error: say }),
    };
    await createManagedPythonSemanticLayerComputePort({ ...options, ...parts, installPolicy: 'prompt' });
    expect(parts.confirmInstall).toHaveBeenCalledOnce();
    expect(parts.installRuntime).toHaveBeenCalledWith({ cliVersion, features: ['core'], force: false });
    expect(said[0]).toBe('Installing ktx Python runtime (core) with uv...');
  });

  it('touches nothing until it is used, shares one attempt, keeps a success and retries a failure', async () => {
    const { options, readStatus, createPythonCompute } = await machine();
    const lazy = createLazyManagedPythonSemanticLayerComputePort(options);
    expect(readStatus).not.toHaveBeenCalled();
    readStatus.mockRejectedValueOnce(new Error('offline'));
    const failed = await Promise.allSettled([lazy.query(question), lazy.query(question)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(readStatus).toHaveBeenCalledTimes(1);
    expect(await Promise.all([lazy.query(question), lazy.query(question)])).toEqual(['answer', 'answer']);
    await lazy.query(question);
    expect(readStatus).toHaveBeenCalledTimes(2);
    expect(createPythonCompute).toHaveBeenCalledTimes(1);
  });
});

describe('a port that runs one process a call', () => {
  /** An executable that runs the script, with the one-shot's name in `$1` and its input on stdin. */
  async function daemon(script: string) {
    const command = join(await temporaryFolder(), 'ktx-daemon');
    await writeFile(command, `#!/bin/sh\n${script}\n`);
    await chmod(command, 0o755);
    return createPythonSemanticLayerComputePort({ command, args: [] });
  }

  it('sends the payload of each one-shot', async () => {
    const file = join(await temporaryFolder(), 'asked');
    const port = await daemon(`echo "$1" >> '${file}'; cat >> '${file}'; echo '{}'`);
    await port.query({ sources: [{ name: 'orders' }], query: { measures: ['m'] }, dialect: 'bigquery' });
    await port.validateSources({ sources: [], dialect: 'postgres', recentlyTouched: ['orders'] });
    await port.generateSources({
      tables: [{ name: 'orders', db: null, columns: [{ name: 'id', type: 'int', primaryKey: true }] }],
      links: [
        { fromTable: 'a', fromColumn: 'b', toTable: 'c', toColumn: 'd', relationshipType: 'many_to_one' },
      ],
    });
    const { readFile } = await import('node:fs/promises');
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines.filter((_, position) => position % 2 === 0)).toEqual([
      'semantic-query',
      'semantic-validate',
      'semantic-generate-sources',
    ]);
    expect(lines.filter((_, position) => position % 2 === 1).map((line) => JSON.parse(line))).toEqual([
      { sources: [{ name: 'orders' }], dialect: 'bigquery', query: { measures: ['m'] } },
      { sources: [], dialect: 'postgres', recently_touched: ['orders'] },
      {
        tables: [{ name: 'orders', db: null, columns: [{ name: 'id', type: 'int', primary_key: true }] }],
        links: [
          {
            from_table: 'a',
            from_column: 'b',
            to_table: 'c',
            to_column: 'd',
            relationship_type: 'many_to_one',
          },
        ],
        dialect: 'postgres',
      },
    ]);
  });

  it('reads what is there and gives defaults for what is not', async () => {
    const full = await daemon(
      `case "$1" in
        semantic-query) echo '{"sql":"select 1","dialect":"duckdb","columns":[{"a":1},2],"plan":{"p":1}}';;
        semantic-validate) echo '{"valid":true,"errors":["e",1],"warnings":["w"],"per_source_warnings":{"s":["x"]}}';;
        *) echo '{"sources":[{"s":1},null],"source_count":7}';;
      esac`,
    );
    expect(await full.query(question)).toEqual({
      sql: 'select 1',
      dialect: 'duckdb',
      columns: [{ a: 1 }],
      plan: { p: 1 },
    });
    expect(await full.validateSources({ sources: [], dialect: '' })).toEqual({
      valid: true,
      errors: ['e'],
      warnings: ['w'],
      perSourceWarnings: { s: ['x'] },
    });
    expect(await full.generateSources({ tables: [], links: [] })).toEqual({
      sources: [{ s: 1 }],
      sourceCount: 7,
    });
    const empty = await daemon(`echo '{"valid":1,"plan":[]}'`);
    expect(await empty.query(question)).toEqual({ sql: '', dialect: 'postgres', columns: [], plan: {} });
    expect((await empty.validateSources({ sources: [], dialect: '' })).valid).toBe(false);
    expect(await empty.generateSources({ tables: [], links: [] })).toEqual({ sources: [], sourceCount: 0 });
  });

  it('rejects with stderr, or the exit code, and for an answer that is no object', async () => {
    const query = async (script: string) => (await daemon(script)).query(question);
    await expect(query('echo " no such measure " >&2; exit 1')).rejects.toThrow(
      /^ktx-daemon semantic-query failed: no such measure$/,
    );
    await expect(query('exit 3')).rejects.toThrow(/^ktx-daemon semantic-query failed: exit code 3$/);
    await expect(query('echo "[]"')).rejects.toThrow(/^ktx-daemon semantic-query returned non-object JSON$/);
    const absent = createPythonSemanticLayerComputePort({ command: '/nowhere/ktx-daemon', args: [] });
    await expect(absent.query(question)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('survives a child that ends without reading its input', async () => {
    const port = await daemon('exec 0<&-; echo gone >&2; exit 1');
    const sources = Array.from({ length: 20_000 }, (_, id) => ({
      name: `source_${id}`,
      text: 'x'.repeat(50),
    }));
    await expect(port.query({ ...question, sources })).rejects.toThrow('gone');
  });
});
