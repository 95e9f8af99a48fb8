import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type KtxSetupRuntimeDeps, runKtxSetupRuntimeStep } from '../../src/embed/setup-runtime-step.ts';
import type { KtxRuntimeProjectConfig } from '../../src/project/requirements.ts';
import { projectSetupProgressPath, recordSetupStep } from '../../src/project/setup-progress.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const LOOKER = { connections: { bi: { driver: 'looker' } } };
const EMBEDDINGS = { ingest: { embeddings: { backend: 'sentence-transformers' } } };

async function step(config: KtxRuntimeProjectConfig, deps: KtxSetupRuntimeDeps = {}) {
  const projectDir = await temporaryFolder();
  const { io, printed } = capturedIo();
  const ensureRuntime = vi.fn(async (_options: unknown) => {});
  const ensureLocalEmbeddings = vi.fn(async (_options: unknown) => {});
  const loadProject = vi.fn(async (_options: unknown) => ({ config }));
  const runIt = () =>
    runKtxSetupRuntimeStep(
      { projectDir, inputMode: 'disabled', cliVersion: '0.3.0', runtimeInstallPolicy: 'auto' },
      io,
      { env: {}, loadProject, ensureRuntime, ensureLocalEmbeddings, ...deps },
    );
  const recorded = async () =>
    (await pathExists(projectSetupProgressPath(projectDir)))
      ? readFile(projectSetupProgressPath(projectDir), 'utf8')
      : null;
  return { projectDir, io, printed, ensureRuntime, ensureLocalEmbeddings, loadProject, runIt, recorded };
}

describe('runKtxSetupRuntimeStep', () => {
  it('15. skipped: said, nothing called, nothing recorded', async () => {
    const { runIt, printed, recorded, projectDir, ensureRuntime, ensureLocalEmbeddings } = await step({});
    expect(await runIt()).toEqual({
      status: 'skipped',
      projectDir,
      requirements: { features: [], requirements: [] },
    });
    expect(printed).toEqual({ stdout: '│  Runtime setup skipped.\n', stderr: '' });
    expect(await recorded()).toBeNull();
    expect(ensureRuntime).not.toHaveBeenCalled();
    expect(ensureLocalEmbeddings).not.toHaveBeenCalled();
  });

  it('15. ready: features in order, said, recorded behind earlier steps', async () => {
    const { runIt, printed, recorded, projectDir, ...calls } = await step({ ...LOOKER, ...EMBEDDINGS });
    await recordSetupStep(projectDir, 'databases');
    const result = await runIt();
    expect(result).toMatchObject({
      status: 'ready',
      requirements: { features: ['core', 'local-embeddings'] },
    });
    expect(printed).toEqual({ stdout: '│  Runtime ready: yes (core, local embeddings)\n', stderr: '' });
    expect(await recorded()).toBe('{\n  "completed_steps": [\n    "databases",\n    "runtime"\n  ]\n}\n');
    const common = { cliVersion: '0.3.0', installPolicy: 'auto', io: calls.io };
    expect(calls.ensureRuntime.mock.calls).toEqual([[{ ...common, feature: 'core' }]]);
    expect(calls.ensureLocalEmbeddings.mock.calls).toEqual([[{ ...common, projectDir }]]);
    expect(calls.loadProject.mock.calls).toEqual([[{ projectDir }]]);
  });

  it('15. failed: each line of the message on stderr, the rest not tried, nothing recorded', async () => {
    const error = new Error('no network\n\nRun: ktx doctor\r\n');
    const ensureRuntime = async () => Promise.reject(error);
    const made = await step({ ...LOOKER, ...EMBEDDINGS }, { ensureRuntime });
    expect((await made.runIt()).status).toBe('failed');
    expect(made.printed).toEqual({ stdout: '', stderr: '│  no network\n│  Run: ktx doctor\n' });
    expect(made.ensureLocalEmbeddings).not.toHaveBeenCalled();
    expect(await made.recorded()).toBeNull();
  });

  it('15. a project that cannot be loaded is no failed step: the error is passed on', async () => {
    const error = new Error('ktx.yaml: line 3');
    const { runIt, printed } = await step({}, { loadProject: async () => Promise.reject(error) });
    await expect(runIt()).rejects.toBe(error);
    expect(printed).toEqual({ stdout: '', stderr: '' });
    // Without a loader the project's own file is read, and its errors are passed on too.
    const own = await step({}, { loadProject: undefined });
    await writeFile(join(own.projectDir, 'ktx.yaml'), 'connections: 3');
    await expect(own.runIt()).rejects.toThrow(/ktx\.yaml cannot be read: connections/);
  });

  it('16. embeddings alone: only their helper, with the project and the policy', async () => {
    const { runIt, printed, projectDir, io, ensureRuntime, ensureLocalEmbeddings } = await step(EMBEDDINGS);
    expect((await runIt()).status).toBe('ready');
    expect(ensureRuntime).not.toHaveBeenCalled();
    expect(ensureLocalEmbeddings.mock.calls).toEqual([
      [{ cliVersion: '0.3.0', projectDir, installPolicy: 'auto', io }],
    ]);
    expect(printed.stdout).toBe('│  Runtime ready: yes (local embeddings)\n');
  });

  it('17. the policy reaches the real helpers: never, and nothing is installed', async () => {
    const projectDir = await temporaryFolder();
    vi.stubEnv('KTX_RUNTIME_ROOT', await temporaryFolder());
    const { io, printed } = capturedIo();
    const result = await runKtxSetupRuntimeStep(
      { projectDir, inputMode: 'disabled', cliVersion: '0.3.0', runtimeInstallPolicy: 'never' },
      io,
      { env: {}, loadProject: async () => ({ config: EMBEDDINGS }) },
    );
    vi.unstubAllEnvs();
    expect(result.status).toBe('failed');
    expect(printed.stderr).toBe(
      '│  ktx Python runtime is required for this command. Run: ktx admin runtime install --feature local-embeddings --yes\n',
    );
  });
});
