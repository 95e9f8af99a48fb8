import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SetupError, throwIfCancelled } from '../../support/errors.ts';
import { jsonText, makeFolder, syncDirectory, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { openNewFile, openRegularFile } from '../../support/fs/regular-file.ts';
import { retryBecause } from '../../support/remedies.ts';
import { partPath } from './bundle-parts.ts';
import {
  type BundleContents,
  type BundleMember,
  CONTENTS_PATH,
  DIGEST_PATH,
  digestLine,
  SIGNATURE_PATH,
} from './bundle-schema.ts';
import { sumsPath, sumsText } from './part-sums.ts';
import { archiveBytes, BLOCK_BYTES, encodeHeader, paddingAfter } from './ustar.ts';

/** The source of a member's bytes; `load` produces large ones when they are written. */
export type ArchiveContent = { path: string } | { bytes: Buffer } | { load: () => Promise<Uint8Array> };

export interface WrittenBundle {
  /** The file, or its parts in order. */
  paths: readonly string[];
  sizeBytes: number;
  /** sha256 of the whole file, with its parts joined. */
  sha256: string;
  contents: BundleContents;
}

const PIECE_BYTES = 1024 * 1024;

/**
 * Writes the archive beside its target and renames it into place once it is complete and synced. Each
 * member's digest is checked again while it is read.
 * @throws SetupError when a file in the store changed meanwhile; CancelledError; the file system's error.
 */
export async function writeBundle(
  output: string,
  contents: BundleContents,
  members: readonly { member: BundleMember; content: ArchiveContent | null }[],
  options: {
    sign?: (contents: Uint8Array) => Promise<string>;
    splitBytes?: number;
    onBytes?: (doneBytes: number, totalBytes: number) => void;
    signal?: AbortSignal;
  },
): Promise<WrittenBundle> {
  const { signal, onBytes, splitBytes = Number.POSITIVE_INFINITY } = options;
  const list = Buffer.from(jsonText(contents));
  const digest = Buffer.from(digestLine(createHash('sha256').update(list).digest('hex')));
  const signature = options.sign ? Buffer.from(await options.sign(list)) : null;
  const included = members.flatMap(({ member, content }) => (content ? [{ member, content }] : []));
  const sizes = [
    list.length,
    digest.length,
    ...(signature ? [signature.length] : []),
    ...included.map(({ member }) => member.sizeBytes),
  ];
  const totalBytes = archiveBytes(sizes);
  await makeFolder(dirname(output));
  const parts = partWriter(output, totalBytes > splitBytes ? splitBytes : Number.POSITIVE_INFINITY);
  const hash = createHash('sha256');
  let doneBytes = 0;
  const write = async (bytes: Buffer) => {
    throwIfCancelled(signal);
    hash.update(bytes);
    await parts.write(bytes);
    doneBytes += bytes.length;
    onBytes?.(doneBytes, totalBytes);
  };
  try {
    const document = async (path: string, bytes: Buffer) => {
      await write(encodeHeader({ path, sizeBytes: bytes.length }));
      await write(bytes);
      await write(Buffer.alloc(paddingAfter(bytes.length)));
    };
    await document(CONTENTS_PATH, list);
    await document(DIGEST_PATH, digest);
    if (signature) await document(SIGNATURE_PATH, signature);
    for (const { member, content } of included) {
      if ('bytes' in content) await document(member.path, content.bytes);
      else if ('load' in content) {
        const bytes = await content.load();
        await document(member.path, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      } else {
        await write(encodeHeader(member));
        await copyChecked(content.path, member, write);
        await write(Buffer.alloc(paddingAfter(member.sizeBytes)));
      }
    }
    await write(Buffer.alloc(2 * BLOCK_BYTES));
    return { paths: await parts.finish(), sizeBytes: doneBytes, sha256: hash.digest('hex'), contents };
  } catch (error) {
    await parts.discard();
    throw error;
  }
}

async function copyChecked(
  path: string,
  member: BundleMember,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' });
  try {
    const hash = createHash('sha256');
    let doneBytes = 0;
    for (;;) {
      const { bytesRead, buffer } = await handle.read(
        Buffer.allocUnsafe(PIECE_BYTES),
        0,
        PIECE_BYTES,
        doneBytes,
      );
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      doneBytes += bytesRead;
      if (doneBytes > member.sizeBytes) break;
      await write(piece);
    }
    if (doneBytes === member.sizeBytes && hash.digest('hex') === member.sha256) return;
  } finally {
    await handle.close();
  }
  throw new SetupError(`${path} was changed while the bundle was written.`, {
    failureClass: 'verification',
    evidence: [`expected sha256 ${member.sha256}`],
    remedies: [retryBecause('the file is fetched again')],
  });
}

/** Writes to `<output>.partial`, or `<output>.001.partial` and so on, and renames them at the end. */
function partWriter(output: string, partBytes: number) {
  const isSplit = Number.isFinite(partBytes);
  const parts: { path: string; hash: Hash }[] = [];
  let handle: FileHandle | null = null;
  let writtenBytes = 0;
  const next = async () => {
    await handle?.sync();
    await handle?.close();
    const path = isSplit ? partPath(output, parts.length + 1) : output;
    handle = await openNewFile(`${path}.partial`);
    parts.push({ path, hash: createHash('sha256') });
    writtenBytes = 0;
    return handle;
  };
  return {
    async write(bytes: Buffer) {
      for (let at = 0; at < bytes.length; ) {
        const file: FileHandle = handle === null || writtenBytes >= partBytes ? await next() : handle;
        const length = Math.min(bytes.length - at, partBytes - writtenBytes);
        const { bytesWritten } = await file.write(bytes, at, length);
        // The caller hashes the whole file.
        if (isSplit) parts.at(-1)!.hash.update(bytes.subarray(at, at + bytesWritten));
        at += bytesWritten;
        writtenBytes += bytesWritten;
      }
    },
    async finish(): Promise<string[]> {
      await handle?.sync();
      await handle?.close();
      for (const { path } of parts) await rename(`${path}.partial`, path);
      if (isSplit) {
        const sums = parts.map(({ path, hash }) => ({ path, sha256: hash.digest('hex') }));
        await writeFileAtomic(sumsPath(output), sumsText(sums));
      }
      await removeEarlier(output, isSplit ? parts.length : 0);
      await syncDirectory(dirname(output));
      return parts.map(({ path }) => path);
    },
    async discard() {
      await handle?.close().catch(() => {});
      for (const { path } of parts) await rm(`${path}.partial`, { force: true });
    },
  };
}

/**
 * Removes remains of an earlier bundle with this name, split differently or into more parts: they would be
 * read as part of this one.
 */
async function removeEarlier(output: string, partCount: number): Promise<void> {
  if (partCount === 0) await rm(sumsPath(output), { force: true });
  else await rm(output, { force: true });
  for (let number = partCount + 1; ; number++) {
    const path = partPath(output, number);
    if (!(await pathExists(path))) return;
    await rm(path);
  }
}
