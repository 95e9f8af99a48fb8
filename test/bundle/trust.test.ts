import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CARRIED_NODE_VERSION, CARRIED_NODE_WHEELS } from '../../src/bundle/app/node-release.ts';
import { appMembers, nodeComponent, nodePins, nodesFrom, nodeWheelOf } from '../../src/bundle/app-members.ts';
import { readBundleTrust } from '../../src/bundle/read-trust.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const assetDir = join(PACKAGE_ROOT, 'assets', 'python');

describe('what this program requires of bundles', () => {
  it('are its own pins, and no signature unless it is asked for', async () => {
    const trust = await readBundleTrust({ cliVersion: '0.3.0', assetDir });
    expect(trust).toMatchObject({
      cliVersion: '0.3.0',
      lockSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      wheelSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      signers: null,
      isSignatureRequired: false,
    });
    expect([...(await trust.appFiles()).values()].every((sha256) => /^[0-9a-f]{64}$/.test(sha256))).toBe(
      true,
    );
    expect((await trust.appFiles()).size).toBeGreaterThan(10);
  });

  it('are the keys of a file, and a signature when it is asked for', async () => {
    const trustFile = join(await temporaryFolder(), 'signers');
    const name = Buffer.from('ssh-ed25519');
    const key = Buffer.concat([
      Buffer.from([0, 0, 0, name.length]),
      name,
      Buffer.from([0, 0, 0, 32]),
      Buffer.alloc(32, 7),
    ]);
    await writeFile(trustFile, `# ours\nada@acme.example ssh-ed25519 ${key.toString('base64')}\n`);
    const trust = await readBundleTrust({
      cliVersion: '0.3.0',
      assetDir,
      trustFile,
      isSignatureRequired: true,
    });
    expect(trust).toMatchObject({ isSignatureRequired: true, signers: [expect.anything()] });
  });

  it.each([
    ['is not there', undefined],
    ['is too large', 'x'.repeat(1024 * 1024 + 1)],
  ])('a trust file that %s is refused', async (_what, text) => {
    const trustFile = join(await temporaryFolder(), 'signers');
    if (text !== undefined) await writeFile(trustFile, text);
    await expect(readBundleTrust({ cliVersion: '0.3.0', assetDir, trustFile })).rejects.toMatchObject({
      message: `The trust file ${trustFile} cannot be used.`,
      failureClass: 'conflict',
      evidence: [expect.stringMatching(/\S/)],
      remedies: [
        { label: 'Write one line a key: <who> ssh-ed25519 <key>, as in allowed_signers of OpenSSH' },
      ],
    });
  });

  it('a wheel without a lock has none', async () => {
    const folder = await temporaryFolder();
    await writeForeignAsset(folder);
    await expect(readBundleTrust({ cliVersion: '0.3.0', assetDir: folder })).rejects.toMatchObject({
      message: 'This wheel comes without a lock, so no bundle of it can be checked.',
      failureClass: 'platform',
      evidence: [`there is no lock.json in ${folder}`],
      remedies: [{ label: 'Install it with a network, or make a lock for it' }],
    });
  });
});

describe('the Node that a bundle carries', () => {
  const platform = 'linux-x64' as const;
  const pin = CARRIED_NODE_WHEELS[platform]!;

  it.each(Object.entries(CARRIED_NODE_WHEELS))('has plausible sizes for %s', (name, wheel) => {
    expect(wheel.file).toContain(`-${CARRIED_NODE_VERSION}-`);
    expect([name, wheel.sizeBytes > 30e6, wheel.sizeBytes < 90e6]).toEqual([name, true, true]);
    expect(wheel.binarySizeBytes / wheel.sizeBytes).toBeGreaterThan(1.5);
    expect(wheel.binarySizeBytes / wheel.sizeBytes).toBeLessThan(4);
  });

  it('is pinned for each platform', () => {
    expect(nodePins().size).toBe(Object.keys(CARRIED_NODE_WHEELS).length);
    expect(nodePins().get(pin.binarySha256)).toEqual({ path: expect.stringContaining('linux-x64'), pin });
    expect(nodeWheelOf(platform)).toEqual({
      file: pin.file,
      sha256: pin.sha256,
      kind: 'wheel',
      sizeBytes: pin.sizeBytes,
      unpackedBytes: null,
    });
    expect(nodeComponent(platform)).toEqual({
      path: nodePins().get(pin.binarySha256)!.path,
      sha256: pin.binarySha256,
      sizeBytes: pin.binarySizeBytes,
      kind: 'node',
      source: 'package index',
      licence: 'MIT',
      componentName: 'node',
      componentVersion: CARRIED_NODE_VERSION,
      purl: `pkg:generic/node@${CARRIED_NODE_VERSION}`,
    });
    expect(() => nodeWheelOf('plan9-x64' as never)).toThrow('no Node is pinned for plan9-x64');
  });

  it('is refused when it is another', async () => {
    const path = join(await temporaryFolder(), 'node.whl');
    await writeFile(path, 'not a Node');
    await expect(nodesFrom([path], [platform, 'linux-arm64'])).rejects.toMatchObject({
      message: `${path} is not a Node that this ktx pins for linux-x64, linux-arm64.`,
      failureClass: 'verification',
      evidence: [pin, CARRIED_NODE_WHEELS['linux-arm64']!].map(
        (each) =>
          `pinned: ${each.file}, sha256 ${each.sha256}, or the binary in it, sha256 ${each.binarySha256}`,
      ),
      remedies: [{ label: 'Fetch one of the pinned files; other builds are not accepted' }],
    });
    expect(await nodesFrom([], [platform])).toEqual(new Map());
  });

  it('that was changed meanwhile is not written', async () => {
    const path = join(await temporaryFolder(), 'node');
    await writeFile(path, 'changed');
    const members = await appMembers([platform], () => path);
    const files = members.slice(0, -1);
    expect(files.length).toBeGreaterThan(10);
    for (const { member } of files)
      expect(member).toEqual({
        path: expect.any(String),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        sizeBytes: expect.any(Number),
        kind: 'app',
        source: 'ktx',
        licence: 'Apache-2.0',
      });
    const { member, content } = members.at(-1)!;
    const { componentName: _, componentVersion: __, purl: ___, ...described } = nodeComponent(platform);
    expect(member).toEqual(described);
    await expect((content as { load: () => Promise<unknown> }).load()).rejects.toMatchObject({
      message: `${path} was changed while the bundle was written.`,
      failureClass: 'verification',
      evidence: [`expected the Node with sha256 ${pin.binarySha256}`],
      remedies: [{ id: 'retry' }],
    });
  });
});
