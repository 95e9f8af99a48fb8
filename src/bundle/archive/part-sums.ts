import { basename, dirname, join } from 'node:path';
import { hashFile } from '../../store/store.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { partsOf, stemOf } from './bundle-parts.ts';

/** The file beside the parts with their digests, in the format of `sha256sum`. */
export function sumsPath(stem: string): string {
  return `${stem}.sha256`;
}

/** A thousand parts have 100 kB. */
const MAX_SUMS_BYTES = 1024 * 1024;

/** The content of a sums file. */
export function sumsText(parts: readonly { path: string; sha256: string }[]): string {
  return parts.map(({ path, sha256 }) => `${sha256}  ${basename(path)}\n`).join('');
}

/**
 * Which parts differ from those that were written, if their sums file is present. It proves nothing about the
 * content; it only tells which part to copy again.
 * @param path of the bundle, or of its first part
 * @throws CancelledError; the file system's error.
 */
export async function alteredParts(path: string, signal?: AbortSignal): Promise<string[]> {
  const stem = stemOf(path);
  const text = await readRegularText(sumsPath(stem), { maxBytes: MAX_SUMS_BYTES, links: 'follow' }).catch(
    () => '',
  );
  const wanted = new Map(
    [...text.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(([, sha256 = '', name = '']) => [name, sha256]),
  );
  if (wanted.size === 0) return [];
  const here = (await partsOf(path)).map((part) => basename(part));
  const altered: string[] = [];
  for (const name of new Set([...wanted.keys(), ...here])) {
    const expected = wanted.get(name);
    if (expected === undefined) altered.push(`${name} is no part of it`);
    else if (!here.includes(name)) altered.push(`${name} is missing`);
    else if ((await hashFile(join(dirname(stem), name), signal)) !== expected)
      altered.push(`${name} is not as it was written: copy it again`);
  }
  return altered;
}
