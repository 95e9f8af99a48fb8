import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { explainMachineFailure } from '../failure/causes/machine-failure.ts';
import { machineReasonOf } from '../failure/causes/machine-reason.ts';
import type { KnownFiles } from '../runtime/known-files.ts';
import type { Artefact } from '../shipped/lock.ts';
import {
  absentAsNull,
  CancelledError,
  errorMessage,
  isRefusedRemoval,
  SetupError,
  throwIfCancelled,
} from '../support/errors.ts';
import { makeFolder, syncDirectory } from '../support/fs/atomic-file.ts';
import { identityOf } from '../support/fs/file-identity.ts';
import { openNewFile, openRegularFile } from '../support/fs/regular-file.ts';
import { byHandThenRetry } from '../support/remedies.ts';
import { type PartialFile, type PartialOrigin, partialStore } from './partial.ts';

/** TLS delivers 16 KiB at a time; writing each piece separately costs more than the data. */
const WRITE_PIECE_BYTES = 256 * 1024;
const SETTLED_MS = 100;
/**
 * For hashing files: the next piece is read while one is hashed. 60 MB take 35 ms; with pieces of 128 KiB, 41
 * ms.
 */
const HASH_PIECE_BYTES = 1024 * 1024;
/** What is hashed for longer than a thread takes to start, 10 ms, is hashed in one while this one goes on. */
const THREAD_FROM_BYTES = 16 * 1024 * 1024;

/** The received bytes have a different digest. The partial file has been deleted. */
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
  /** Bytes in the file so far, including those of an earlier attempt. */
  onBytes?: (doneBytes: number) => void;
  /** The body continues after this many bytes of the partial file; 0 starts over. */
  startBytes?: number;
  /** Stored beside the partial file, for a later resume. */
  origin?: PartialOrigin;
  /** `false`: the caller syncs the file later, with others. Until then a power cut may leave it torn, which `verify` notices. */
  isDurable?: boolean;
}

/**
 * Verified files by digest: `<storeDir>/<sha256>/<file>`; `<storeDir>/<sha256>.partial` during a transfer and
 * after one that broke off. Writers must hold the install lock: two writers of one partial file would corrupt
 * it.
 */
