import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { sharedLayout } from '../../../src/core/layout.ts';
import { embeddingsModelDir } from '../../../src/core/model-folder-path.ts';
import type { Backup } from '../../../src/doctor/repairs/backup.ts';
import type { RepairContext, RepairOptions } from '../../../src/doctor/repairs/repair.ts';
import { TOOL_REPAIRS } from '../../../src/doctor/repairs/tool-repairs.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({
  network: vi.fn(),
  planUv: vi.fn(),
  acquire: vi.fn(),
  planModel: vi.fn(),
  fetchModel: vi.fn(),
  inspect: vi.fn(),
  close: vi.fn(),
}));
vi.mock('../../../src/setup/session/setup-network.ts', () => ({ setupNetwork: fake.network }));
vi.mock('../../../src/setup/plan/plan-uv.ts', () => ({ planUv: fake.planUv }));
vi.mock('../../../src/setup/build/acquire-uv.ts', () => ({ acquireUv: fake.acquire }));
vi.mock('../../../src/setup/plan/plan-model.ts', () => ({ planModel: fake.planModel }));
vi.mock('../../../src/setup/build/fetch-model.ts', () => ({ fetchModel: fake.fetchModel }));
vi.mock('../../../src/uv/binary.ts', async (original) => ({
  ...(await original<object>()),
  inspectUvBinary: fake.inspect,
}));

const LOCK = { targets: {} };
let runtimeRoot: string;
let uvPath: string;
let kept: string[];
let context: (options?: RepairOptions, facts?: object) => RepairContext;
let events: unknown[];
const backup = {
  keep: async (path: string) => void kept.push(`keep ${path}`),
  noteMode: async (path: string) => void kept.push(`mode ${path}`),
} as unknown as Backup;
beforeEach(async () => {
  for (const each of Object.values(fake)) each.mockReset();
  fake.network.mockImplementation((options: object) => ({ options, close: fake.close }));
  fake.inspect.mockResolvedValue({ state: 'missing' });
  fake.planUv.mockResolvedValue({ hosts: [], artefact: null, acquisition: { kind: 'fetch' } });
  const root = await temporaryFolder();
  runtimeRoot = join(root, 'runtime');
  uvPath = managedUvPath({ env: {}, homeDir: root, runtimeRoot });
  kept = [];
  events = [];
  context = (options = {}, facts = {}) =>
    ({
      env: {},
      homeDir: root,
      layout: { runtimeRoot, cliVersion: '0.3.0', versionDir: join(runtimeRoot, '0.3.0') },
      shared: sharedLayout(runtimeRoot),
      options,
      facts: {
        lockedAsset: async () => ({ lock: LOCK }),
        host: async () => 'host',
        manifest: async () => ({ features: ['core', 'local-embeddings'] }),
        ...facts,
      },
      onProgress: (event: unknown) => events.push(event),
      note() {},
    }) as unknown as RepairContext;
});

const repair = (id: string) => TOOL_REPAIRS.find((each) => each.id === id)!;
const offline = () => fake.network.mock.calls.map(([options]) => options.isOffline);

