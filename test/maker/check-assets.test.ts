import { createHash } from 'node:crypto';
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

const WHEEL = 'kaelio_ktx-0.1.0-py3-none-any.whl';

it.each<[string, (at: (name: string) => string) => Promise<unknown>, (string | RegExp)[]]>([
  ['no manifest', (at) => rm(at('manifest.json')), ['manifest.json is missing']],
  ['no wheel', (at) => rm(at(WHEEL)), [`${WHEEL} is missing`]],
  [
    'no lock and no list',
    async (at) => {
      for (const name of ['lock.json', 'requirements.core.txt']) await rm(at(name));
    },
    ['lock.json is missing', 'requirements.core.txt is missing'],
  ],
  ['another wheel', (at) => writeFile(at(WHEEL), ''), [`${WHEEL} is not the file of manifest.json`]],
  ['another lock', (at) => writeFile(at('lock.json'), '{}'), ['lock.json is not the file of manifest.json']],
  [
    'a wheel of another size than was written down',
    (at) => changeManifest(at, (manifest) => ({ ...manifest, wheel: { ...manifest.wheel, bytes: 1 } })),
    [/ has \d+ bytes$/],
  ],
  ['a file more', (at) => writeFile(at('notes'), ''), ['notes is in no manifest']],
  [
    'a file more, and a lock that says nothing',
    async (at) => {
      await writeFile(at('notes'), '');
      await writeFile(at('lock.json'), '{}');
      const sha256 = createHash('sha256').update('{}').digest('hex');
      await changeManifest(at, (manifest) => ({ ...manifest, lock: { ...manifest.lock, sha256 } }));
    },
    ['notes is in no manifest', /^lock\.json is damaged: /],
  ],
])('finds %s', async (_, change, expected) => {
  const assetDir = await assets();
  await change((name) => join(assetDir, name));
  const found = await findContradictions(assetDir);
  expect(found).toHaveLength(expected.length);
  for (const [index, words] of expected.entries()) expect(found[index]).toMatch(words);
});

type Manifest = { wheel: object; lock: object };

async function changeManifest(
  at: (name: string) => string,
  change: (manifest: Manifest) => Manifest,
): Promise<void> {
  const manifest = JSON.parse(await readFile(at('manifest.json'), 'utf8')) as Manifest;
  await writeFile(at('manifest.json'), JSON.stringify(change(manifest)));
}

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
