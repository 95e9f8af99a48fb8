import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
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
}

/**
 * For a file that long work will write: looks before the work begins whether a folder is in its place.
 * @throws SetupError; the file system's error.
 */
export async function assertOutputPath(path: string, given: GivenPath): Promise<void> {
  const status = await stat(path).catch(() => null);
  if (status?.isDirectory()) throw isFolder(path, given);
}

function isFolder(path: string, { what, flag }: GivenPath): SetupError {
  return new SetupError(`${path} is a folder, not a ${what}.`, {
    failureClass: 'conflict',
    evidence: [path],
    remedies: [otherRemedy(`Name a file: ${flag}`)],
  });
}
