import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { SetupEventBody } from '../../src/core/events.ts';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { mendReadyRuntime, tidyAfterKilledRun } from '../../src/setup/mend-ready.ts';
import type { PrepareOptions } from '../../src/setup/request/install-types.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { managedUvPath } from '../../src/uv/location.ts';
import { markVerified } from '../../src/uv/verified-mark.ts';
import { writeAsset } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({
  plan: vi.fn(),
  acquire: vi.fn(),
  network: vi.fn(),
  close: vi.fn(),
  recover: vi.fn(),
}));
vi.mock('../../src/setup/plan/plan-uv.ts', () => ({ planUv: fake.plan }));
vi.mock('../../src/setup/build/acquire-uv.ts', () => ({ acquireUv: fake.acquire }));
vi.mock('../../src/setup/session/setup-network.ts', () => ({ setupNetwork: fake.network }));
vi.mock('../../src/lifecycle/recovery.ts', () => ({ recoverIfFree: fake.recover }));

let root: string;
let runtimeRoot: string;
let uvPath: string;
let events: SetupEventBody[];
let layout: ReturnType<typeof managedPythonRuntimeLayout>;
beforeEach(async () => {
  for (const each of Object.values(fake)) each.mockReset();
  root = await temporaryFolder();
  runtimeRoot = join(root, 'runtime');
  const assetDir = await writeAsset(join(root, 'asset'));
  layout = managedPythonRuntimeLayout({ cliVersion: '0.3.0', runtimeRoot, assetDir, env: {}, homeDir: root });
  uvPath = managedUvPath({ env: {}, homeDir: root, runtimeRoot });
  events = [];
  fake.plan.mockResolvedValue({ acquisition: { kind: 'fetch' } });
  fake.acquire.mockImplementation(async () => {
    await placeUv();
    return { downloadedBytes: 25 };
  });
  fake.network.mockReturnValue({ close: fake.close, egress: () => [{ host: 'a.example', bytes: 25 }] });
});

async function placeUv(mode = 0o755): Promise<void> {
  await mkdir(dirname(uvPath), { recursive: true });
  await writeFile(uvPath, 'uv');
  await chmod(uvPath, mode);
}
const mark = async () => markVerified(uvPath, await fileIdentity(uvPath), 'a'.repeat(64));
const NOTHING = { downloadedBytes: 0, egress: [] };
const mend = (change: object = {}) =>
  mendReadyRuntime(
    layout,
    { cliVersion: '0.3.0', env: {}, homeDir: root, ...change } as unknown as PrepareOptions,
    (event) => void events.push(event),
  );

describe('the uv of a ready runtime', () => {
  it('that is verified and runs is left alone', async () => {
    await placeUv();
    await mark();
    expect(await mend()).toEqual(NOTHING);
    expect([fake.network.mock.calls, events]).toEqual([[], []]);
  });

  test.each([{ exec: async () => {} }, { fetchUvArtifact: async () => {} }, { uvPath: '/uv' }])(
    'is not ours with %j',
    async (own) => {
      expect(await mend(own)).toEqual(NOTHING);
      expect(fake.plan).not.toHaveBeenCalled();
    },
  );

  it('that is gone is fetched, and said', async () => {
    const { signal } = new AbortController();
    expect(await mend({ signal, indexUrl: 'https://i.example' })).toEqual({
      downloadedBytes: 25,
      egress: [{ host: 'a.example', bytes: 25 }],
    });
    expect(events).toEqual([{ type: 'note', step: 'plan', level: 'info', text: `Put uv back: ${uvPath}` }]);
    expect(fake.network).toHaveBeenCalledWith(
      expect.objectContaining({ runtimeRoot, lock: null, indexUrl: 'https://i.example' }),
    );
    expect(fake.acquire.mock.lastCall![3]).toBe(signal);
    expect(fake.close).toHaveBeenCalledOnce();
  });

  it('that is here and may not run is made to', async () => {
    await placeUv(0o644);
    await mark();
    fake.plan.mockResolvedValue({ acquisition: { kind: 'here' } });
    fake.acquire.mockResolvedValue({ downloadedBytes: 0 });
    await mend();
    expect((await stat(uvPath)).mode & 0o777).toBe(0o755);
    expect(events).toHaveLength(1);
  });

  it('that only was not marked is not news', async () => {
    await placeUv();
    fake.plan.mockResolvedValue({ acquisition: { kind: 'here' } });
    fake.acquire.mockResolvedValue({ downloadedBytes: 0 });
    await mend();
    expect(events).toEqual([]);
  });

  it('that cannot be had is a warning, since the runtime works', async () => {
    fake.acquire.mockRejectedValue(new Error('no route'));
    expect(await mend()).toEqual(NOTHING);
    expect(events).toEqual([
      {
        type: 'note',
        step: 'plan',
        level: 'warning',
        text: 'The runtime works, but its uv could not be put back: no route',
      },
    ]);
    expect(fake.close).toHaveBeenCalledOnce();
    fake.acquire.mockRejectedValue(new CancelledError());
    await expect(mend()).rejects.toThrow(CancelledError);
  });
});

describe('what a killed run left', () => {
  const tidy = () => tidyAfterKilledRun(layout, (event) => void events.push(event));
  it('is not looked for where nothing is', async () => {
    await tidy();
    expect(fake.recover).not.toHaveBeenCalled();
  });

  test.each([
    ['a run', 'uv/runs/00000000-0000-4000-8000-000000000000'],
    ['half an environment', '0.3.0/envs/7f3c0000.00000001.removed'],
  ])('%s is tidied away, and what is said passed on', async (_, name) => {
    await mkdir(join(runtimeRoot, name), { recursive: true });
    fake.recover.mockImplementation(async ({ note }: { note: (level: string, text: string) => void }) =>
      note('info', 'done'),
    );
    await tidy();
    expect(fake.recover).toHaveBeenCalledWith({
      runtimeRoot,
      versions: ['0.3.0'],
      note: expect.any(Function),
    });
    expect(events).toEqual([{ type: 'note', step: 'plan', level: 'info', text: 'done' }]);
  });

  it('that cannot be tidied away is a warning', async () => {
    await mkdir(join(runtimeRoot, 'uv/runs/00000000-0000-4000-8000-000000000000'), { recursive: true });
    fake.recover.mockRejectedValue(new Error('EBUSY'));
    await tidy();
    expect(events).toEqual([
      {
        type: 'note',
        step: 'plan',
        level: 'warning',
        text: 'An interrupted run could not be cleaned up, which changes nothing for the runtime: EBUSY',
      },
    ]);
  });
});
