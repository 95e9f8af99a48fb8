import type { Worker } from 'node:worker_threads';
import { CancelledError, throwIfCancelled } from '../errors.ts';

/** A file's size and digest, or why there is none; `code` is the system's error. */
export type HashedFile =
  | { sizeBytes: number; sha256: string }
  | { problem: 'missing' }
  | { problem: 'not-a-file' }
  | { problem: 'unreadable'; code: string };

/**
 * Source of a worker thread, kept as text so that bundlers need no extra file. It opens files like
 * `openRegularFile` with `links: 'follow'`, but synchronously: for a thousand small files the trips through
 * the event loop take longer than the hashing.
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
    // The read covered the whole file; no second read is needed to see the end.
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
 * Starts the thread for the next `hashFiles` early, while its caller still waits for something else: starting one
 * takes about as long as hashing a thousand small files. The thread does not keep the process alive.
 * @param signal ends the thread if it has not been used.
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
  // A thread that failed or ended is never handed out; `hashFiles` then starts its own and reports the error.
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
 * The sha256, in hex, of each file, in order. Reads in a worker thread, so that a disk that takes seconds for
 * a sector blocks nothing else.
 * @throws CancelledError at once when the signal fires.
 */
export async function hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<HashedFile[]> {
  throwIfCancelled(signal);
  const worker = await takeThread();
  const done = Promise.withResolvers<HashedFile[]>();
  const cancel = () => done.reject(new CancelledError());
  // Listening keeps the process alive, even for a thread that was started early.
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
    // Not awaited: a hanging read would delay it.
    void worker.terminate();
  }
}
