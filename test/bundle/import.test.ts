import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { importBundle } from '../../src/bundle/import-bundle.ts';
import { pinnedArtefacts } from '../../src/bundle/pins.ts';
import type { SetupEventBody } from '../../src/core/events.ts';
import { sharedLayout } from '../../src/core/layout.ts';
import { openStore } from '../../src/store/store.ts';
import { MEMBERS, trustOf, writeSmallBundle } from '../fixtures/small-bundle.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

let folder: string;
let runtimeRoot: string;
let events: SetupEventBody[];
beforeEach(async () => {
  folder = await temporaryFolder();
  runtimeRoot = join(folder, 'runtime');
  events = [];
});

const store = () => openStore(sharedLayout(runtimeRoot).storeDir);
const artefacts = () => {
  const pinned = pinnedArtefacts(trustOf().lock);
  return MEMBERS.map(({ member }) => pinned.get(member.sha256)!);
};
const taken = () => Promise.all(artefacts().map((artefact) => store().verify(artefact)));
const take = (path: string, platform = 'linux-x64') =>
  importBundle({ path, trust: trustOf(), runtimeRoot, platform, emit: (event) => void events.push(event) });

it('puts every file into the store, tells of each, and says what it checked', async () => {
  const path = await writeSmallBundle(folder);
  const { contents } = await take(path);
  expect(contents.members).toHaveLength(2);
  expect(await taken()).toEqual(['ok', 'ok']);
  const notes = events.flatMap((event) =>
    event.type === 'note' ? [[event.step, event.level, event.text]] : [],
  );
  expect(notes.at(-1)).toEqual([
    'plan',
    'info',
    `The bundle ${path} is verified: 2 files, nothing was altered.`,
  ]);
  expect(notes.map(([, , text]) => text!.split(':')[0])).toEqual(
    expect.arrayContaining(['verifying the bundle', 'taking over the bundle']),
  );
  const arrived = events.filter((event) => event.type !== 'note');
  expect(arrived).toHaveLength(2);
  for (const { member } of MEMBERS) expect(JSON.stringify(arrived)).toContain(member.path.split('/').at(-1));
  // A second time, all is here.
  events = [];
  await take(path);
  expect(events.filter((event) => event.type !== 'note')).toEqual([]);
});

it('replaces a damaged file of the store', async () => {
  const path = await writeSmallBundle(folder);
  await take(path);
  const [first] = artefacts();
  await writeFile(store().pathOf(first!), 'damaged');
  expect((await taken())[0]).toBe('altered');
  await take(path);
  expect(await taken()).toEqual(['ok', 'ok']);
});

it('takes nothing from one that was altered', async () => {
  const path = await writeSmallBundle(folder);
  const bytes = await readFile(path);
  bytes[bytes.length - 1500] = bytes[bytes.length - 1500]! ^ 1;
  await writeFile(path, bytes);
  await expect(take(path)).rejects.toMatchObject({ name: 'BundleError' });
  expect(await taken()).toEqual(['missing', 'missing']);
});

it('refuses one for another machine, and says which to ask for', async () => {
  const path = await writeSmallBundle(folder);
  await expect(take(path, 'darwin-arm64')).rejects.toMatchObject({
    refusal: 'other-platform',
    message: expect.stringContaining('The bundle is for linux-x64; this machine is darwin-arm64'),
    remedies: [
      { afterwards: ['ktx', 'bundle', 'create', '--platform', 'darwin-arm64', '--output', '<file>'] },
    ],
  });
  expect(await taken()).toEqual(['missing', 'missing']);
});
