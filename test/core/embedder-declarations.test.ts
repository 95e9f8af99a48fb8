import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  configureKtxSetup,
  daemonCommandName,
  declaredEmbedder,
  embeddedVersionName,
  embedderOfProgram,
  forgetEmbedder,
  isOwnVersionName,
  type KtxEmbedder,
  ownerOfVersionName,
} from '../../src/core/embedder.ts';
import { packageVersion, programVersion } from '../../src/core/program-version.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { programName } from '../../src/support/program-name.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

afterEach(() => {
  forgetEmbedder();
  vi.restoreAllMocks();
});

const BASE: KtxEmbedder = { name: 'acme', assetDir: '/acme/assets' };
const WORDS = { title: 'Core', description: 'All of it' };

it.each<[Partial<KtxEmbedder>]>([
  [{}],
  [{ name: 'a' }],
  [{ name: '0-9' }],
  [{ name: 'x'.repeat(40) }],
  [{ command: '_Acme.agent-2' }],
  [{ program: 'acme' }],
  [{ version: '1.2.3+build.4-x' }],
  [{ features: {} }],
  [{ features: { core: WORDS } }],
])('%j is a declaration', (change) => {
  configureKtxSetup({ ...BASE, ...change });
  expect(declaredEmbedder()).toEqual({ ...BASE, ...change });
  expect(daemonCommandName()).toBe(change.command ?? 'ktx-daemon');
  expect(programName()).toBe(change.program ?? 'ktx');
  expect(programVersion()).toBe(change.version ?? packageVersion());
});

const name = (text: string) => `the name "${text}" is not made of lower-case letters, digits and hyphens`;
const FEATURES = '"features" has title and description for core and local-embeddings';
it.each<[object, string]>([
  [{ name: '' }, name('')],
  [{ name: '-a' }, name('-a')],
  [{ name: 'a-' }, name('a-')],
  [{ name: 'A' }, name('A')],
  [{ name: '.a' }, name('.a')],
  [{ name: 'a.' }, name('a.')],
  [{ name: 'x'.repeat(41) }, name('x'.repeat(41))],
  [{ assetDir: 'assets' }, 'the folder assets is not an absolute path'],
  [{ command: '' }, '"" is not the name of a console script'],
  [{ command: '-x' }, '"-x" is not the name of a console script'],
  [{ command: 'a b' }, '"a b" is not the name of a console script'],
  [{ program: '' }, '"" is not the name of a program'],
  [{ program: './x' }, '"./x" is not the name of a program'],
  [{ program: 'x y' }, '"x y" is not the name of a program'],
  [{ version: '' }, '"" is not a version'],
  [{ version: '.1' }, '".1" is not a version'],
  [{ version: '1/2' }, '"1/2" is not a version'],
  [{ features: { other: WORDS } }, FEATURES],
  [{ features: { core: {} } }, FEATURES],
  [{ features: { core: { title: 'x' } } }, FEATURES],
  [{ features: { core: { description: 'x' } } }, FEATURES],
  [{ features: { core: null } }, FEATURES],
])('%j is refused', (change, message) => {
  expect(() => configureKtxSetup({ ...BASE, ...change } as KtxEmbedder)).toThrow(
    new Error(`configureKtxSetup: ${message}`),
  );
});

it('a second declaration must be the same', () => {
  configureKtxSetup(BASE);
  configureKtxSetup({ ...BASE, assetDir: '/acme/../acme/assets' });
  expect(() => configureKtxSetup({ ...BASE, name: 'other' })).toThrow(
    new Error('configureKtxSetup: this process already installs the wheel of acme (/acme/assets)'),
  );
  forgetEmbedder();
  expect([programName(), programVersion()]).toEqual(['ktx', packageVersion()]);
  configureKtxSetup({ ...BASE, name: 'other' });
});

it.each([
  ['0.3.0', '0.3.0+wheel.acme'],
  ['0.3.0+x', '0.3.0+x.wheel.acme'],
])('%s of an embedder is %s', (version, folder) => {
  expect(embeddedVersionName(version, BASE)).toBe(folder);
  expect(ownerOfVersionName(folder)).toBe('acme');
  expect(isOwnVersionName(folder)).toBe(false);
  configureKtxSetup(BASE);
  expect(isOwnVersionName(folder)).toBe(true);
  expect(isOwnVersionName(version)).toBe(false);
});

