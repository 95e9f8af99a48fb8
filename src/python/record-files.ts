import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, throwIfCancelled } from '../support/errors.ts';
import { readRegularFile, readRegularText } from '../support/fs/regular-file.ts';

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** Opening costs more than hashing for most of the files. */
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

/** Files that are missing, of another size or, with `hash`, of other content; one sentence each, in no order. */
export async function findDifferences(
  sitePackages: string,
  files: readonly RecordedFile[],
  options: { hash: boolean; signal: AbortSignal },
): Promise<string[]> {
  const problems: string[] = [];
  const waiting = files.values();
  const work = async () => {
    for (const file of waiting) {
      throwIfCancelled(options.signal);
      const problem = await differenceOf(join(sitePackages, file.path), file, options.hash);
      if (problem !== null) problems.push(`${file.path} ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return problems;
}

async function differenceOf(path: string, file: RecordedFile, shouldHash: boolean): Promise<string | null> {
  const status = await stat(path).catch(() => null);
  if (status === null) return 'is missing';
  if (!status.isFile()) return 'is not a file';
  if (status.size === 0 && file.sizeBytes > 0) return 'is empty';
  if (status.size !== file.sizeBytes) return `has ${status.size} of ${file.sizeBytes} bytes`;
  if (!shouldHash) return null;
  const content = await readRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' }).catch(
    () => null,
  );
  if (content === null) return 'cannot be read';
  return createHash('sha256').update(content).digest('base64url') === file.sha256 ? null : 'was altered';
}
