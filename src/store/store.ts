import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artefact } from '../runtime/lock.ts';
import { syncDirectory } from '../support/atomic-file.ts';
import { errorCode, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';

/** Measured: reads of 128 to 256 KiB hash 1.5 GB in 1.2 s, the default of streams in 3.3 s. */
const READ_SIZE_BYTES = 256 * 1024;

/** What arrived is not what was asked for. The partial file is gone. */
export class DigestMismatchError extends Error {
  readonly expected: string;
  readonly actual: string;
  readonly sizeBytes: number;

  constructor(expected: string, actual: string, sizeBytes: number) {
    super(`expected sha256 ${expected}, got ${actual} over ${sizeBytes} bytes`);
    this.name = 'DigestMismatchError';
    this.expected = expected;
    this.actual = actual;
    this.sizeBytes = sizeBytes;
  }
}

export interface PutOptions {
  signal?: AbortSignal;
  /** Bytes written so far. */
  onBytes?: (doneBytes: number) => void;
}

/** Verified files by digest: `<storeDir>/<sha256>/<file>`; `<storeDir>/<sha256>.partial` while one arrives. */
export interface ArtefactStore {
  readonly dir: string;
  /** Where it is, or would be. Touches no disk. */
  pathOf(artefact: Artefact): string;
  /** A file of the right size is there. Not hashed: say `verify` before it is used. */
  has(artefact: Artefact): Promise<boolean>;
  /** @throws the file system's error when it is not there. */
  sizeOf(artefact: Artefact): Promise<number>;
  /** Hashes the file. */
  verify(artefact: Artefact, signal?: AbortSignal): Promise<'ok' | 'missing' | 'altered'>;
  /**
   * Streams bytes into the store, hashing as they come; the file takes its place only when the digest is right.
   * @returns its size.
   * @throws DigestMismatchError; SetupError of class disk or permission; CancelledError; whatever the body rejects with. In all cases the partial file is gone.
   */
  put(artefact: Artefact, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<number>;
  remove(artefact: Artefact): Promise<void>;
}

export function openStore(storeDir: string): ArtefactStore {
  const folderOf = (artefact: Artefact) => join(storeDir, artefact.sha256);
  const pathOf = (artefact: Artefact) => join(folderOf(artefact), artefact.file);

  return {
    dir: storeDir,
    pathOf,
    async has(artefact) {
      const status = await stat(pathOf(artefact)).catch(() => null);
      return status?.isFile() === true && (artefact.sizeBytes === null || status.size === artefact.sizeBytes);
    },
    sizeOf: async (artefact) => (await stat(pathOf(artefact))).size,
    async verify(artefact, signal) {
      const path = pathOf(artefact);
      const status = await stat(path).catch(() => null);
      if (status === null) return 'missing';
      if (!status.isFile() || (artefact.sizeBytes !== null && status.size !== artefact.sizeBytes))
        return 'altered';
      return (await hashFile(path, signal)) === artefact.sha256 ? 'ok' : 'altered';
    },
    async put(artefact, body, options = {}) {
      const partial = join(storeDir, `${artefact.sha256}.partial`);
      try {
        await mkdir(storeDir, { recursive: true });
        const sizeBytes = await writePartial(partial, artefact, body, options);
        await mkdir(folderOf(artefact), { recursive: true });
        await rename(partial, pathOf(artefact));
        await syncDirectory(folderOf(artefact));
        return sizeBytes;
      } catch (error) {
        await rm(partial, { force: true });
        throw storeFailure(error, storeDir);
      }
    },
    async remove(artefact) {
      await rm(folderOf(artefact), { recursive: true, force: true });
    },
  };
}

/** Digest of a file, at the speed of the disk. @throws CancelledError, or the file system's error. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(READ_SIZE_BYTES);
    for (;;) {
      throwIfCancelled(signal);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

async function writePartial(
  path: string,
  artefact: Artefact,
  body: AsyncIterable<Uint8Array>,
  { signal, onBytes }: PutOptions,
): Promise<number> {
  const handle = await open(path, 'w');
  try {
    const hash = createHash('sha256');
    const sizeBytes = await writeChunks(handle, hash, artefact, body, signal, onBytes);
    const actual = hash.digest('hex');
    if (actual !== artefact.sha256) throw new DigestMismatchError(artefact.sha256, actual, sizeBytes);
    await handle.sync();
    return sizeBytes;
  } finally {
    await handle.close();
  }
}

async function writeChunks(
  handle: FileHandle,
  hash: Hash,
  artefact: Artefact,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  onBytes: PutOptions['onBytes'],
): Promise<number> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let sizeBytes = 0;
  const flush = async () => {
    if (waitingBytes === 0) return;
    // writeFile goes on at the current position and, unlike write and writev, never stops half-way.
    await handle.writeFile(Buffer.concat(waiting));
    waiting = [];
    waitingBytes = 0;
  };
  for await (const chunk of body) {
    throwIfCancelled(signal);
    hash.update(chunk);
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    sizeBytes += chunk.byteLength;
    onBytes?.(sizeBytes);
    // Longer than the file can be: no need to wait for the end of it, which may never come.
    if (artefact.sizeBytes !== null && sizeBytes > artefact.sizeBytes) break;
    // TLS hands out 16 KiB at a time; a write for each costs more than the bytes.
    if (waitingBytes >= READ_SIZE_BYTES) await flush();
  }
  await flush();
  return sizeBytes;
}

/** Turns what a person can act on (disk full, no permission) into words. */
function storeFailure(error: unknown, storeDir: string): unknown {
  const code = errorCode(error);
  if (error instanceof SetupError || code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SetupError(`The disk of ${storeDir} is full.`, {
      failureClass: 'disk',
      evidence: [errorMessage(error)],
      nextSteps: [
        'Free some space, or choose another place: ktx setup --runtime-root <dir>',
        'Then run: ktx setup',
      ],
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SetupError(`${storeDir} cannot be written.`, {
      failureClass: 'permission',
      evidence: [errorMessage(error)],
      nextSteps: ['Check who owns the folder, or choose another place: ktx setup --runtime-root <dir>'],
      cause: error,
    });
  }
  return error;
}