it.each(['0.3.0', '0.3.0+wheel.acme.x', '0.3.0+wheel.Acme', '0.3.0+xwheel.acme', 'x.wheel.acme'])(
  '%s is a version of ours or of nobody',
  (folder) => {
    const isUnmarked = folder === 'x.wheel.acme';
    expect(ownerOfVersionName(folder)).toBe(isUnmarked ? 'acme' : null);
    expect(isOwnVersionName(folder)).toBe(!isUnmarked);
  },
);

describe('the package of a program', () => {
  async function declaredBy(text: string, place = 'lib/deep') {
    const root = await temporaryFolder();
    await mkdir(join(root, place), { recursive: true });
    await writeFile(join(root, 'package.json'), text);
    const program = join(root, place, 'main.js');
    await writeFile(program, '');
    return { root, of: () => embedderOfProgram(program), program };
  }
  const json = (declaration: unknown, more: object = {}) =>
    JSON.stringify({ ...more, 'ktx-setup': declaration });

  it.each<[string, string, string | undefined, string]>([
    ['@acme/Data_Tool', '1.2.3', undefined, 'acme-data-tool'],
    ['--acme--', '1.2.3', undefined, 'acme'],
    ['x'.repeat(50), '1.2.3', undefined, 'x'.repeat(40)],
    ['@acme/data', '1.2.3', 'own', 'own'],
  ])('%s declares, with its name and version', async (packageName, version, own, expected) => {
    const { root, of } = await declaredBy(json({ assets: 'py', name: own }, { name: packageName, version }));
    expect(of()).toEqual({ name: expected, assetDir: join(root, 'py'), version });
  });

  it('declares everything', async () => {
    const more = { command: 'a', program: 'b', version: '2', features: { core: WORDS } };
    const { root, of, program } = await declaredBy(
      json({ assets: '../py', name: 'acme', ...more }, { version: '1' }),
    );
    const expected = { name: 'acme', assetDir: join(root, '../py'), ...more };
    expect(of()).toEqual(expected);
    vi.spyOn(process, 'argv', 'get').mockReturnValue(['node', program]);
    expect(declaredEmbedder()).toEqual(expected);
    expect(programName()).toBe('b');
  });

  it('declares nothing', async () => {
    for (const text of ['{}', '[]', '7', '{"name": "x"}', '{broken', '""'])
      expect((await declaredBy(text)).of()).toBeNull();
    expect(embedderOfProgram(undefined)).toBeNull();
    expect(embedderOfProgram('')).toBeNull();
    expect(embedderOfProgram('main.js')).toBeNull();
    expect(embedderOfProgram('/nowhere/main.js')).toBeNull();
    expect(embedderOfProgram(join(PACKAGE_ROOT, 'bin', 'ktx.cjs'))).toBeNull();
  });

  it.each<[unknown, object, string]>([
    [null, {}, ' is not an object'],
    ['py', {}, ' is not an object'],
    [{}, {}, ' has no "assets": a folder'],
    [{ assets: '' }, {}, ' has no "assets": a folder'],
    [{ assets: 7 }, {}, ' has no "assets": a folder'],
    [{ assets: 'py' }, {}, ' has no "name"'],
    [{ assets: 'py' }, { name: 7 }, ' has no "name"'],
    [{ assets: 'py', name: 7 }, {}, ' has no "name"'],
    [{ assets: 'py', name: 'a', command: 7 }, {}, ': "command" is not a string'],
    [{ assets: 'py', name: 'a', program: null }, {}, ': "program" is not a string'],
    [{ assets: 'py', name: 'a', version: 1 }, {}, ': "version" is not a string'],
    [{ assets: 'py', name: 'a' }, { version: 1 }, ': "version" is not a string'],
    [{ assets: 'py', name: 'A' }, {}, `: ${name('A')}`],
  ])('%j with %j is refused', async (declaration, more, message) => {
    const { root, of } = await declaredBy(json(declaration, more));
    expect(of).toThrow(new Error(`"ktx-setup" in ${join(root, 'package.json')}${message}`));
  });
});
