import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BundleError } from './bundle-error.ts';

const PART = /\.(\d{3})$/;

/** The common name of a bundle's parts; any other name is returned unchanged. */
export function stemOf(path: string): string {
  return path.replace(PART, '');
}

/** The path of a part, counted from 1. */
export function partPath(stem: string, number: number): string {
  return `${stem}.${String(number).padStart(3, '0')}`;
}

/**
 * The files of a bundle in order: the file itself, or its parts.
 * @throws BundleError when a part in the middle is missing. A missing last part leaves no gap and is detected
 * when the bundle is read.
 */
export async function partsOf(path: string): Promise<string[]> {
  const stem = stemOf(basename(path));
  const folder = dirname(path);
  const entries = await readdir(folder).catch((): string[] => []);
  const isSplit = PART.test(path) || (!entries.includes(stem) && entries.includes(partPath(stem, 1)));
  if (!isSplit) return [path];
  const numbers = entries
    .filter((entry) => PART.test(entry) && stemOf(entry) === stem)
    .map((entry) => Number(PART.exec(entry)![1]))
    .sort((a, b) => a - b);
  numbers.forEach((number, position) => {
    if (number === position + 1) return;
    const name = partPath(stem, position + 1);
    throw new BundleError('truncated', `A part of the bundle is missing: ${name}`, [`looked in ${folder}`]);
  });
  // Opening it tells that it is not there.
  if (numbers.length === 0) return [path];
  return numbers.map((number) => join(folder, partPath(stem, number)));
}
