import type { Artefact } from '../shipped/lock.ts';
import { SetupError } from '../support/errors.ts';
import { readRegularFile } from '../support/fs/regular-file.ts';
import { otherRemedy, retryBecause } from '../support/remedies.ts';
import { appFiles } from './app/app-files.ts';
import { nodeBinaryOf, nodePath } from './app/node-binary.ts';
import { CARRIED_NODE_VERSION, CARRIED_NODE_WHEELS, type NodeWheel } from './app/node-release.ts';
import type { BundleMember } from './archive/bundle-schema.ts';
import type { ArchiveContent } from './archive/write-bundle.ts';
import type { BundlePlatform } from './pins.ts';
import type { DescribedMember } from './sbom.ts';

/** The pinned Node of each platform, by the digest of its binary. */
export function nodePins(): ReadonlyMap<string, { path: string; pin: NodeWheel }> {
  return new Map(
    Object.entries(CARRIED_NODE_WHEELS).map(([platform, pin]) => [
      pin.binarySha256,
      { path: nodePath(platform), pin },
    ]),
  );
}

/** The wheel that contains a platform's Node. */
export function nodeWheelOf(platform: BundlePlatform): Artefact {
  const pin = pinOf(platform);
  return { file: pin.file, sha256: pin.sha256, kind: 'wheel', sizeBytes: pin.sizeBytes, unpackedBytes: null };
}

/** The Node of each platform, from manually downloaded files: pinned wheels, or the binaries in them. */
export async function nodesFrom(
  paths: readonly string[],
  platforms: readonly BundlePlatform[],
): Promise<Map<BundlePlatform, string>> {
  const found = new Map<BundlePlatform, string>();
  for (const path of paths) {
    const bytes = await readRegularFile(path, { maxBytes: 1024 * 1024 * 1024, links: 'follow' });
    let owner: BundlePlatform | null = null;
    for (const platform of platforms) {
      if ((await nodeBinaryOf(bytes, platform, pinOf(platform))) !== null) owner = platform;
    }
    if (owner === null) throw notPinned(path, platforms);
    found.set(owner, path);
  }
  return found;
}

/**
 * This program as bundle members, with a Node for each platform.
 * @param nodeFiles path of each platform's wheel or binary
 * @throws SetupError when this program is incomplete.
 */
export async function appMembers(
  platforms: readonly BundlePlatform[],
  nodeFiles: (platform: BundlePlatform) => string,
): Promise<{ member: BundleMember; content: ArchiveContent }[]> {
  const files = (await appFiles()).map(({ path, source, sha256, sizeBytes }) => ({
    member: { path, sha256, sizeBytes, kind: 'app' as const, source: 'ktx', licence: 'Apache-2.0' },
    content: { path: source },
  }));
  const nodes = platforms.map((platform) => {
    const { componentName, componentVersion, purl, ...member } = nodeComponent(platform);
    return { member, content: { load: () => loadNode(nodeFiles(platform), platform) } };
  });
  return [...files, ...nodes];
}

/** A platform's Node, for the SBOM. */
export function nodeComponent(platform: BundlePlatform): DescribedMember {
  const { binarySha256, binarySizeBytes } = pinOf(platform);
  return {
    path: nodePath(platform),
    sha256: binarySha256,
    sizeBytes: binarySizeBytes,
    kind: 'node',
    source: 'package index',
    licence: 'MIT',
    componentName: 'node',
    componentVersion: CARRIED_NODE_VERSION,
    purl: `pkg:generic/node@${CARRIED_NODE_VERSION}`,
  };
}

async function loadNode(path: string, platform: BundlePlatform): Promise<Uint8Array> {
  const bytes = await readRegularFile(path, { maxBytes: 1024 * 1024 * 1024, links: 'follow' });
  const binary = await nodeBinaryOf(bytes, platform, pinOf(platform));
  if (binary !== null) return binary;
  throw new SetupError(`${path} was changed while the bundle was written.`, {
    failureClass: 'verification',
    evidence: [`expected the Node with sha256 ${pinOf(platform).binarySha256}`],
    remedies: [retryBecause('the file is fetched again')],
  });
}

function pinOf(platform: BundlePlatform): NodeWheel {
  const pin = CARRIED_NODE_WHEELS[platform];
  if (!pin) throw new Error(`no Node is pinned for ${platform}`);
  return pin;
}

function notPinned(path: string, platforms: readonly BundlePlatform[]): SetupError {
  return new SetupError(`${path} is not a Node that this ktx pins for ${platforms.join(', ')}.`, {
    failureClass: 'verification',
    evidence: platforms.map((platform) => {
      const { file, sha256, binarySha256 } = pinOf(platform);
      return `pinned: ${file}, sha256 ${sha256}, or the binary in it, sha256 ${binarySha256}`;
    }),
    remedies: [otherRemedy('Fetch one of the pinned files; other builds are not accepted')],
  });
}
