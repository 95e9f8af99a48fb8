import fs, { mkdir, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { pathExists } from '../../../src/support/fs/path-exists.ts';
import { removeAside } from '../../../src/support/fs/remove-aside.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { watchRemovals } from '../../fixtures/watch-removals.ts';

async function environment() {
  const folder = join(await temporaryFolder(), 'aaaaaaaa');
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of ['pyvenv.cfg', 'environment.json', 'bin/python'])
    await writeFile(join(folder, name), '');
  return folder;
}

/** Fails like the lower layer of an overlay without redirect_dir, which only root can mount. */
function refuseRenames() {
  const { rename } = fs;
  const replace = (next: typeof rename) => {
    fs.rename = next;
    syncBuiltinESMExports();
  };
  replace(async () => {
    throw Object.assign(new Error('EXDEV: cross-device link not permitted'), { code: 'EXDEV' });
  });
  onTestFinished(() => replace(rename));
}

it('a folder that cannot be renamed is deleted in place: what makes it whole first, what makes it ours last', async () => {
  const folder = await environment();
  refuseRenames();
  const removed = watchRemovals();
  await removeAside(folder, { whole: 'environment.json', ours: ['pyvenv.cfg'] });
  const names = removed.map((path) => basename(path));
  expect([names[0], ...names.slice(-2)]).toEqual(['environment.json', 'pyvenv.cfg', 'aaaaaaaa']);
  expect(await pathExists(folder)).toBe(false);
});

it('any other folder is out of its place before anything in it is deleted', async () => {
  const folder = await environment();
  const removed = watchRemovals();
  await removeAside(folder, { whole: 'environment.json', ours: ['pyvenv.cfg'] });
  expect(removed.every((path) => path.startsWith(`${folder}.`) && path.includes('.removed'))).toBe(true);
});
