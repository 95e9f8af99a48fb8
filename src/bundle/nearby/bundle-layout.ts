import {
  type BundleContents,
  CONTENTS_PATH,
  DIGEST_PATH,
  digestLine,
  SIGNATURE_PATH,
} from '../archive/bundle-schema.ts';
import { archiveBytes, BLOCK_BYTES, paddingAfter } from '../archive/ustar.ts';

/** The position of each member's header in an archive with these contents, and its total size. */
export interface BundleLayout {
  totalBytes: number;
  headers: readonly { path: string; sizeBytes: number; position: number }[];
}

/**
 * The layout of a complete bundle with this list, computed from the list alone: a truncated copy can be
 * detected without reading the rest. Pure.
 * @param signatureBytes 0 without a signature
 */
export function bundleLayout(
  contents: BundleContents,
  contentsBytes: number,
  signatureBytes: number,
): BundleLayout {
  const members = [
    { path: CONTENTS_PATH, sizeBytes: contentsBytes },
    { path: DIGEST_PATH, sizeBytes: digestLine('0'.repeat(64)).length },
    ...(signatureBytes > 0 ? [{ path: SIGNATURE_PATH, sizeBytes: signatureBytes }] : []),
    ...contents.members.filter(({ isOmitted }) => !isOmitted),
  ];
  let position = 0;
  const headers = members.map(({ path, sizeBytes }) => {
    const header = { path, sizeBytes, position };
    position += BLOCK_BYTES + sizeBytes + paddingAfter(sizeBytes);
    return header;
  });
  return { headers, totalBytes: archiveBytes(members.map(({ sizeBytes }) => sizeBytes)) };
}

/** What is wrong with files of these sizes, given the total; `null` when they match. Pure. */
export function sizeProblem(
  sizes: readonly number[],
  totalBytes: number,
): { part: number; problem: 'too-short' | 'too-long' | 'missing' } | null {
  const doneBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (doneBytes === totalBytes) return null;
  const uneven = unevenPart(sizes);
  if (uneven !== null) return { part: uneven, problem: 'too-short' };
  if (doneBytes > totalBytes) return { part: sizes.length, problem: 'too-long' };
  if (sizes.length > 1 && sizes.at(-1) === sizes[0]) return { part: sizes.length + 1, problem: 'missing' };
  return { part: sizes.length, problem: 'too-short' };
}

/** All parts except the last have the same size. The first one that is shorter, counted from 1. Pure. */
export function unevenPart(sizes: readonly number[]): number | null {
  const partBytes = Math.max(...sizes.slice(0, -1));
  const position = sizes.slice(0, -1).findIndex((size) => size < partBytes);
  return position === -1 ? null : position + 1;
}
