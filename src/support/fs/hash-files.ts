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
const { createHash } = require('node:crypto');
const { closeSync, constants, fstatSync, openSync, readSync, statSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const piece = Buffer.allocUnsafeSlow(256 * 1024);
const hashOf = (path) => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { problem: 'missing' };
  if (!found.isFile()) return { problem: 'not-a-file' };
  const handle = openSync(path, flags);
  try {
    if (!fstatSync(handle).isFile()) return { problem: 'not-a-file' };
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for (let length; (length = readSync(handle, piece, 0, piece.length, null)) > 0; sizeBytes += length)
      hash.update(piece.subarray(0, length));
    return { sizeBytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(handle);
  }
};
parentPort.postMessage(workerData.map((path) => {
  try {
    return hashOf(path);
  } catch (error) {
    return { problem: 'unreadable', code: error.code ?? String(error) };
  }
}));
`;

/**
 * The sha256, in hex, of each of these files, in their order. Reading happens beside the event loop: a disk that takes
 * seconds for a sector holds up nothing else.
 * @throws CancelledError at once when the signal fires.
 */
export async function hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<HashedFile[]> {
  const { Worker } = await import('node:worker_threads');
  throwIfCancelled(signal);
  const worker = new Worker(THREAD, { eval: true, workerData: paths, execArgv: [], env: {} });
  const done = Promise.withResolvers<HashedFile[]>();
  const cancel = () => done.reject(new CancelledError());
  worker.once('message', done.resolve);
  worker.once('error', done.reject);
  worker.once('exit', (code) =>
    done.reject(new Error(`the thread that hashes files ended with code ${code}`)),
  );
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await done.promise;
  } finally {
    signal?.removeEventListener('abort', cancel);
    // Not waited for: a read that hangs holds up the end of the thread.
    void worker.terminate();
  }
}
