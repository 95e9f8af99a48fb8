import { beforeEach, expect, it, test, vi } from 'vitest';
import type { NearbyBundle } from '../../../src/bundle/nearby/judge-bundle.ts';
import type { BundleNews } from '../../../src/bundle/nearby/watch-nearby.ts';
import type { PanelAnswer } from '../../../src/wizard/panels/panels.ts';

const fake = vi.hoisted(() => ({ find: vi.fn(), places: vi.fn(), watch: vi.fn(), expectation: vi.fn() }));
vi.mock('../../../src/bundle/nearby/find-nearby.ts', () => ({
  findBundlesNearby: fake.find,
  placesHere: fake.places,
}));
vi.mock('../../../src/bundle/nearby/watch-nearby.ts', () => ({ watchForBundle: fake.watch }));
vi.mock('../../../src/bundle/nearby/judge-bundle.ts', () => ({ bundleExpectation: fake.expectation }));
const { watchBundles } = await import('../../../src/cli/panels/bundles.ts');

const bundle = (change: Partial<NearbyBundle> = {}): NearbyBundle => ({
  path: '/media/a.ktx',
  state: 'usable',
  problem: null,
  sizeBytes: 2_000_000,
  totalBytes: 2_000_000,
  cliVersion: '0.3.0',
  ...change,
});
type Facts = Extract<PanelAnswer, { type: 'bundles' }>['facts'];
let told: Facts[];
beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset();
  told = [];
  fake.places.mockResolvedValue(['/media']);
  fake.find.mockResolvedValue([]);
  fake.watch.mockResolvedValue(undefined);
  fake.expectation.mockResolvedValue({ platform: 'linux-x64' });
});

const watch = (setup: object = {}) =>
  watchBundles(
    {
      setup: { cliVersion: '0.3.0', features: ['core'], runtimeRoot: '/r', env: {}, homeDir: '/h', ...setup },
      tell: (answer) => void told.push((answer as { facts: Facts }).facts),
      lendTerminal: (work) => work(),
    },
    { projectDir: '/p', cwd: '/p' },
  ) as Promise<{ facts: Facts }>;

test.each<[string, Partial<NearbyBundle>, string, string | null]>([
  ['a whole one', {}, '2.0 MB', null],
  [
    'one of which too little is here to tell',
    { state: 'incomplete', totalBytes: null },
    '2.0 MB',
    'incomplete',
  ],
  [
    'a part',
    { state: 'incomplete', problem: 'half of it is missing', totalBytes: 4_000_000 },
    '2.0 MB of 4.0 MB',
    'half of it is missing',
  ],
])('%s', async (_, change, size, problem) => {
  fake.find.mockResolvedValue([bundle(change)]);
  const { facts } = await watch();
  expect(facts.candidates).toEqual([{ path: '/media/a.ktx', size, problem }]);
  expect(facts.folders).toEqual(['/media']);
  expect(told).toEqual([facts]);
});

it('says how to make one, with the Python that the target needs', async () => {
  const { facts } = await watch();
  expect(facts.file).toMatch(/^ktx-0\.3\.0-linux-x64\.bundle, about [\d.]+ MB$/);
  expect(facts.command).toContain(' bundle create --platform linux-x64 --output ktx-0.3.0-linux-x64.bundle');
  const without = (await watch({ python: 'system' })).facts;
  expect(without.command).not.toBe(facts.command);
});

it('one that still arrives says so, until it does no more', async () => {
  const half = bundle({ state: 'incomplete', problem: 'cut short' });
  fake.find.mockResolvedValue([half]);
  fake.watch.mockImplementation(async ({ onNews }: { onNews: (news: BundleNews) => void }) => {
    onNews({ type: 'arriving', bundle: half } as BundleNews);
    onNews({ type: 'broken', bundle: half } as never);
  });
  await watch();
  expect(told.map(({ candidates }) => candidates[0]!.problem)).toEqual([
    'cut short',
    'still arriving',
    'cut short',
  ]);
});

it('a bundle that was here from the start ends no wait, unless it was gone in between', async () => {
  const other = bundle({ path: '/media/b.ktx', state: 'damaged' });
  const looked: string[][] = [];
  fake.find
    .mockResolvedValueOnce([bundle(), other])
    .mockResolvedValueOnce([bundle(), other])
    .mockResolvedValueOnce([other])
    .mockResolvedValueOnce([bundle(), other]);
  fake.watch.mockImplementation(async ({ look }: { look: () => Promise<NearbyBundle[]> }) => {
    for (let round = 0; round < 3; round++) looked.push((await look()).map(({ path }) => path));
  });
  await watch();
  expect(looked).toEqual([['/media/b.ktx'], ['/media/b.ktx'], ['/media/a.ktx', '/media/b.ktx']]);
  // Told at the start, and when one was gone.
  expect(told.map(({ candidates }) => candidates.length)).toEqual([2, 1]);
});

it('a wheel without a lock has no bundle', async () => {
  fake.expectation.mockResolvedValue(null);
  await expect(watch()).rejects.toMatchObject({
    message: 'There is no bundle for this wheel: it has no lock.',
    failureClass: 'conflict',
  });
});

it('passes on the signal', async () => {
  const { signal } = new AbortController();
  await watch({ signal });
  expect(fake.find.mock.lastCall![1]).toEqual({ places: ['/media'], signal });
  expect(fake.watch.mock.lastCall![0].signal).toBe(signal);
  await watch();
  expect(fake.find.mock.lastCall![1]).toEqual({ places: ['/media'] });
});