export interface ArtefactStore {
  readonly dir: string;
  /** The artefact's path, whether or not it exists. Does not touch the disk. */
  pathOf(artefact: Artefact): string;
  /** Whether a file of the right size exists. Not hashed: call `verify` before using it. */
  has(artefact: Artefact): Promise<boolean>;
  /** The artefacts for which `has` is false. */
  missingOf(artefacts: readonly Artefact[]): Promise<Artefact[]>;
  /** @throws the file system's error when it does not exist. */
  sizeOf(artefact: Artefact): Promise<number>;
  /**
   * Hashes the file. A wheel checked by an earlier install is not hashed (see `digestOf`): what unpacks it
   * hashes it again.
   */
  verify(artefact: Artefact, signal?: AbortSignal): Promise<'ok' | 'missing' | 'altered'>;
  /**
   * sha256 of any file, in the store or elsewhere; `null` when it does not exist. A file that has not changed
   * since the last call is not hashed again: a plan and the install after it check the same files.
   * @param expected also accept a check by an earlier install, see `KnownFiles`.
   * @throws CancelledError, or the file system's error.
   */
  digestOf(path: string, signal?: AbortSignal, expected?: string): Promise<string | null>;
  /**
   * Streams bytes into the store, hashing them on the way; the file is renamed into place only if the digest
   * matches.
   * @returns its size.
   * @throws DigestMismatchError; SetupError of class disk or permission; CancelledError; whatever the body
   * rejects with. After a broken transfer (SetupError from the body, CancelledError) the partial file is
   * kept; after anything else it is deleted.
   */
  put(artefact: Artefact, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<number>;
  /** The result of an unfinished transfer, or `null`. Its bytes are not verified. */
  partial(artefact: Artefact): Promise<PartialFile | null>;
  discardPartial(artefact: Artefact): Promise<void>;
  remove(artefact: Artefact): Promise<void>;
}

/** @param known omit it to hash every file. */
export function openStore(storeDir: string, known?: KnownFiles): ArtefactStore {
  const folderOf = (artefact: Artefact) => join(storeDir, artefact.sha256);
  const pathOf = (artefact: Artefact) => join(folderOf(artefact), artefact.file);
  const partials = partialStore(storeDir);
  /** Digests computed so far, by path, with the file's identity at the time. */
  const hashed = new Map<string, { identity: string; sha256: string }>();
  const digestOf: ArtefactStore['digestOf'] = async (path, signal, expected) => {
    const status = await stat(path, { bigint: true }).catch(absentAsNull);
    if (status === null) return null;
    const identity = identityOf(status);
    if (expected !== undefined && known?.has(path, identity, expected)) return expected;
    const earlier = hashed.get(path);
    if (earlier?.identity === identity) return earlier.sha256;
    // Timestamps may only have millisecond resolution: a file modified just now could change again unnoticed.
    const isSettled = Date.now() - Number(status.ctimeMs) > SETTLED_MS;
    // A plan holds no lock, so another run may have deleted the file since.
    const isLong = Number(status.size) >= THREAD_FROM_BYTES;
    const hash = isLong ? hashInThread : hashFile;
    const sha256 = await hash(path, signal).catch(absentAsNull);
    if (isSettled && sha256 !== null) hashed.set(path, { identity, sha256 });
    return sha256;
  };

  const has: ArtefactStore['has'] = async (artefact) => {
    const status = await stat(pathOf(artefact)).catch(() => null);
    return status?.isFile() === true && (artefact.sizeBytes === null || status.size === artefact.sizeBytes);
  };

  return {
    dir: storeDir,
    pathOf,
    has,
    async missingOf(artefacts) {
      // One `readdir` saves a `stat` per file when the store is empty, as on the very first screen.
      const digests = new Set(await readdir(storeDir).catch(() => []));
      const isHere = await Promise.all(
        artefacts.map(async (artefact) => digests.has(artefact.sha256) && (await has(artefact))),
      );
      return artefacts.filter((_, position) => !isHere[position]);
    },
    sizeOf: async (artefact) => (await stat(pathOf(artefact))).size,
    async verify(artefact, signal) {
      const path = pathOf(artefact);
      const status = await stat(path).catch(() => null);
      if (status === null) return 'missing';
      if (!status.isFile() || (artefact.sizeBytes !== null && status.size !== artefact.sizeBytes))
        return 'altered';
      const expected = artefact.kind === 'wheel' ? artefact.sha256 : undefined;
      const sha256 = await digestOf(path, signal, expected);
      if (sha256 === null) return 'missing';
      return sha256 === artefact.sha256 ? 'ok' : 'altered';
    },
    digestOf,
    async put(artefact, body, options = {}) {
      const path = partials.pathOf(artefact.sha256);
      try {
        await makeFolder(storeDir);
        if (!options.startBytes) {
          const isWorthNoting = (artefact.sizeBytes ?? Number.POSITIVE_INFINITY) >= WRITE_PIECE_BYTES;
          await partials.begin(artefact.sha256, isWorthNoting ? (options.origin ?? null) : null);
        }
        const sizeBytes = await writePartial(path, artefact, body, options);
        await makeFolder(folderOf(artefact));
        await rename(path, pathOf(artefact));
        await partials.discard(artefact.sha256);
        if (options.isDurable !== false) await syncDirectory(folderOf(artefact));
        return sizeBytes;
      } catch (error) {
        // A transfer that broke off can be resumed; after a local or verification error the partial file
        // would only get in the way.
        const isWorthKeeping = error instanceof SetupError || error instanceof CancelledError;
        if (!isWorthKeeping || (await partials.read(artefact.sha256)) === null)
          await partials.discard(artefact.sha256);
        throw storeFailure(error, storeDir);
      }
    },
    async partial(artefact) {
      const partial = await partials.read(artefact.sha256);
      if (partial === null) return null;
      if (artefact.sizeBytes === null || partial.sizeBytes <= artefact.sizeBytes) return partial;
      await partials.discard(artefact.sha256);
      return null;
    },
    discardPartial: (artefact) => partials.discard(artefact.sha256),
    async remove(artefact) {
      const folder = folderOf(artefact);
      await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
        const reason = isRefusedRemoval(error) ? 'refused-by-system' : machineReasonOf(error)?.reason;
        if (reason === undefined) throw error;
        throw new SetupError(`${folder} cannot be removed.`, {
          failureClass: 'permission',
          causeId: reason,
          evidence: [isRefusedRemoval(error) ? 'the system does not permit it' : errorMessage(error)],
          remedies: [byHandThenRetry('Check its owner and attributes (lsattr, chattr -i)')],
          cause: error,
        });
      });
    },
  };
}

