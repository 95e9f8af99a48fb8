import { readdir, stat } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import { errorMessage, isAbsence } from '../support/errors.ts';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { isExecutable } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

/** In the folder of an environment. Written at the switch, read by everything that asks whether the environment is whole. */
export const SIZES_FILE = 'sizes.json';
const MAX_FILE_BYTES = 64 * 1024;
/** A look at one file takes some 20 µs, and `status` takes one at each. */
const MAX_RECORDED = 128;
/** Of an unpacked Python: a power cut that takes anything takes small modules first. */
const PYTHON_MODULES = 8;
const PYTHON_OTHERS = 4;
/** Below a runtime root, see `sharedLayout`. */
const SHARED = 'uv';
const MODELS = `${SHARED}/models/`;

/** Bytes of some files of a runtime, by their path below the runtime root, with `/`. */
export type RecordedSizes = Record<string, number>;

/** What a new environment is made of. */
export interface RuntimeParts {
  runtimeRoot: string;
  environmentDir: string;
  /** The managed Python that it uses; a Python of the system is updated by others and left out. */
  pythonDir: string | null;
  /** Files of the model that it computes with. */
  modelPaths: readonly string[];
}

/** Picks files that tell whether the others are there, and measures them: of each package the largest. */
export async function measureRuntime(parts: RuntimeParts): Promise<RecordedSizes> {
  const { runtimeRoot, environmentDir, pythonDir, modelPaths } = parts;
  // Only an install asks; `status` loads this file each time.
  const { daemonCommandName } = await import('../core/embedder.ts');
  const isOwnFile = ownFileTest(daemonCommandName());
  const inEnvironment = await sizesBelow(environmentDir);
  const largest = new Map<string, SizedFile>();
  for (const file of inEnvironment) {
    const group = groupOf(file.name);
    if (group !== null && file.sizeBytes > (largest.get(group)?.sizeBytes ?? 0)) largest.set(group, file);
  }
  const inPython = pythonDir === null ? [] : bySize(await sizesBelow(pythonDir));
  const isModule = ({ name }: SizedFile) => name.endsWith('.py');
  const chosen = [
    ...inEnvironment.filter(({ name }) => isOwnFile(name)),
    ...(await Promise.all(modelPaths.map((path) => sized(path, path)))),
    ...inPython.filter(isModule).slice(0, PYTHON_MODULES),
    ...inPython.filter((file) => !isModule(file)).slice(0, PYTHON_OTHERS),
    ...bySize([...largest.values()]),
  ];
  const entries = chosen.slice(0, MAX_RECORDED).map(({ path, sizeBytes }) => {
    return [relative(runtimeRoot, path).split(sep).join('/'), sizeBytes] as const;
  });
  return Object.fromEntries(entries);
}

export async function writeRecordedSizes(environmentDir: string, files: RecordedSizes): Promise<void> {
  // Not synced by itself: the switch syncs the whole environment.
  const text = jsonText({ schemaVersion: 1, files });
  await writeFileAtomic(join(environmentDir, SIZES_FILE), text, 0o644, { isDurable: false });
}

/**
 * Compares sizes with the recorded ones: a power cut, a full disk or a virus scanner leaves files empty, cut short or missing, and an
 * archive or a network drive brings programs back that may not be run. Hashes a model that was written to since its digest was
 * checked, and nothing else: wrong weights compute without an error. An environment of an older ktx has no record, and
 * counts as whole.
 * @returns one sentence with the path, or `null`.
 */
export async function findDamage(runtimeRoot: string, environmentDir: string): Promise<string | null> {
  return (await listDamage(runtimeRoot, environmentDir))[0]?.text ?? null;
}

/**
 * The same, of every file: the path of the record itself where that cannot be read. A model that was written to since its
 * digest was checked is hashed, and nothing else: wrong weights compute without an error.
 */
