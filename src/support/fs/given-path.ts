import type { Stats } from 'node:fs';
import { readlink, realpath, stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { errorCode, SetupError } from '../errors.ts';
import { otherRemedy } from '../remedies.ts';
import { pathExists } from './path-exists.ts';

/** What a person was to name: for the words of an error. */
export interface GivenPath {
  /** `bundle`, `key to sign with` */
  what: string;
  /** `--bundle <file>` */
  flag: string;
}

export const OUTPUT_FILE: GivenPath = { what: 'file', flag: '--output <file>' };

/** A path given by the user leads to nothing. The evidence says how far it leads. Class `conflict`. */
export async function nothingAt(path: string, { what, flag }: GivenPath): Promise<SetupError> {
  return new SetupError(`There is no ${what} at ${path}.`, {
    failureClass: 'conflict',
    evidence: [await howFar(path)],
    remedies: [otherRemedy(`Give the path of a ${what}: ${flag}`)],
  });
}

/** `/carry is there; it holds no x.bundle` */
export async function howFar(path: string): Promise<string> {
  let missing = path;
  while (dirname(missing) !== missing && !(await pathExists(dirname(missing)))) missing = dirname(missing);
  return `${dirname(missing)} is there; it holds no ${basename(missing)}`;
}

/** @throws SetupError when nothing is there, or something other than a file; the file system's error. */
export async function assertGivenFile(path: string, given: GivenPath): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw error;
  });
  if (status === null) throw await nothingAt(path, given);
  if (status.isDirectory()) throw isFolder(path, given);
  if (!status.isFile() && path !== devNull) throw isNot(path, unusualKind(status), given);
}

/**
 * Where to write a file that the user named; call it before long work begins. A link leads to its target, as
 * with `>` of a shell. A device or pipe is refused: the file is renamed into place and would replace it, which
 * has destroyed the `/dev/null` of machines where root wrote to it.
 * @throws SetupError when the path is a folder, a device, a pipe or a socket.
 */
export async function outputPathOf(path: string, given: GivenPath): Promise<string> {
  // What cannot be looked at is explained by the error of writing it.
  const status = await stat(path).catch(() => null);
  if (status === null) {
    const target = await readlink(path).catch(() => null);
    return target === null ? path : resolve(dirname(path), target);
  }
  if (status.isDirectory()) throw isFolder(path, given);
  if (!status.isFile()) throw isNot(path, unusualKind(status), given);
  return realpath(path);
}

function isFolder(path: string, given: GivenPath): SetupError {
  return isNot(path, 'a folder', given);
}

function isNot(path: string, kind: string, { what, flag }: GivenPath): SetupError {
  return new SetupError(`${path} is ${kind}, not a ${what}.`, {
    failureClass: 'conflict',
    evidence: [path],
    remedies: [otherRemedy(`Name a file: ${flag}`)],
  });
}

function unusualKind(status: Stats): string {
  if (status.isFIFO()) return 'a named pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}
