import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, throwIfCancelled } from '../support/errors.ts';
import { type HashedFile, hashFiles } from '../support/fs/hash-files.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** More of them wait for each other. */
const PARALLEL = 16;

/** A line of `RECORD`: a file of a wheel, with its digest in base64url and its size. Source: the PyPA specification of recorded projects. */
export interface RecordedFile {
  /** Relative to `site-packages`, with `/`. */
  path: string;
  sha256: string;
  sizeBytes: number;
}

/** The lines of a `RECORD` that carry a digest. Pure. */
export function parseRecord(text: string): RecordedFile[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]*)),sha256=([\w-]+)=*,(\d+)\s*$/.exec(line);
    if (match === null) return [];
    const path = match[1]?.replaceAll('""', '"') ?? match[2] ?? '';
    return [{ path, sha256: match[3]!, sizeBytes: Number(match[4]) }];
  });
}

/** The path in each line of a `RECORD`, with or without a digest: installers give none to what they write themselves. Pure. */
export function recordedPaths(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]+)),/.exec(line);
    return match === null ? [] : [match[1]?.replaceAll('""', '"') ?? match[2] ?? ''];
  });
}

/** `lib/python3.11/site-packages` of an environment. @throws Error when there is none. */
export async function findSitePackages(venvDir: string): Promise<string> {
  if (process.platform === 'win32') return join(venvDir, 'Lib', 'site-packages');
  const names = await readdir(join(venvDir, 'lib')).catch(() => []);
  const name = names.find((entry) => /^python3\.\d+t?$/.test(entry));
  if (name === undefined) throw new Error(`${join(venvDir, 'lib')} has no folder of Python's packages`);
  return join(venvDir, 'lib', name, 'site-packages');
}

/** `name version` of each distribution, by its folder `<name>-<version>.dist-info`. */
export async function listDistributions(
  sitePackages: string,
): Promise<{ folder: string; name: string; version: string }[]> {
  const names = await readdir(sitePackages);
  return names.flatMap((folder) => {
    const [, name, version] = /^(.+?)-([^-]+)\.dist-info$/.exec(folder) ?? [];
    return name === undefined || version === undefined ? [] : [{ folder, name, version }];
  });
}

/** Files of the wheels in `site-packages`, those elsewhere (`bin`) left out, and the first part of every recorded path. A `RECORD` that cannot be read is a problem. */
export async function readRecords(
  sitePackages: string,
): Promise<{ files: RecordedFile[]; topLevel: ReadonlySet<string>; problems: string[] }> {
  const files: RecordedFile[] = [];
  const topLevel = new Set<string>();
  const problems: string[] = [];
  await Promise.all(
    (await listDistributions(sitePackages)).map(async ({ folder }) => {
      try {
        const record = await readRegularText(join(sitePackages, folder, 'RECORD'), {
          maxBytes: MAX_RECORD_BYTES,
        });
        for (const path of recordedPaths(record)) topLevel.add(path.split('/')[0]!);
        files.push(
          ...parseRecord(record).filter(({ path }) => !path.startsWith('..') && !path.startsWith('/')),
        );
      } catch (error) {
        problems.push(`${folder}/RECORD cannot be read: ${errorMessage(error)}`);
      }
    }),
  );
  return { files, topLevel, problems };
}

/** What uv puts into a new environment beside the packages. */
const FROM_UV = new Set(['_virtualenv.py', '_virtualenv.pth', '__pycache__']);

/**
 * Entries of `site-packages` that came with no package: Python runs a `.pth` or a `sitecustomize` at every start, and a module may
 * hide a package. One sentence each, in no order.
 */
export async function findStrangers(sitePackages: string, topLevel: ReadonlySet<string>): Promise<string[]> {
  const names = await readdir(sitePackages);
  return names
    .filter((name) => !topLevel.has(name) && !FROM_UV.has(name) && !name.endsWith('.dist-info'))
    .map((name) => `${name} belongs to no package`);
}

/** Files that this user may not read by their mode; one sentence each. */
export async function findUnreadableFiles(
  sitePackages: string,
  files: readonly RecordedFile[],
): Promise<string[]> {
  const own = process.geteuid?.() ?? 0;
  if (process.platform === 'win32' || own === 0) return [];
  const found = await Promise.all(
    files.map(async ({ path }) => {
      const status = await stat(join(sitePackages, path)).catch((error: unknown) => errorCode(error));
      if (status === 'EACCES') return [`${path} cannot be reached`];
      if (status === undefined || typeof status === 'string') return [];
      const mask = status.uid === own ? 0o400 : 0o044;
      return (status.mode & mask) === 0 ? [`${path} cannot be read by this user`] : [];
    }),
  );
  return found.flat().sort();
}

/** Files that are missing or of another size; one sentence each, in no order. */
export async function findSizeDifferences(
  sitePackages: string,
  files: readonly RecordedFile[],
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  const waiting = files.values();
  const work = async () => {
    for (const { path, sizeBytes } of waiting) {
      throwIfCancelled(signal);
      const status = await stat(join(sitePackages, path)).catch(() => null);
      const problem = status?.isFile() === false ? NOT_A_FILE : sizeProblem(status?.size, sizeBytes);
      if (problem !== null) problems.push(`${path} ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return problems;
}

/** The same, and files of other content; in the order of the files. @throws CancelledError. */
export async function findDifferences(
  sitePackages: string,
  files: readonly RecordedFile[],
  signal: AbortSignal,
): Promise<string[]> {
  const found = await hashFiles(
    files.map(({ path }) => join(sitePackages, path)),
    signal,
  );
  return files.flatMap((file, position) => {
    const problem = differenceOf(found[position]!, file);
    return problem === null ? [] : [`${file.path} ${problem}`];
  });
}

const NOT_A_FILE = 'is not a file';

function differenceOf(found: HashedFile, { sha256, sizeBytes }: RecordedFile): string | null {
  if ('sizeBytes' in found) {
    const isSame = Buffer.from(found.sha256, 'hex').toString('base64url') === sha256;
    return sizeProblem(found.sizeBytes, sizeBytes) ?? (isSame ? null : 'was altered');
  }
  if (found.problem === 'missing') return sizeProblem(undefined, sizeBytes);
  return found.problem === 'not-a-file' ? NOT_A_FILE : `cannot be read (${found.code})`;
}

function sizeProblem(foundBytes: number | undefined, sizeBytes: number): string | null {
  if (foundBytes === undefined) return 'is missing';
  if (foundBytes === 0 && sizeBytes > 0) return 'is empty';
  return foundBytes === sizeBytes ? null : `has ${foundBytes} of ${sizeBytes} bytes`;
}