/** The longest that the file can be. For an archive of unknown size, its unpacked size. */
export function maxBytesOf({ sizeBytes, unpackedBytes }: Artefact): number {
  return sizeBytes ?? unpackedBytes ?? Number.POSITIVE_INFINITY;
}

/** Digest of a file, at disk speed. @throws CancelledError, or the file system's error. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' });
  try {
    const hash = createHash('sha256');
    await updateFrom(hash, handle, Number.POSITIVE_INFINITY, signal);
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** The same, in a thread of its own. @throws CancelledError, or the file system's error. */
export async function hashInThread(path: string, signal?: AbortSignal): Promise<string> {
  const { hashFiles } = await import('../support/fs/hash-files.ts');
  const [hashed] = await hashFiles([path], signal);
  // Again for the system's own error.
  return hashed && 'sha256' in hashed ? hashed.sha256 : hashFile(path, signal);
}

/** Hashes the start of the file, up to `limitBytes`. @returns the number of bytes hashed. */
async function updateFrom(
  hash: Hash,
  handle: FileHandle,
  limitBytes: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { size } = await handle.stat();
  const pieceBytes = Math.max(1, Math.min(size, HASH_PIECE_BYTES));
  const read = async (buffer: Buffer, position: number): Promise<Buffer> => {
    const wanted = Math.min(buffer.length, limitBytes - position);
    const { bytesRead } = wanted > 0 ? await handle.read(buffer, 0, wanted, position) : { bytesRead: 0 };
    return buffer.subarray(0, bytesRead);
  };
  let [current, other] = [Buffer.allocUnsafe(pieceBytes), Buffer.allocUnsafe(pieceBytes)];
  let doneBytes = 0;
  for (let piece = await read(current, 0); piece.length > 0; [current, other] = [other, current]) {
    throwIfCancelled(signal);
    doneBytes += piece.length;
    const next = read(other, doneBytes);
    hash.update(piece);
    piece = await next;
  }
  return doneBytes;
}

async function writePartial(
  path: string,
  artefact: Artefact,
  body: AsyncIterable<Uint8Array>,
  { signal, onBytes, startBytes = 0, isDurable = true }: PutOptions,
): Promise<number> {
  const handle =
    startBytes > 0
      ? await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY }, 'update')
      : await openNewFile(path);
  try {
    const hash = createHash('sha256');
    if (startBytes > 0) await updateFrom(hash, handle, startBytes, signal);
    const sizeBytes = await writeChunks(handle, hash, artefact, body, startBytes, signal, onBytes);
    const actual = hash.digest('hex');
    if (actual !== artefact.sha256) throw new DigestMismatchError(artefact.sha256, actual, sizeBytes);
    if (isDurable) await handle.sync();
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
  startBytes: number,
  signal: AbortSignal | undefined,
  onBytes: PutOptions['onBytes'],
): Promise<number> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let writtenBytes = startBytes;
  const flush = async () => {
    if (waitingBytes === 0) return;
    const block = Buffer.concat(waiting);
    for (let at = 0; at < block.length; ) {
      const { bytesWritten } = await handle.write(block, at, block.length - at, writtenBytes);
      at += bytesWritten;
      writtenBytes += bytesWritten;
    }
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const chunk of body) {
      throwIfCancelled(signal);
      hash.update(chunk);
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      const sizeBytes = writtenBytes + waitingBytes;
      onBytes?.(sizeBytes);
      // Longer than the file can be: do not wait for an end that may never come.
      if (sizeBytes > maxBytesOf(artefact)) break;
      if (waitingBytes >= WRITE_PIECE_BYTES) await flush();
    }
  } finally {
    // Also when the transfer breaks off: what has arrived need not be sent again.
    await flush();
  }
  return writtenBytes;
}

/** Explains errors that a person can act on (disk full, no permission). */
function storeFailure(error: unknown, storeDir: string): unknown {
  return explainMachineFailure(error, { path: storeDir });
}
