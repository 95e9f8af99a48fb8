import { type FileHandle, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explainMachineFailure } from '../failure/causes/machine-failure.ts';
import { errorMessage, SetupError } from '../support/errors.ts';
import { makeFolder, syncDirectory } from '../support/fs/atomic-file.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { createFile, openRegularFile, readRegularText } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import type { VectorFormat } from './formats.ts';
import { npyHeader } from './npy.ts';
import type { TextItem } from './read-texts.ts';

const DIMENSIONS = 384;
const VECTOR_BYTES = DIMENSIONS * 4;
const MAX_NOTE_BYTES = 4096;

/** One vector, float32 little-endian, as a line of JSON. Nine digits round-trip every float32. */
export function jsonLine(index: number, { id, text }: TextItem, vector: Buffer): string {
  const embedding = Array.from({ length: vector.length / 4 }, (_, at) =>
    Number(vector.readFloatLE(at * 4).toPrecision(9)),
  );
  return `${JSON.stringify({ index, ...(id === undefined ? {} : { id }), text, embedding })}\n`;
}

/** A partial file is resumed only with the same input, format and model. */
export interface VectorFileKey {
  inputSha256: string;
  format: VectorFormat;
  model: string;
}

/**
 * A file of vectors that appears only when complete. Vectors from an interrupted run are in `<path>.partial`,
 * described by `<path>.partial.json`; the next run with the same key resumes there.
 */
export class VectorFile {
  readonly #path: string;
  readonly #format: VectorFormat;
  readonly #handle: FileHandle;
  #size: number;
  /** The number of vectors written so far. */
  count: number;

  private constructor(path: string, format: VectorFormat, handle: FileHandle, size: number, count: number) {
    this.#path = path;
    this.#format = format;
    this.#handle = handle;
    this.#size = size;
    this.count = count;
  }

  /** Creates the folder. @throws SetupError when the file already exists or cannot be written. */
  static async open(path: string, key: VectorFileKey): Promise<VectorFile> {
    try {
      return await VectorFile.#openPartial(path, key);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  static async #openPartial(path: string, key: VectorFileKey): Promise<VectorFile> {
    if (await pathExists(path)) {
      throw new SetupError(`${path} is there already.`, {
        failureClass: 'conflict',
        evidence: [path],
        remedies: [otherRemedy('Choose another --output, or delete it first')],
      });
    }
    await makeFolder(dirname(path));
    const partial = `${path}.partial`;
    const note = JSON.stringify(key);
    const known = await readRegularText(`${partial}.json`, { maxBytes: MAX_NOTE_BYTES }).catch(() => null);
    if (known !== note) {
      await rm(partial, { force: true });
      await rm(`${partial}.json`, { force: true });
      const handle = await createFile(partial);
      const noteHandle = await createFile(`${partial}.json`);
      await noteHandle.writeFile(note).finally(() => noteHandle.close());
      return new VectorFile(path, key.format, handle, 0, 0);
    }
    const handle = await openRegularFile(partial, { maxBytes: Number.POSITIVE_INFINITY }, 'update').catch(
      () => createFile(partial),
    );
    const { size, count } = await completeRecords(handle, key.format);
    await handle.truncate(size);
    return new VectorFile(path, key.format, handle, size, count);
  }

  /** Appends the vectors of the next texts, each of `VECTOR_BYTES`. */
  async append(items: readonly TextItem[], vectors: readonly Buffer[]): Promise<void> {
    const data =
      this.#format === 'npy'
        ? Buffer.concat(vectors)
        : Buffer.from(vectors.map((vector, at) => jsonLine(this.count + at, items[at]!, vector)).join(''));
    await this.#writing(() => writeWhole(this.#handle, data, this.#size));
    this.#size += data.length;
    this.count += vectors.length;
  }

  /** Renames the complete file into place. @throws SetupError when it cannot be written. */
  async finish(): Promise<void> {
    await this.#writing(() => this.#putInPlace());
  }

  async #writing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  async #putInPlace(): Promise<void> {
    const partial = `${this.#path}.partial`;
    if (this.#format === 'npy') await this.#addHeader(`${partial}.npy`);
    await this.#handle.sync();
    await this.#handle.close();
    const done = this.#format === 'npy' ? `${partial}.npy` : partial;
    await rename(done, this.#path);
    await syncDirectory(dirname(this.#path));
    await rm(partial, { force: true });
    await rm(`${partial}.json`, { force: true });
  }

  /** Closes the partial file, keeping it for the next run. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /**
   * The header needs the number of rows, which is known only at the end: the vectors are copied behind it.
   */
  async #addHeader(path: string): Promise<void> {
    await rm(path, { force: true });
    const target = await createFile(path);
    try {
      const header = npyHeader(this.count, DIMENSIONS);
      await writeWhole(target, header, 0);
      const chunk = Buffer.alloc(1024 * VECTOR_BYTES);
      for (let position = 0; position < this.#size; ) {
        const { bytesRead } = await this.#handle.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) break;
        await writeWhole(target, chunk.subarray(0, bytesRead), header.length + position);
        position += bytesRead;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  }
}

/** A full disk takes a part of a write without an error; only the next write fails. */
async function writeWhole(handle: FileHandle, data: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < data.length; ) {
    const { bytesWritten } = await handle.write(data, at, data.length - at, position + at);
    at += bytesWritten;
  }
}

function unwritable(path: string, error: unknown): unknown {
  const title = `${path} cannot be written.`;
  const explained = explainMachineFailure(error, { title, path });
  if (explained instanceof SetupError) return explained;
  return new SetupError(title, {
    failureClass: 'conflict',
    evidence: [errorMessage(error)],
    remedies: [otherRemedy('Choose another --output')],
    cause: error,
  });
}

/** The complete part of a partial file: a killed run can leave half a record at the end. */
async function completeRecords(
  handle: FileHandle,
  format: VectorFormat,
): Promise<{ size: number; count: number }> {
  const { size } = await handle.stat();
  if (format === 'npy') {
    const count = Math.floor(size / VECTOR_BYTES);
    return { size: count * VECTOR_BYTES, count };
  }
  const chunk = Buffer.alloc(1024 * 1024);
  let count = 0;
  let end = 0;
  for (let position = 0; position < size; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) break;
    for (let at = chunk.indexOf(10); at >= 0 && at < bytesRead; at = chunk.indexOf(10, at + 1)) {
      count++;
      end = position + at + 1;
    }
    position += bytesRead;
  }
  return { size: end, count };
}
