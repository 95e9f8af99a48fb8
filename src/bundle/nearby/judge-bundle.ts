import type { FileHandle } from 'node:fs/promises';
import { verifyRuntimeAsset } from '../../shipped/asset.ts';
import { readLockedAsset } from '../../shipped/locked-asset.ts';
import { formatBytes } from '../../support/text/format.ts';
import { BundleError } from '../archive/bundle-error.ts';
import { openSegment, segmentsOf } from '../archive/bundle-file.ts';
import { partPath, stemOf } from '../archive/bundle-parts.ts';
import { type BundleContents, MAX_CONTENTS_BYTES, SIGNATURE_PATH } from '../archive/bundle-schema.ts';
import type { BundleSegment } from '../archive/bundle-segment.ts';
import { parseContents } from '../archive/parse-contents.ts';
import { BLOCK_BYTES, decodeHeader, encodeHeader, paddingAfter, UstarError } from '../archive/ustar.ts';
import { bundleLayout, sizeProblem, unevenPart } from './bundle-layout.ts';

/** What a bundle must match to be usable on this machine. */
export interface BundleExpectation {
  cliVersion: string;
  lockSha256: string;
  wheelSha256: string;
  /** `<platform>-<arch>` */
  platform: string;
  features: readonly string[];
}

/**
 * A nearby bundle after a quick inspection: its list, its size and the positions of its members, but no
 * digests. Whether it is genuine is verified when it is used.
 */
export interface NearbyBundle {
  /** Path for `--bundle`. */
  path: string;
  state:
    | 'usable'
    | 'incomplete'
    | 'wrong-part'
    | 'other-version'
    | 'other-platform'
    | 'other-features'
    | 'damaged';
  /** What is wrong, as a sentence without a full stop; `null` when it is usable. */
  problem: string | null;
  sizeBytes: number;
  /** Size of the complete bundle; `null` if too little has arrived to tell. */
  totalBytes: number | null;
  cliVersion: string | null;
}

/**
 * What this program requires of a bundle. @returns `null` for a wheel without a lock, which cannot be
 * bundled.
 */
export async function bundleExpectation(options: {
  cliVersion: string;
  assetDir: string;
  features: readonly string[];
}): Promise<BundleExpectation | null> {
  const { cliVersion, assetDir, features } = options;
  const [asset, locked] = await Promise.all([verifyRuntimeAsset({ assetDir }), readLockedAsset(assetDir)]);
  if (locked === null) return null;
  return {
    cliVersion,
    lockSha256: locked.digestsFor(['core']).lock,
    wheelSha256: asset.manifest.wheel.sha256,
    platform: `${process.platform}-${process.arch}`,
    features,
  };
}

/**
 * Inspects a file, its parts or a folder, reading a few kilobytes.
 * @returns `null` when it is not a bundle at all
 * @throws the file system's error; UnusableFileError.
 */
export async function judgeBundle(path: string, wanted: BundleExpectation): Promise<NearbyBundle | null> {
  const found = { path, sizeBytes: 0, totalBytes: null, cliVersion: null } as const;
  try {
    const segments = await segmentsOf(path);
    const sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    return await judgeSegments({ ...found, sizeBytes }, segments, wanted);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    if (error.refusal === 'not-a-bundle' || error.refusal === 'missing') return null;
    // A part, or a file of a folder, that has not arrived yet.
    const isComing = error.refusal === 'truncated' || error.refusal === 'structure';
    return { ...found, state: isComing ? 'incomplete' : 'damaged', problem: error.message };
  }
}

type Found = Omit<NearbyBundle, 'state' | 'problem'>;

async function judgeSegments(
  found: Found,
  segments: readonly BundleSegment[],
  wanted: BundleExpectation,
): Promise<NearbyBundle | null> {
  const sizes = segments.map(({ sizeBytes }) => sizeBytes);
  const isFolder = segments.some((segment) => 'bytes' in segment);
  const isSplit = sizes.length > 1 || /\.001$/.test(found.path);
  const reader = positionReader(segments);
  try {
    // Checked before reading the list, which may extend into a truncated part.
    const uneven = isFolder ? null : unevenPart(sizes);
    if (uneven !== null)
      return { ...found, ...cutWords(found, { part: uneven, problem: 'too-short' }, isSplit) };
    const start = await readContents(reader).catch((error: unknown): 'broken' => {
      // The list begins in the first part and is broken where the next part continues.
      if (sizes.length > 1 && error instanceof BundleError && error.refusal === 'contents') return 'broken';
      throw error;
    });
    if (start === 'broken')
      return {
        ...found,
        state: 'wrong-part',
        problem: `${partPath(stemOf(found.path), 2)} is a part of another bundle`,
      };
    if (start === null) return null;
    if (start === 'incomplete')
      return {
        ...found,
        state: 'incomplete',
        problem: `Only ${formatBytes(found.sizeBytes)} have arrived`,
      };
    const layout = bundleLayout(start.contents, start.contentsBytes, start.signatureBytes);
    const known = { ...found, totalBytes: layout.totalBytes, cliVersion: start.contents.cliVersion };
    const misfit = misfitOf(start.contents, wanted);
    if (misfit) return { ...known, ...misfit };
    const cut = isFolder ? null : sizeProblem(sizes, layout.totalBytes);
    if (cut) return { ...known, ...cutWords(known, cut, isSplit) };
    for (const { position, ...header } of layout.headers) {
      const block = await reader.read(position, BLOCK_BYTES);
      if (block.equals(encodeHeader(header))) continue;
      return { ...known, ...misplaced(block, segments, position, header.path) };
    }
    return { ...known, state: 'usable', problem: null };
  } finally {
    await reader.close();
  }
}

