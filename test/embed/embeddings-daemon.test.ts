import { describe, expect, it, vi } from 'vitest';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { managedPythonDaemonLayout } from '../../src/daemon/layout.ts';
import type { ManagedPythonDaemonStatus } from '../../src/daemon/status.ts';
import {
  ensureManagedLocalEmbeddingsDaemon,
  LOCAL_EMBEDDINGS_DEFAULTS,
  managedLocalEmbeddingHealthConfig,
  tryUseManagedLocalEmbeddingsDaemon,
} from '../../src/embed/embeddings-daemon.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { daemonState } from '../fixtures/daemon.ts';

const project = { cliVersion: '0.3.0', projectDir: '/p' };
const layout = managedPythonDaemonLayout({ ...project, runtimeRoot: '/r' });
const baseUrl = 'http://127.0.0.1:58731';
const stateWith = (features: KtxRuntimeFeature[]) => daemonState(layout, { features });
const logs = { stdoutLog: layout.daemonStdoutPath, stderrLog: layout.daemonStderrPath };

describe('ensureManagedLocalEmbeddingsDaemon', () => {
  it.each([
    ['started', 'Started'],
    ['reused', 'Using'],
  ] as const)('25. %s: the exact calls, and the address on stderr', async (status, word) => {
    vi.stubEnv('NO_COLOR', '1');
    const { io, printed } = capturedIo();
    const calls: unknown[] = [];
    const result = await ensureManagedLocalEmbeddingsDaemon({
      ...project,
      installPolicy: 'never',
      io,
      ensureRuntime: async (options) => calls.push(options),
      startDaemon: async (options) => {
        calls.push(options);
        return { status, layout, state: stateWith(['core', 'local-embeddings']), baseUrl };
      },
    });
    vi.unstubAllEnvs();
    expect(result).toEqual({ baseUrl, ...logs });
    expect(calls).toEqual([
      { cliVersion: '0.3.0', installPolicy: 'never', io, feature: 'local-embeddings' },
      { ...project, features: ['local-embeddings'], force: false },
    ]);
    expect(printed).toEqual({
      stdout: '',
      stderr: `◐  Starting ktx embedding daemon (first run downloads the model)…\n◇  ${word} ktx daemon: ${baseUrl}\n`,
    });
  });

  it('25. a daemon that does not start is said, and its error passed on', async () => {
    const { io, printed } = capturedIo();
    const error = new Error('port taken');
    const starting = ensureManagedLocalEmbeddingsDaemon({
      ...project,
      installPolicy: 'auto',
      io,
      ensureRuntime: async () => {},
      startDaemon: async () => Promise.reject(error),
    });
    await expect(starting).rejects.toBe(error);
    expect(printed.stderr).toContain('ktx embedding daemon failed to start\n');
  });

  it('25. without the runtime nothing is started', async () => {
    const { io, printed } = capturedIo();
    const startDaemon = vi.fn();
    const error = new Error('required');
    const starting = ensureManagedLocalEmbeddingsDaemon({
      ...project,
      installPolicy: 'never',
      io,
      ensureRuntime: async () => Promise.reject(error),
      startDaemon,
    });
    await expect(starting).rejects.toBe(error);
    expect(startDaemon).not.toHaveBeenCalled();
    expect(printed.stderr).toBe('');
  });
});

describe('tryUseManagedLocalEmbeddingsDaemon', () => {
  const running = (features: KtxRuntimeFeature[]): ManagedPythonDaemonStatus => ({
    kind: 'running',
    detail: '',
    layout,
    state: stateWith(features),
    baseUrl,
  });

  it.each<[string, ManagedPythonDaemonStatus, unknown]>([
    ['running with embeddings', running(['core', 'local-embeddings']), { baseUrl, ...logs }],
    ['running with core alone', running(['core']), null],
    ['stopped', { kind: 'stopped', detail: '', layout }, null],
    ['stale', { kind: 'stale', detail: '', layout, state: stateWith(['core', 'local-embeddings']) }, null],
  ])('25. %s', async (_name, status, result) => {
    const readStatus = vi.fn(async (_options: unknown) => status);
    expect(await tryUseManagedLocalEmbeddingsDaemon({ ...project, readStatus })).toEqual(result);
    expect(readStatus.mock.calls).toEqual([[project]]);
  });
});

it('25. the health configuration', () => {
  const { model, dimensions } = LOCAL_EMBEDDINGS_DEFAULTS;
  expect(managedLocalEmbeddingHealthConfig({ baseUrl, model, dimensions })).toEqual({
    backend: 'sentence-transformers',
    model: 'all-MiniLM-L6-v2',
    dimensions: 384,
    sentenceTransformers: { baseURL: baseUrl, pathPrefix: '' },
  });
});
