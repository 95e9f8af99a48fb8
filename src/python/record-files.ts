import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errorCode, errorMessage, throwIfCancelled } from '../support/errors.ts';
import { type HashedFile, hashFiles } from '../support/fs/hash-files.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** More concurrent calls only queue up. */
const PARALLEL = 16;

/**
 * A line of `RECORD`: a file of a wheel, with its digest in base64url and its size. Format: PyPA
 * specification "Recording installed projects".
 */
export interface RecordedFile {
  /** Relative to `site-packages`, with `/`. */
  path: string;
  sha256: string;
  sizeBytes: number;
}

/** The lines of a `RECORD` that have a digest. Pure. */
export function parseRecord(text: string): RecordedFile[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]*)),sha256=([\w-]+)=*,(\d+)\s*$/.exec(line);
    if (match === null) return [];
    const path = match[1]?.replaceAll('""', '"') ?? match[2] ?? '';
    return [{ path, sha256: match[3]!, sizeBytes: Number(match[4]) }];
  });
}

/**
 * The path in each line of a `RECORD`, with or without a digest: installers add none for files they generate.
 * Pure.
 */
export function recordedPaths(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]+)),/.exec(line);
    return match === null ? [] : [match[1]?.replaceAll('""', '"') ?? match[2] ?? ''];
  });
}

/**
 * `lib/python3.11/site-packages` of an environment, for this version of Python: an upgrade may have left
 * another version's folder beside it. @throws Error when it is missing, or leads out of the environment.
 */
export async function findSitePackages(venvDir: string, version: string): Promise<string> {
  const isWindows = process.platform === 'win32';
  const python = `python${version.split('.').slice(0, 2).join('.')}`;
  const path = isWindows
    ? join(venvDir, 'Lib', 'site-packages')
    : join(venvDir, 'lib', python, 'site-packages');
  const [real, realVenv] = await Promise.all([realpath(path).catch(() => null), realpath(venvDir)]);
  if (real === null) throw new Error(`The folder of the packages is missing: ${path}`);
  if (!real.startsWith(realVenv + sep)) throw new Error(`${path} leads out of the environment, to ${real}`);
  return path;
}

/** Name and version of each distribution, from its folder `<name>-<version>.dist-info`. */
export async function listDistributions(
  sitePackages: string,
): Promise<{ folder: string; name: string; version: string }[]> {
  const names = await readdir(sitePackages);
  return names.flatMap((folder) => {
    const [, name, version] = /^(.+?)-([^-]+)\.dist-info$/.exec(folder) ?? [];
    return name === undefined || version === undefined ? [] : [{ folder, name, version }];
  });
}

/** The contents of the `RECORD` files of all packages. */
export interface Records {
  /** Files in `site-packages` with a digest; files elsewhere (`bin`) are excluded. */
  files: RecordedFile[];
  /** Every path, with or without a digest. */
  recorded: ReadonlySet<string>;
  /** The first component of every path. */
  topLevel: ReadonlySet<string>;
  /** `RECORD` files that cannot be read. */
  problems: string[];
}

export async function readRecords(sitePackages: string): Promise<Records> {
  const files: RecordedFile[] = [];
  const recorded = new Set<string>();
  const topLevel = new Set<string>();
  const problems: string[] = [];
  await Promise.all(
    (await listDistributions(sitePackages)).map(async ({ folder }) => {
      try {
        const record = await readRegularText(join(sitePackages, folder, 'RECORD'), {
          maxBytes: MAX_RECORD_BYTES,
        });
        for (const path of recordedPaths(record)) {
          recorded.add(path);
          topLevel.add(path.split('/')[0]!);
        }
        files.push(
          ...parseRecord(record).filter(({ path }) => !path.startsWith('..') && !path.startsWith('/')),
        );
      } catch (error) {
        problems.push(`${folder}/RECORD cannot be read: ${errorMessage(error)}`);
      }
    }),
  );
  return { files, recorded, topLevel, problems };
}

/** Files that uv adds to a new environment. */
const FROM_UV = new Set(['_virtualenv.py', '_virtualenv.pth', '__pycache__']);

/**
 * Entries of `site-packages` that belong to no package: Python runs a `.pth` or `sitecustomize` at every
 * start, and a module may shadow a package. One sentence each, unordered.
 */
export async function findUnownedEntries(
  sitePackages: string,
  topLevel: ReadonlySet<string>,
): Promise<string[]> {
  const names = await readdir(sitePackages);
  return names
    .filter((name) => !topLevel.has(name) && !FROM_UV.has(name) && !name.endsWith('.dist-info'))
    .map((name) => `${name} belongs to no package`);
}

/** What can be told about files from `stat` alone; one sentence each, unordered. */
export interface FileFindings {
  /** Missing, or a different size. */
  damaged: string[];
  /** Not readable by this user. */
  unreadable: string[];
  /** World-writable. */
  open: string[];
}

/** Runs `stat` on each file. @throws CancelledError. */
export async function statFiles(
  sitePackages: string,
  files: readonly RecordedFile[],
  signal: AbortSignal,
): Promise<FileFindings> {
  const found: FileFindings = { damaged: [], unreadable: [], open: [] };
  const own = process.geteuid?.() ?? 0;
  const hasModes = process.platform !== 'win32';
  const waiting = files.values();
  const work = async () => {
    for (const { path, sizeBytes } of waiting) {
      throwIfCancelled(signal);
      const status = await stat(join(sitePackages, path)).catch((error: unknown) => errorCode(error));
      if (status === 'EACCES') found.unreadable.push(`${path} cannot be reached`);
      else if (status === undefined || typeof status === 'string') found.damaged.push(`${path} is missing`);
      else {
        const problem = status.isFile() ? sizeProblem(status.size, sizeBytes) : NOT_A_FILE;
        if (problem !== null) found.damaged.push(`${path} ${problem}`);
        const mask = status.uid === own ? 0o400 : 0o044;
        if (hasModes && own !== 0 && (status.mode & mask) === 0)
          found.unreadable.push(`${path} cannot be read by this user`);
        if (hasModes && (status.mode & 0o002) !== 0) found.open.push(`${path} can be changed by every user`);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return found;
}

/** Bytecode that Python writes beside its modules. */
const BYTECODE = /(?:^|\/)__pycache__(?:\/|$)/;

/**
 * Files inside package folders that no `RECORD` lists, which Python would import like any other. Unordered.
 */
export async function findUnownedFiles(
  sitePackages: string,
  topLevel: ReadonlySet<string>,
  recorded: ReadonlySet<string>,
): Promise<string[]> {
  const entries = await readdir(sitePackages, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(sitePackages.length + 1)
        .replaceAll(sep, '/'),
    )
    .filter((path) => path.includes('/') && topLevel.has(path.split('/')[0]!))
    .filter((path) => !BYTECODE.test(path) && !recorded.has(path))
    .map((path) => `${path} belongs to no package`);
}

/**
 * Files that are missing or differ in size or content; one sentence each, in the order of the files. @throws
 * CancelledError.
 */
export async function findDifferences(
  sitePackages: string,
  recorded: readonly RecordedFile[],
  signal: AbortSignal,
): Promise<string[]> {
  const paths = recorded.map(({ path }) => join(sitePackages, path));
  const found = await hashFiles(paths, signal);
  return recorded.flatMap((file, position) => {
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