describe('replace-uv', () => {
  it('plans offline first: nothing is fetched, no host is asked', async () => {
    expect(await repair('replace-uv').plan(context())).toEqual({
      what: 'uv is in its place',
      paths: [uvPath, `${uvPath}.verified`],
      downloadBytes: 0,
      hosts: [],
      worksOffline: true,
      canUndo: true,
    });
    expect(offline()).toEqual([true]);
    expect(fake.close).toHaveBeenCalledOnce();
  });

  it('names size and hosts of what it would fetch', async () => {
    fake.planUv.mockImplementation(async ({ network }: { network: { options: { isOffline: boolean } } }) => {
      if (network.options.isOffline) throw new Error('not in the store');
      return { hosts: ['b.example', 'a.example'], artefact: { sizeBytes: 25_000_000 }, acquisition: {} };
    });
    const signal = new AbortController().signal;
    expect(await repair('replace-uv').plan(context({ indexUrl: 'https://i.example', signal }))).toEqual({
      what: `Puts the pinned uv in its place: ${uvPath}`,
      paths: [uvPath, `${uvPath}.verified`],
      downloadBytes: 25_000_000,
      hosts: ['a.example', 'b.example'],
      worksOffline: false,
      canUndo: true,
    });
    expect(offline()).toEqual([true, false]);
    expect(fake.network.mock.lastCall![0]).toMatchObject({
      env: {},
      runtimeRoot,
      lock: LOCK,
      indexUrl: 'https://i.example',
      signal,
    });
    expect(fake.close).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['told to stay offline', () => ({ isOffline: true })],
    ['cancelled', () => ({ signal: AbortSignal.abort() })],
  ])('does not go online when it is %s', async (_, options) => {
    fake.planUv.mockRejectedValue(new Error('not in the store'));
    await expect(repair('replace-uv').plan(context(options()))).rejects.toThrow('not in the store');
    expect(offline()).toEqual([true]);
    expect(fake.network.mock.lastCall![0]).not.toHaveProperty('indexUrl');
  });

  it('plans for an empty place where an unknown program stands', async () => {
    await repair('replace-uv').plan(context());
    expect(fake.planUv.mock.lastCall![0].options.runtimeRoot).toBe(runtimeRoot);
    fake.inspect.mockResolvedValue({ state: 'unknown' });
    await repair('replace-uv').plan(context());
    expect(fake.planUv.mock.lastCall![0].options.runtimeRoot).toBe(join(runtimeRoot, 'uv', 'nothing'));
  });

  it('makes the right bytes executable, and fetches nothing', async () => {
    fake.inspect.mockResolvedValue({ state: 'pinned' });
    await mkdir(join(uvPath, '..'), { recursive: true });
    await writeFile(uvPath, 'uv');
    await chmod(uvPath, 0o600);
    await repair('replace-uv').apply(context(), backup);
    expect((await stat(uvPath)).mode & 0o777).toBe(0o755);
    expect(kept).toEqual([`mode ${uvPath}`]);
    expect(await readFile(uvPath, 'utf8')).toBe('uv');
    expect(fake.acquire).not.toHaveBeenCalled();
  });

  it('backs up whatever is there, removes it and puts the pinned one in its place', async () => {
    await mkdir(join(uvPath, 'folder'), { recursive: true });
    const signal = new AbortController().signal;
    fake.acquire.mockImplementation(
      async (_plan: unknown, _tools: unknown, emit: (event: object) => void) => {
        await expect(stat(uvPath)).rejects.toThrow('ENOENT');
        emit({ type: 'note', step: 'fetch', level: 'info', text: 'fetched' });
      },
    );
    await repair('replace-uv').apply(context({ signal }), backup);
    expect(kept).toEqual([`keep ${uvPath}`, `keep ${uvPath}.verified`]);
    expect(fake.acquire).toHaveBeenCalledWith(
      { uv: { kind: 'fetch' }, host: 'host' },
      { network: expect.anything(), store: expect.anything(), ensureUv: {} },
      expect.any(Function),
      signal,
    );
    expect(events).toMatchObject([{ text: 'fetched' }]);
  });
});

describe('refetch-model', () => {
  const plan = (change = {}) => ({
    toFetch: [{ sizeBytes: 5 }, { sizeBytes: null }, { sizeBytes: 7 }],
    hosts: ['h.example'],
    ...change,
  });

  it('adds up what it would fetch', async () => {
    fake.planModel.mockResolvedValue(plan());
    expect(await repair('refetch-model').plan(context())).toEqual({
      what: 'Fetches the pinned files and swaps the folder',
      paths: [embeddingsModelDir(runtimeRoot)],
      downloadBytes: 12,
      hosts: ['h.example'],
      worksOffline: false,
      canUndo: true,
    });
    expect(fake.planModel.mock.lastCall).toMatchObject([
      ['core', 'local-embeddings'],
      { lock: LOCK, runtimeRoot, isOffline: true },
    ]);
  });

  test.each([
    ['has no lock', { lockedAsset: async () => null }, 0],
    ['needs no model', {}, 1],
  ])('a runtime that %s needs nothing', async (_, facts, asked) => {
    fake.planModel.mockResolvedValue(null);
    expect(await repair('refetch-model').plan(context({}, facts))).toMatchObject({
      downloadBytes: 0,
      hosts: [],
      worksOffline: true,
    });
    expect(fake.planModel).toHaveBeenCalledTimes(asked);
    await repair('refetch-model').apply(context({}, facts), backup);
    expect(fake.fetchModel).not.toHaveBeenCalled();
  });

  it('backs up the folder before it is fetched again', async () => {
    fake.planModel.mockResolvedValue(plan());
    fake.fetchModel.mockImplementation(
      async (_plan: unknown, _tools: unknown, emit: (event: object) => void) => {
        expect(kept).toEqual([`keep ${embeddingsModelDir(runtimeRoot)}`]);
        emit({ type: 'note', step: 'fetch', level: 'info', text: 'fetched' });
      },
    );
    await repair('refetch-model').apply(context(), backup);
    expect(fake.fetchModel).toHaveBeenCalledOnce();
    expect(events).toMatchObject([{ text: 'fetched' }]);
    expect(fake.close).toHaveBeenCalledOnce();
  });
});
