import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findContradictions } from '../../src/maker/check-assets.ts';
import { runMaker } from '../../src/maker/main.ts';
import { keptRequirements } from '../../src/maker/make-assets.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function assets(): Promise<string> {
  const assetDir = join(await temporaryFolder(), 'assets');
  await cp(join(PACKAGE_ROOT, 'assets/python'), assetDir, {
    recursive: true,
    filter: (path) => !path.includes('python/wheel'),
  });
  return assetDir;
}

it('finds nothing wrong with what is shipped', async () => {
  expect(await findContradictions(await assets())).toEqual([]);
});

it.each([
  ['no JSON', '{"schemaVersion":', /^manifest\.json is damaged, it is not JSON: /],
  ['JSON of another kind', '[]', /^manifest\.json is damaged: content: /],
  ['a field of another kind', '{"schemaVersion":1,"wheel":7}', /^manifest\.json is damaged: .*wheel: /],
  ['empty', '', /^manifest\.json is damaged, it is not JSON: /],
])('names a manifest that is damaged: %s', async (_, text, expected) => {
  const assetDir = await assets();
  await writeFile(join(assetDir, 'manifest.json'), text);
  expect(await findContradictions(assetDir)).toEqual([expect.stringMatching(expected)]);
});

it('says so before anything is made, and what to do', async () => {
  const assetDir = await assets();
  await writeFile(join(assetDir, 'manifest.json'), '{');
  const folder = join(assetDir, '..');
  await writeFile(join(folder, 'acme.whl'), '');
  const build = { wheel: 'acme.whl', proof: { imports: ['acme'], serves: true } };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ 'ktx-setup': { assets: 'assets', build } }));
  let text = '';
  const output = {
    write(piece: string) {
      text += piece;
    },
  };
  expect(await runMaker([folder, '--check'], { stdout: output, stderr: output })).toBe(1);
  expect(text).toMatch(
    /^manifest\.json is damaged, .*\n {2}next {5}Make the assets again: ktx-setup-assets\n$/,
  );
});

it('keeps the pins of requirements that a package manager linked, and asks for none where there are none', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'elsewhere'));
  await writeFile(join(folder, 'elsewhere', 'pins.txt'), 'acme==1.0\n');
  await symlink(join('elsewhere', 'pins.txt'), join(folder, 'requirements.core.txt'));
  expect(await keptRequirements(folder, 'core')).toBe('acme==1.0\n');
  expect(await keptRequirements(folder, 'local-embeddings')).toBeNull();
  await rm(join(folder, 'requirements.core.txt'));
  await mkdir(join(folder, 'requirements.core.txt'));
  // What is there and cannot be read must not pass for nothing: every pin would move.
  await expect(keptRequirements(folder, 'core')).rejects.toThrow('is a folder, not a file');
  expect(await readFile(join(folder, 'elsewhere', 'pins.txt'), 'utf8')).toBe('acme==1.0\n');
});
