import { stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { errorMessage, isAbsence } from '../support/errors.ts';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { isExecutable } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

/**
 * In an environment's folder. Written at the switch; read by everything that asks whether the environment is
 * intact.
 */
export const SIZES_FILE = 'sizes.json';
const MAX_FILE_BYTES = 64 * 1024;
/** Relative to the runtime root, see `sharedLayout`. */
const SHARED = 'uv';
const MODELS = `${SHARED}/models/`;

/** Sizes in bytes of some files of a runtime, by path relative to the runtime root, with `/`. */
export type RecordedSizes = Record<string, number>;

export async function writeRecordedSizes(environmentDir: string, files: RecordedSizes): Promise<void> {
  // Not synced here: the switch syncs the whole environment.
  const text = jsonText({ schemaVersion: 1, files });
  await writeFileAtomic(join(environmentDir, SIZES_FILE), text, 0o644, { isDurable: false });
}

/**
 * The first damage that `listDamage` finds.
 * @returns one sentence with the path, or `null`.
 */
export async function findDamage(runtimeRoot: string, environmentDir: string): Promise<string | null> {
  return (await listDamage(runtimeRoot, environmentDir))[0]?.text ?? null;
}

/**
 * Compares files with their recorded sizes: a power cut, a full disk or a virus scanner leaves files empty,
 * truncated or missing, and an archive or a network drive may lose the executable bit. Model files modified
 * since their digest was checked are also hashed: wrong weights compute without an error. An environment of
 * an older ktx has no record and counts as intact. An unreadable record is reported as damage itself.
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
      // Line ends of Windows, say: the system cannot start a script whose first line has them.
      if (status.size > sizeBytes && DAEMON.test(name))
        return [{ path, text: `Runtime file was altered: ${path}` }];
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

/** Matches the wheel's command among the recorded paths. */
const DAEMON = /\/envs\/[^/]+\/(?:bin|Scripts)\/[^/]+$/;

/** The daemon's script, and the interpreter beside it. */
function programsAmong(names: readonly string[]): string[] {
  return names
    .filter((name) => DAEMON.test(name))
    .flatMap((name) => [`${posix.dirname(name)}/python${posix.extname(name)}`, name]);
}

/** How many files `findDamage` checks; 0 without a readable record, as in an environment of an older ktx. */
export async function countRecordedSizes(environmentDir: string): Promise<number> {
  const path = join(environmentDir, SIZES_FILE);
  try {
    return Object.keys(parseSizes(await readRegularText(path, { maxBytes: MAX_FILE_BYTES }))).length;
  } catch {
    return 0;
  }
}

/** Without zod, since every `status` reads this. @throws Error. */
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