export async function listDamage(
  runtimeRoot: string,
  environmentDir: string,
): Promise<{ path: string; text: string }[]> {
  const recordPath = join(environmentDir, SIZES_FILE);
  let files: RecordedSizes;
  try {
    files = parseSizes(await readRegularText(recordPath, { maxBytes: MAX_FILE_BYTES }));
  } catch (error) {
    if (isAbsence(error)) return [];
    return [{ path: recordPath, text: `Runtime file is damaged: ${recordPath} (${errorMessage(error)})` }];
  }
  const found = await Promise.all(
    Object.entries(files).map(async ([name, sizeBytes]) => {
      const path = join(runtimeRoot, name);
      const status = await stat(path).catch(() => null);
      if (status === null) return [{ path, text: `Runtime file is missing: ${path}` }];
      if (status.size >= sizeBytes) return [];
      return [{ path, text: `Runtime file is cut short: ${path} (${status.size} of ${sizeBytes} bytes)` }];
    }),
  );
  const damages = found.flat();
  const models = Object.keys(files).filter((name) => name.startsWith(MODELS));
  const whole = models
    .map((name) => join(runtimeRoot, name))
    .filter((path) => damages.every((damage) => damage.path !== path));
  if (whole.length > 0) {
    const { findAlteredFiles } = await import('./known-files.ts');
    for (const path of await findAlteredFiles(join(runtimeRoot, SHARED), whole))
      damages.push({ path, text: `Model file was altered: ${path}` });
  }
  for (const path of programsAmong(Object.keys(files)).map((name) => join(runtimeRoot, name)))
    if (!(await isExecutable(path))) damages.push({ path, text: `Not executable: ${path}` });
  return damages;
}

/** The daemon's script and the interpreter beside it. */
function programsAmong(names: readonly string[]): string[] {
  return names
    .filter((name) => DAEMON.test(name))
    .flatMap((name) => [`${posix.dirname(name)}/python${posix.extname(name)}`, name]);
}

/** How many files `findDamage` looks at; 0 without a record that can be read, as in an environment of an older ktx. */
export async function countRecordedSizes(environmentDir: string): Promise<number> {
  const path = join(environmentDir, SIZES_FILE);
  try {
    return Object.keys(parseSizes(await readRegularText(path, { maxBytes: MAX_FILE_BYTES }))).length;
  } catch {
    return 0;
  }
}

/** Without zod: `status` reads this each time. @throws Error. */
function parseSizes(text: string): RecordedSizes {
  const record = JSON.parse(text) as { schemaVersion?: unknown; files?: unknown } | null;
  const { files } = record ?? {};
  if (record?.schemaVersion !== 1 || typeof files !== 'object' || files === null)
    throw new Error('not a record of sizes');
  for (const [name, sizeBytes] of Object.entries(files)) {
    if (typeof sizeBytes !== 'number' || name.split('/').includes('..'))
      throw new Error('not a record of sizes');
  }
  return files as RecordedSizes;
}

interface SizedFile {
  /** Below the folder that was looked through, with `/`. */
  name: string;
  path: string;
  sizeBytes: number;
}

/** Of what is recorded, the command of the wheel. */
const DAEMON = /\/envs\/[^/]+\/(?:bin|Scripts)\/[^/]+$/;

/** Files of an environment that belong to no package: its configuration, and the command of the wheel. */
function ownFileTest(command: string): (name: string) => boolean {
  return (name) => {
    if (name === 'pyvenv.cfg') return true;
    return /^(?:bin|Scripts)\/([^/]+?)(?:\.exe)?$/.exec(name)?.[1] === command;
  };
}

/** The package that a file belongs to: a folder of `site-packages`, `<package>.dist-info` included. */
function groupOf(name: string): string | null {
  return /\/site-packages\/([^/]+)/.exec(name)?.[1] ?? null;
}

async function sizesBelow(root: string): Promise<SizedFile[]> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('__pycache__'));
  return Promise.all(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return sized(path, relative(root, path).split(sep).join('/'));
    }),
  );
}

async function sized(path: string, name: string): Promise<SizedFile> {
  return { name, path, sizeBytes: (await stat(path)).size };
}

function bySize(files: readonly SizedFile[]): SizedFile[] {
  return [...files].sort((a, b) => b.sizeBytes - a.sizeBytes);
}
