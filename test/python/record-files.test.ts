import { createHash } from 'node:crypto';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageDifferences } from '../../src/doctor/checks/packages.ts';
import {
  findDifferences,
  findSitePackages,
  findUnownedEntries,
  findUnownedFiles,
  parseRecord,
  recordedPaths,
  statFiles,
} from '../../src/python/record-files.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

it('reads the lines of a RECORD that carry a digest', () => {
  const text = 'a/b.py,sha256=abc-_1=,12\r\n"with, comma ""q""",sha256=d,3\na/RECORD,,\nbroken\n';
  expect(parseRecord(text)).toEqual([
    { path: 'a/b.py', sha256: 'abc-_1', sizeBytes: 12 },
    { path: 'with, comma "q"', sha256: 'd', sizeBytes: 3 },
  ]);
});

it('tells what is missing, empty, cut short or altered', async () => {
  const folder = await temporaryFolder();
  const sha256 = createHash('sha256').update('good').digest('base64url');
  const file = (path: string) => ({ path, sha256, sizeBytes: 4 });
  for (const [name, text] of Object.entries({ good: 'good', evil: 'evil', cut: 'go', empty: '' }))
    await writeFile(join(folder, name), text);
  await mkdir(join(folder, 'folder'));
  const files = ['good', 'evil', 'cut', 'empty', 'folder', 'gone'].map(file);
  const signal = new AbortController().signal;
  const bySize = ['cut has 2 of 4 bytes', 'empty is empty', 'folder is not a file', 'gone is missing'];
  const { damaged, open, unreadable } = await statFiles(folder, files, signal);
  expect([damaged.sort(), open, unreadable]).toEqual([bySize, [], []]);
  expect(await findDifferences(folder, files, signal)).toEqual(['evil was altered', ...bySize]);
});

it.each([
  [
    [
      ['sqlglot', '1'],
      ['Num_Py', '2'],
    ],
    [],
  ],
  [[['sqlglot', '1']], ['num-py 2 is missing']],
  [
    [
      ['sqlglot', '9'],
      ['num.py', '2'],
    ],
    ['sqlglot is 9 instead of 1'],
  ],
  [
    [
      ['sqlglot', '1'],
      ['num.py', '2'],
      ['new', '3'],
    ],
    ['new 3 is not in the lock'],
  ],
  [
    [
      ['sqlglot', '1'],
      ['sqlglot', '9'],
      ['num.py', '2'],
    ],
    ['sqlglot is recorded as 9 and as 1'],
  ],
] as const)('%j differ from the lock by %j', (found, expected) => {
  const packages = found.map(([name, version]) => ({ name, version }));
  expect(
    packageDifferences(
      packages,
      new Map([
        ['sqlglot', '1'],
        ['num-py', '2'],
      ]),
    ),
  ).toEqual(expected);
});

it('knows every path of a RECORD, also those without a digest', () => {
  const text = 'acme/__init__.py,,\n"a,b""c.py",sha256=AbC,3\n../../bin/acme,,\n';
  expect(recordedPaths(text)).toEqual(['acme/__init__.py', 'a,b"c.py', '../../bin/acme']);
});

it('tells what came with no package, and not what uv or Python put there', async () => {
  const folder = await temporaryFolder();
  for (const name of ['good.py', 'surprise.pth', '_virtualenv.pth']) await writeFile(join(folder, name), '');
  for (const name of ['package', '__pycache__', 'package-1.dist-info', 'hidden'])
    await mkdir(join(folder, name));
  expect((await findUnownedEntries(folder, new Set(['good.py', 'package']))).sort()).toEqual([
    'hidden belongs to no package',
    'surprise.pth belongs to no package',
  ]);
});

it("finds files added to a package's folder", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'package', '__pycache__'), { recursive: true });
  await mkdir(join(folder, 'other'));
  for (const path of ['package/a.py', 'package/surprise.so', 'package/__pycache__/a.pyc', 'other/b.py'])
    await writeFile(join(folder, path), '');
  const found = await findUnownedFiles(folder, new Set(['package']), new Set(['package/a.py']));
  expect(found).toEqual(['package/surprise.so belongs to no package']);
});

it('looks at the packages of its own Python alone, inside the environment', async () => {
  const venv = await temporaryFolder();
  await mkdir(join(venv, 'lib', 'python3.10', 'site-packages'), { recursive: true });
  await expect(findSitePackages(venv, '3.11.2')).rejects.toThrow('packages is missing');
  const path = join(venv, 'lib', 'python3.11', 'site-packages');
  await mkdir(path, { recursive: true });
  expect(await findSitePackages(venv, '3.11.2')).toBe(path);
  await rm(path, { recursive: true });
  await symlink(await temporaryFolder(), path);
  await expect(findSitePackages(venv, '3.11.2')).rejects.toThrow('leads out of the environment');
});

it('tells which files every user can change', async () => {
  const folder = await temporaryFolder();
  for (const [name, mode] of [
    ['closed', 0o644],
    ['open', 0o666],
  ] as const) {
    await writeFile(join(folder, name), 'good');
    await chmod(join(folder, name), mode);
  }
  const files = ['closed', 'open'].map((path) => ({ path, sha256: '', sizeBytes: 4 }));
  const { open } = await statFiles(folder, files, new AbortController().signal);
  expect(open).toEqual(['open can be changed by every user']);
});
