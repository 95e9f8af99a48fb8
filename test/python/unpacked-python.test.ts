import { appendFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import {
  findUnpackedPython,
  recordPython,
  removeUnneededPythons,
  verifyPython,
} from '../../src/python/unpacked-python.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const MADE = { key: 'cpython', archiveSha256: 'a'.repeat(64) };

async function unpacked() {
  const runtimeRoot = await temporaryFolder();
  const { pythonDir } = sharedLayout(runtimeRoot);
  const dir = join(pythonDir, 'deadbeef');
  const at = (name: string) => join(dir, 'cpython', name);
  await mkdir(at('bin'), { recursive: true });
  await mkdir(at('lib'));
  await writeFile(at('bin/python3.13'), 'binary');
  await symlink('python3.13', at('bin/python3'));
  await writeFile(at('lib/site.py'), 'site');
  await recordPython(dir, MADE);
  return { runtimeRoot, pythonDir, dir, at };
}

type Unpacked = Awaited<ReturnType<typeof unpacked>>;

it.each<[string, string, (python: Unpacked) => Promise<unknown>]>([
  ['a module that was altered', 'lib/site.py', ({ at }) => appendFile(at('lib/site.py'), '#')],
  ['the binary that was altered', 'bin/python3.13', ({ at }) => appendFile(at('bin/python3.13'), '#')],
  ['a module that is gone', 'lib/site.py', ({ at }) => rm(at('lib/site.py'))],
  ['a module that was added', 'lib/sitecustomize.py', ({ at }) => writeFile(at('lib/sitecustomize.py'), '')],
  [
    'a link that leads elsewhere',
    'bin/python3',
    async ({ at }) => {
      await rm(at('bin/python3'));
      await symlink('/usr/bin/python3', at('bin/python3'));
    },
  ],
  ['a list that is gone', 'digests.json', ({ dir }) => rm(join(dir, 'digests.json'))],
  ['a list that is none', 'digests.json', ({ dir }) => writeFile(join(dir, 'digests.json'), '{}')],
])('%s is named', async (_name, found, alter) => {
  const python = await unpacked();
  expect(await verifyPython(python.dir)).toBeNull();
  await alter(python);
  expect(await verifyPython(python.dir)).toBe(found);
});

it('bytecode written by Python is not an alteration, and is removed since it cannot be verified', async () => {
  const { dir, at } = await unpacked();
  await mkdir(at('lib/__pycache__'));
  for (const name of ['site.cpython-313.pyc', 'site.cpython-313.pyc.140000'])
    await writeFile(at(`lib/__pycache__/${name}`), '');
  expect(await verifyPython(dir)).toBeNull();
  expect(await readdir(at('lib/__pycache__'))).toEqual([]);
});

it.each<[string, Partial<typeof MADE>]>([
  ['another archive', { archiveSha256: 'b'.repeat(64) }],
  ['another platform', { key: 'other' }],
])('is not taken for one of %s', async (_name, change) => {
  const { pythonDir, dir } = await unpacked();
  expect(await findUnpackedPython(pythonDir, MADE)).toBe(dir);
  expect(await findUnpackedPython(pythonDir, { ...MADE, ...change })).toBeNull();
});

it('one that an environment was made from stays; of the others only those that can be used', async () => {
  const { runtimeRoot, pythonDir } = await unpacked();
  const used = join(pythonDir, 'cafebabe');
  await mkdir(used);
  await mkdir(join(pythonDir, 'aaaaaaaa'));
  const environment = join(runtimeRoot, '0.3.0', 'envs', '01234567');
  await mkdir(environment, { recursive: true });
  await writeFile(join(environment, 'pyvenv.cfg'), `home = ${join(used, 'cpython', 'bin')}\n`);
  await removeUnneededPythons(runtimeRoot);
  expect((await readdir(pythonDir)).sort()).toEqual(['cafebabe', 'deadbeef']);
  // A prune asks for more.
  await removeUnneededPythons(runtimeRoot, { alsoFinished: true });
  expect(await readdir(pythonDir)).toEqual(['cafebabe']);
  await rm(environment, { recursive: true });
  await removeUnneededPythons(runtimeRoot);
  expect(await readdir(pythonDir)).toEqual([]);
});
