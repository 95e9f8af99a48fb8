import { CancelledError, throwIfCancelled } from '../errors.ts';

/** What a file holds; what was found instead of one; `unreadable` says the system's error. */
export type HashedFile =
  | { sizeBytes: number; sha256: string }
  | { problem: 'missing' }
  | { problem: 'not-a-file' }
  | { problem: 'unreadable'; code: string };

/**
 * Runs in a thread of its own, as text: whatever bundles this library needs no file for it. It opens files as
 * `openRegularFile` does with `links: 'follow'`, but one system call after the other: for a thousand small files the way
 * there and back through the event loop takes longer than all their hashing.
 */
const THREAD = `
const { createHash, hash: hashWhole } = require('node:crypto');
const { closeSync, constants, fstatSync, openSync, readSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const piece = Buffer.allocUnsafeSlow(256 * 1024);
const hashOf = (path) => {
  const handle = openSync(path, flags);
  try {
    const found = fstatSync(handle);
    if (!found.isFile()) return { problem: 'not-a-file' };
    let length = readSync(handle, piece, 0, piece.length, null);
    // A read that ends where the file does needs no other one to say so.
    if (length === found.size && length > 0)
      return { sizeBytes: length, sha256: hashWhole('sha256', piece.subarray(0, length), 'hex') };
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for (; length > 0; length = readSync(handle, piece, 0, piece.length, null)) {
      hash.update(piece.subarray(0, length));
      sizeBytes += length;
    }
    return { sizeBytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(handle);
  }
};
parentPort.once('message', (paths) => parentPort.postMessage(paths.map((path) => {
  try {
    return hashOf(path);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return { problem: 'missing' };
    if (error.code === 'EISDIR' || error.code === 'ENXIO') return { problem: 'not-a-file' };
    return { problem: 'unreadable', code: error.code ?? String(error) };
  }
})));
`;

/**
 * The sha256, in hex, of each of these files, in their order. Reading happens beside the event loop: a disk that takes
 * seconds for a sector holds up nothing else.
 * @param paths a promise of them lets the thread start while they are still looked up.
 * @throws CancelledError at once when the signal fires; what the promise is rejected with.
 */
export async function hashFiles(
  paths: readonly string[] | Promise<readonly string[]>,
  signal?: AbortSignal,
): Promise<HashedFile[]> {
  const { Worker } = await import('node:worker_threads');
  throwIfCancelled(signal);
  const worker = new Worker(THREAD, { eval: true, execArgv: [], env: {}, trackUnmanagedFds: false });
  const done = Promise.withResolvers<HashedFile[]>();
  const cancel = () => done.reject(new CancelledError());
  worker.once('message', done.resolve);
  worker.once('error', done.reject);
  worker.once('exit', (code) =>
    done.reject(new Error(`the thread that hashes files ended with code ${code}`)),
  );
  signal?.addEventListener('abort', cancel, { once: true });
  Promise.resolve(paths).then((known) => worker.postMessage(known), done.reject);
  try {
    return await done.promise;
  } finally {
    signal?.removeEventListener('abort', cancel);
    // Not waited for: a read that hangs holds up the end of the thread.
    void worker.terminate();
  }
}