/** The list, if enough of it has arrived; `null` when this is another kind of file. */
async function readContents(
  reader: PositionReader,
): Promise<
  { contents: BundleContents; contentsBytes: number; signatureBytes: number } | 'incomplete' | null
> {
  const header = (block: Buffer) => {
    if (block.length < BLOCK_BYTES) return 'incomplete' as const;
    try {
      return decodeHeader(block);
    } catch (error) {
      if (error instanceof UstarError) return null;
      throw error;
    }
  };
  const first = header(await reader.read(0, BLOCK_BYTES));
  if (first === 'incomplete') return first;
  if (first === null || first.path !== 'bundle.json' || first.sizeBytes > MAX_CONTENTS_BYTES) return null;
  const bytes = await reader.read(BLOCK_BYTES, first.sizeBytes);
  // Preallocated space that is not filled yet reads as zeros.
  if (bytes.length < first.sizeBytes || bytes.includes(0)) return 'incomplete';
  const contents = parseContents(bytes);
  const unsigned = bundleLayout(contents, first.sizeBytes, 0);
  // The digest is followed by the signature or the first member.
  const digest = unsigned.headers[1]!;
  const third = header(
    await reader.read(
      digest.position + BLOCK_BYTES + digest.sizeBytes + paddingAfter(digest.sizeBytes),
      BLOCK_BYTES,
    ),
  );
  if (third === 'incomplete') return third;
  const signatureBytes = third?.path === SIGNATURE_PATH ? third.sizeBytes : 0;
  return { contents, contentsBytes: first.sizeBytes, signatureBytes };
}

function misfitOf(
  contents: BundleContents,
  wanted: BundleExpectation,
): Pick<NearbyBundle, 'state' | 'problem'> | null {
  if (contents.lockSha256 !== wanted.lockSha256 || contents.wheelSha256 !== wanted.wheelSha256)
    return {
      state: 'other-version',
      problem:
        contents.cliVersion === wanted.cliVersion
          ? `It was made by another build of ktx ${wanted.cliVersion}`
          : `It was made by ktx ${contents.cliVersion}; this is ktx ${wanted.cliVersion}`,
    };
  if (!contents.platforms.includes(wanted.platform))
    return {
      state: 'other-platform',
      problem: `It is for ${contents.platforms.join(', ')}; this machine is ${wanted.platform}`,
    };
  const missing = wanted.features.filter((feature) => !contents.features.includes(feature));
  if (missing.length === 0) return null;
  return { state: 'other-features', problem: `It was made without ${missing.join(', ')}` };
}

function cutWords(
  { path, sizeBytes, totalBytes }: Found,
  { part, problem }: NonNullable<ReturnType<typeof sizeProblem>>,
  isSplit: boolean,
): Pick<NearbyBundle, 'state' | 'problem'> {
  const name = isSplit ? partPath(stemOf(path), part) : path;
  const amount =
    totalBytes === null
      ? `${formatBytes(sizeBytes)} so far`
      : `${formatBytes(sizeBytes)} of ${formatBytes(totalBytes)} so far`;
  if (problem === 'missing') return { state: 'incomplete', problem: `${name} is missing: ${amount}` };
  if (problem === 'too-long')
    return { state: isSplit ? 'wrong-part' : 'damaged', problem: `${name} is too long` };
  // A first part alone may be complete for all we know.
  if (isSplit && part === 1 && sizeBytes % 1000 === 0)
    return { state: 'incomplete', problem: `${partPath(stemOf(path), 2)} is missing: ${amount}` };
  return { state: 'incomplete', problem: `${name} is cut short: ${amount}` };
}

function misplaced(
  block: Buffer,
  segments: readonly BundleSegment[],
  position: number,
  member: string,
): Pick<NearbyBundle, 'state' | 'problem'> {
  const path = fileAt(segments, position);
  // A copy into a preallocated file.
  if (block.every((byte) => byte === 0))
    return { state: 'incomplete', problem: `${path ?? member} is not filled up to ${member}` };
  if (path !== null && segments.length > 1)
    return { state: 'wrong-part', problem: `${path} is a part of another bundle` };
  return { state: 'damaged', problem: `${member} is not in its place` };
}

function fileAt(segments: readonly BundleSegment[], position: number): string | null {
  let end = 0;
  for (const segment of segments) {
    end += segment.sizeBytes;
    if (end > position) return 'path' in segment ? segment.path : null;
  }
  return null;
}

interface PositionReader {
  /** Fewer bytes only at the end. */
  read(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

function positionReader(segments: readonly BundleSegment[]): PositionReader {
  const handles = new Map<BundleSegment, FileHandle>();
  const piece = async (segment: BundleSegment, at: number, length: number): Promise<Buffer> => {
    if ('bytes' in segment) return segment.bytes.subarray(at, at + length);
    const handle = handles.get(segment) ?? (await openSegment(segment));
    handles.set(segment, handle);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  };
  return {
    async read(position, length) {
      const pieces: Buffer[] = [];
      let start = 0;
      for (const segment of segments) {
        const from = Math.max(position, start);
        const to = Math.min(position + length, start + segment.sizeBytes);
        if (from < to) pieces.push(await piece(segment, from - start, to - from));
        start += segment.sizeBytes;
      }
      return Buffer.concat(pieces);
    },
    async close() {
      for (const handle of handles.values()) await handle.close();
    },
  };
}
