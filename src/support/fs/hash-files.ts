import type { Worker } from 'node:worker_threads';
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

let spare: Promise<Worker> | null = null;

/**
 * Starts the thread for the next `hashFiles`, which takes about as long as hashing a thousand small files: for who knows that
 * there will be something to hash while it still waits for something else. The thread keeps no process alive.
 * @param signal ends it, if nobody has used it.
 */
export function startHashThread(signal: AbortSignal): void {
  if (spare !== null || signal.aborted) return;
  const starting = newThread();
  spare = starting;
  const drop = () => {
    if (spare === starting) spare = null;
  };
  const end = () => {
    if (spare !== starting) return;
    spare = null;
    void starting.then((thread) => thread.terminate());
  };
  signal.addEventListener('abort', end, { once: true });
  // One that fails, or ends, is not handed out: who needs one starts its own, and reports what stands in the way.
  starting.then((thread) => {
    thread.unref();
    thread.on('error', drop);
    thread.on('exit', drop);
  }, drop);
}

async function newThread(): Promise<Worker> {
  const { Worker } = await import('node:worker_threads');
  return new Worker(THREAD, { eval: true, execArgv: [], env: {}, trackUnmanagedFds: false });
}

function takeThread(): Promise<Worker> {
  const taken = spare ?? newThread();
  spare = null;
  return taken;
}

/**
 * The sha256, in hex, of each of these files, in their order. Reading happens beside the event loop: a disk that takes
 * seconds for a sector holds up nothing else.
 * @throws CancelledError at once when the signal fires.
 */
export async function hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<HashedFile[]> {
  throwIfCancelled(signal);
  const worker = await takeThread();
  worker.ref();
  const done = Promise.withResolvers<HashedFile[]>();
  const cancel = () => done.reject(new CancelledError());
  worker.once('message', done.resolve);
  worker.once('error', done.reject);
  worker.once('exit', (code) =>
    done.reject(new Error(`the thread that hashes files ended with code ${code}`)),
  );
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  worker.postMessage(paths);
  try {
    return await done.promise;
  } finally {
    signal?.removeEventListener('abort', cancel);
    // Not waited for: a read that hangs holds up the end of the thread.
    void worker.terminate();
  }
}
