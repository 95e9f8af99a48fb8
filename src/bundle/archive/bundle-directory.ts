import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { absentAsNull } from '../../support/errors.ts';
import { readRegularFile } from '../../support/fs/regular-file.ts';
import { BundleError } from './bundle-error.ts';
import {
  CONTENTS_PATH,
  DIGEST_PATH,
  MAX_CONTENTS_BYTES,
  MAX_SIGNATURE_BYTES,
  SIGNATURE_PATH,
} from './bundle-schema.ts';
import type { BundleSegment } from './bundle-segment.ts';
import { parseContents } from './parse-contents.ts';
import { BLOCK_BYTES, encodeHeader, paddingAfter } from './ustar.ts';

/**
 * Reconstructs the archive of an unpacked bundle from its files, so that the same reader checks both. Other
 * files in the folder are ignored, except inside the program. No link below the folder is followed.
 * @throws BundleError when a listed file is missing; UnusableFileError; the file system's error.
 */
export async function directorySegments(folder: string): Promise<BundleSegment[]> {
  const contents = await document(folder, CONTENTS_PATH, MAX_CONTENTS_BYTES);
  if (contents === null)
    throw new BundleError('not-a-bundle', `There is no ${CONTENTS_PATH} in ${folder}`, [
      'a folder is a bundle when it holds the files of one',
    ]);
  const segments: BundleSegment[] = [...memory(CONTENTS_PATH, contents)];
  for (const path of [DIGEST_PATH, SIGNATURE_PATH]) {
    const bytes = await document(folder, path, MAX_SIGNATURE_BYTES);
    if (bytes !== null) segments.push(...memory(path, bytes));
  }
  const { members } = parseContents(contents);
  for (const { path, isOmitted } of members) {
    if (isOmitted) continue;
    const file = join(folder, ...path.split('/'));
    const status = await lstat(file).catch(absentAsNull);
    if (status === null)
      throw new BundleError('structure', `A file of the bundle is missing: ${path}`, [`looked in ${folder}`]);
    if (!status.isFile())
      throw new BundleError('structure', `Not a regular file in the bundle: ${path}`, [
        `looked in ${folder}`,
      ]);
    const sizeBytes = status.size;
    segments.push({ bytes: encodeHeader({ path, sizeBytes }), sizeBytes: BLOCK_BYTES });
    segments.push({ path: file, within: folder, sizeBytes });
    segments.push(zeros(paddingAfter(sizeBytes)));
  }
  const listed = new Set(members.map(({ path }) => path));
  for (const path of await programFiles(folder)) if (!listed.has(path)) throw planted(path, folder);
  return [...segments, zeros(2 * BLOCK_BYTES)];
}

/** Files in the folders that a bundle's program is run from: a module planted there would be loaded. */
async function programFiles(folder: string): Promise<string[]> {
  const found = await Promise.all(
    ['app', 'node'].map(async (part) => {
      const entries = await readdir(join(folder, part), { recursive: true, withFileTypes: true }).catch(
        absentAsNull,
      );
      return (entries ?? [])
        .filter((entry) => !entry.isDirectory())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
    }),
  );
  return found.flat();
}

function planted(path: string, folder: string): BundleError {
  return new BundleError('structure', `The folder holds a file that the bundle does not list: ${path}`, [
    `in ${folder}`,
    'unpack the bundle again, into an empty folder',
  ]);
}

async function document(folder: string, path: string, maxBytes: number): Promise<Buffer | null> {
  return readRegularFile(join(folder, path), { maxBytes, within: folder }).catch(absentAsNull);
}

function memory(path: string, bytes: Buffer): BundleSegment[] {
  const header = encodeHeader({ path, sizeBytes: bytes.length });
  return [
    { bytes: header, sizeBytes: header.length },
    { bytes, sizeBytes: bytes.length },
    zeros(paddingAfter(bytes.length)),
  ];
}

function zeros(sizeBytes: number): BundleSegment {
  return { bytes: Buffer.alloc(sizeBytes), sizeBytes };
}
