import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { assertWritableFolder } from '../../../src/setup/plan/disk.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import { isWholeModel } from '../../../src/store/model-folder.ts';
import { openStore } from '../../../src/store/store.ts';
import { pathExists } from '../../../src/support/fs/path-exists.ts';
import { inspectUvBinary } from '../../../src/uv/binary.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { whileFlickers } from '../../fixtures/while-flickers.ts';

/** A plan is made without a lock, so a prune or an uninstall may take away what it looks at. It has gone then: no failure. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const artefact: Artefact = { file: 'x.whl', kind: 'uv', sha256: EMPTY, sizeBytes: 0, unpackedBytes: null };
const other: Artefact = { ...artefact, file: 'y.tar.gz', sha256: 'b'.repeat(64) };

interface Look {
  /** What flickers, below the folder. */
  path: string;
  look(root: string, path: string): Promise<unknown>;
  answers: unknown[];
}

const storeOf = (root: string) => openStore(join(root, 'store'));
const looks: [string, Look][] = [
  [
    'a file of the store',
    {
      path: join('store', EMPTY, artefact.file),
      look: (root) => storeOf(root).verify(artefact),
      answers: ['ok', 'missing'],
    },
  ],
  [
    'uv',
    {
      path: join('0.11.21', 'uv'),
      look: async (root, path) => {
        const pins = { archive: other, wheel: other, wheelBinarySha256: EMPTY };
        return (await inspectUvBinary(path, pins, storeOf(root))).state;
      },
      answers: ['pinned', 'missing'],
    },
  ],
  [
    'the archive that uv came in',
    {
      path: join('store', EMPTY, artefact.file),
      look: async (root) => {
        const uvPath = join(root, 'uv');
        await writeFile(uvPath, 'altered');
        // Empty, so it is no archive: that it cannot be read as one is not what this is about.
        const pins = { archive: artefact, wheel: other, wheelBinarySha256: other.sha256 };
        return inspectUvBinary(uvPath, pins, storeOf(root)).then(
          ({ state }) => state,
          (error: Error) => error.message,
        );
      },
      answers: ['unknown', 'uv archive x.whl cannot be read: not a zip archive'],
    },
  ],
  [
    'a file of the model',
    {
      path: join('model', 'x.whl'),
      look: (root) => isWholeModel(join(root, 'model'), [artefact], storeOf(root)),
      answers: [true, false],
    },
  ],
  [
    'the folder that is written to',
    {
      path: join('run', 'time'),
      look: async (_root, path) => {
        await assertWritableFolder(path);
        return pathExists(path);
      },
      answers: [true, false],
    },
  ],
];

it.each(looks)('%s', async (_name, { path: name, look, answers }) => {
  const root = await temporaryFolder();
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  if (name.startsWith('run')) await mkdir(path);
  else await writeFile(path, '');
  expect((await whileFlickers(path, 'moved', () => look(root, path))).sort()).toEqual([...answers].sort());
});
