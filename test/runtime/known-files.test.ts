import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import {
  describeKnownFiles,
  forgetKnownFiles,
  readKnownFiles,
  writeKnownFiles,
} from '../../src/runtime/known-files.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const BYTES = Buffer.alloc(10_000, 'wheel');
const artefact: Artefact = {
  sha256: createHash('sha256').update(BYTES).digest('hex'),
  file: 'pkg-1.0-py3-none-any.whl',
  kind: 'wheel',
  sizeBytes: BYTES.length,
  unpackedBytes: null,
};

let shared: string;
beforeEach(async () => {
  shared = join(await temporaryFolder(), 'uv');
});

const openKnown = async (root = shared) => openStore(join(root, 'store'), await readKnownFiles(root));
const list = () => join(shared, 'known-files');

/** A file listed as known whose content does not match its digest: the answer shows whether it was hashed. */
async function placeKnown(of = artefact): Promise<string> {
  const path = openStore(join(shared, 'store')).pathOf(of);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.alloc(BYTES.length, 'other'));
  await writeKnownFiles(shared, await describeKnownFiles(shared, [{ path, sha256: of.sha256 }]));
  return path;
}

it('the list is trusted, even when the folder has moved or is reached through a link', async () => {
  await placeKnown();
  expect(await (await openKnown()).verify(artefact)).toBe('ok');
  const link = `${shared}-link`;
  await symlink(shared, link);
  expect(await (await openKnown(link)).verify(artefact)).toBe('ok');
  const moved = `${shared}-moved`;
  await rename(shared, moved);
  expect(await (await openKnown(moved)).verify(artefact)).toBe('ok');
});

it('a store opened without it hashes every byte', async () => {
  await placeKnown();
  expect(await openStore(join(shared, 'store')).verify(artefact)).toBe('altered');
});

it.each(['uv', 'python'] as const)(
  'a %s is hashed all the same: it is run, or was not pinned by what runs it',
  async (kind) => {
    const other = { ...artefact, kind };
    await placeKnown(other);
    expect(await (await openKnown()).verify(other)).toBe('altered');
  },
);

it('an unexpected digest is computed', async () => {
  const path = await placeKnown();
  const other = createHash('sha256').update(Buffer.alloc(BYTES.length, 'other')).digest('hex');
  expect(await (await openKnown()).digestOf(path)).toBe(other);
});

it.each<[string, (path: string) => Promise<void>]>([
  [
    'was written, and dated back',
    async (path) => {
      const { atime, mtime } = await stat(path);
      await writeFile(path, Buffer.alloc(BYTES.length, 'third'));
      await utimes(path, atime, mtime);
    },
  ],
  [
    'was replaced',
    async (path) => {
      await rm(path);
      await writeFile(path, Buffer.alloc(BYTES.length, 'other'));
    },
  ],
])('a file that %s is hashed', async (_, change) => {
  const path = await placeKnown();
  await change(path);
  expect(await (await openKnown()).verify(artefact)).toBe('altered');
});

it.each<[string, (text: string) => string]>([
  ['digest', (text) => text.replace(/^./, (first) => (first === '0' ? '1' : '0'))],
  ['size', (text) => text.replace(' 10000 ', ' 10001 ')],
  ['path', (text) => text.replace('pkg-1.0', 'pkg-1.1')],
  ['end', (text) => text.slice(0, -3)],
])('a line whose %s was damaged stands for nothing', async (_, damage) => {
  await placeKnown();
  const text = await readFile(list(), 'utf8');
  expect(damage(text)).not.toBe(text);
  await writeFile(list(), damage(text));
  expect(await (await openKnown()).verify(artefact)).toBe('altered');
});

it('a file that has disappeared is neither listed nor missed', async () => {
  const path = await placeKnown();
  const files = [
    { path: join(shared, 'gone'), sha256: '0'.repeat(64) },
    { path, sha256: artefact.sha256 },
  ];
  expect(await describeKnownFiles(shared, files)).toBe(
    `${artefact.sha256} ${await fileIdentity(path)} store/${artefact.sha256}/${artefact.file}\n`,
  );
});

it('can be forgotten repeatedly, and a file with other content is not a list', async () => {
  await placeKnown();
  await appendFile(list(), 'store\n\n');
  expect(await (await openKnown()).verify(artefact)).toBe('ok');
  for (let time = 0; time < 2; time++) await forgetKnownFiles(shared);
  expect(await (await openKnown()).verify(artefact)).toBe('altered');
  await mkdir(list());
  await forgetKnownFiles(shared);
  await placeKnown();
  expect(await (await openKnown()).verify(artefact)).toBe('ok');
});
