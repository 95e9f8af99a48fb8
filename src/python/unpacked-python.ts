import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedLayout } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import { differences, digestTree } from '../store/tree-digests.ts';
import { errorCode } from '../support/errors.ts';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { type FolderMarkers, removeAside } from '../support/fs/remove-aside.ts';
import type { PythonDigestList } from './python-list-schema.ts';

const PYTHON_ID = /^[0-9a-f]{8}$/;
const LIST = 'digests.json';
const MAX_LIST_BYTES = 32 * 1024 * 1024;
const MAX_CONFIG_BYTES = 64 * 1024;
/**
 * Renamed list of a Python that was found altered: no new environment uses it, and it is still recognised as
 * ours.
 */
const ALTERED_LIST = `${LIST}.altered`;
/** A partly removed Python is never used: its list names the missing files. */
export const PYTHON_MARKERS: FolderMarkers = { ours: [LIST, ALTERED_LIST] };
/** Remains of an interrupted removal. */
export const PYTHON_LEFTOVER = /^[0-9a-f]{8}\.[0-9a-f]{8}\.removed$/;
/** Bytecode that Python writes beside its modules at run time. */
const BYTECODE = /(?:^|\/)__pycache__\/[^/]+\.pyc(?:\.\d+)?$/;

/** A new folder for one interpreter: the `UV_PYTHON_INSTALL_DIR` for unpacking and using it. */
export function newPythonDir(pythonDir: string): string {
  return join(pythonDir, randomBytes(4).toString('hex'));
}

/**
 * The most recently unpacked interpreter from this archive. Checks only for its list and its binary;
 * `verifyPython` checks all files.
 */
export async function findUnpackedPython(
  pythonDir: string,
  wanted: { key: string; archiveSha256: string },
): Promise<string | null> {
  let newest: { dir: string; mtimeMs: number } | null = null;
  for (const name of await pythonIds(pythonDir)) {
    const dir = join(pythonDir, name);
    const list = await readList(dir);
    if (list?.key !== wanted.key || list.archiveSha256 !== wanted.archiveSha256) continue;
    if (!(await pathExists(interpreterIn(join(dir, wanted.key))))) continue;
    const mtimeMs = (await stat(join(dir, LIST)).catch(() => null))?.mtimeMs;
    if (mtimeMs !== undefined && mtimeMs > (newest?.mtimeMs ?? 0)) newest = { dir, mtimeMs };
  }
  return newest?.dir ?? null;
}

/** Records the files that were just unpacked. From now on, new environments may use the folder. */
export async function recordPython(
  dir: string,
  made: { key: string; archiveSha256: string },
  signal?: AbortSignal,
): Promise<void> {
  const files = await digestTree(join(dir, made.key), signal);
  await writeFileAtomic(join(dir, LIST), jsonText({ schemaVersion: 1, ...made, files }));
}

/**
 * Compares every file with the list. Bytecode added by Python is deleted, since it cannot be verified; any
 * other difference or addition makes the folder altered, because it would run in every environment created
 * from it.
 * @returns the name of the first altered file, or `null`.
 */
export async function verifyPython(dir: string, signal?: AbortSignal): Promise<string | null> {
  const { altered, bytecode } = await compareWithList(dir, signal);
  if (altered !== null) return altered;
  for (const path of bytecode) await rm(path, { force: true });
  return null;
}

/** The same without deleting anything. */
export async function findAlteration(dir: string, signal?: AbortSignal): Promise<string | null> {
  return (await compareWithList(dir, signal)).altered;
}

async function compareWithList(
  dir: string,
  signal: AbortSignal | undefined,
): Promise<{ altered: string | null; bytecode: string[] }> {
  const list = await readList(dir);
  if (!list) return { altered: LIST, bytecode: [] };
  const root = join(dir, list.key);
  const { changed, extra } = differences(list.files, await digestTree(root, signal));
  const foreign = extra.find((name) => !BYTECODE.test(name));
  return { altered: changed[0] ?? foreign ?? null, bytecode: extra.map((name) => join(root, name)) };
}

/** No new environment will use it; existing ones are unaffected. */
export async function disownPython(dir: string): Promise<void> {
  await rename(join(dir, LIST), join(dir, ALTERED_LIST)).catch((error: unknown) => {
    // The list itself was missing.
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

/** Whether it was once unpacked and recorded, altered since or not. */
export async function isRecordedPython(dir: string): Promise<boolean> {
  return (await readList(dir)) !== null || (await readList(dir, ALTERED_LIST)) !== null;
}

/**
 * Removes interpreters that no environment of any version uses. Needs write access.
 * @param options.alsoFinished also those that a new environment could use.
 * @returns the removed folders.
 */
export async function removeUnneededPythons(
  runtimeRoot: string,
  options: { alsoFinished?: boolean } = {},
): Promise<string[]> {
  const { pythonDir } = sharedLayout(runtimeRoot);
  const removed: string[] = [];
  for (const name of (await namesIn(pythonDir)).filter((entry) => PYTHON_LEFTOVER.test(entry))) {
    await rm(join(pythonDir, name), { recursive: true, force: true, maxRetries: 3 });
    removed.push(join(pythonDir, name));
  }
  const ids = await pythonIds(pythonDir);
  if (ids.length === 0) return removed;
  const used = await usedPythonIds(runtimeRoot);
  for (const id of ids) {
    const dir = join(pythonDir, id);
    if (used.has(id) || (!options.alsoFinished && (await readList(dir)) !== null)) continue;
    await removeAside(dir, PYTHON_MARKERS);
    removed.push(dir);
  }
  return removed;
}

/** Environments name their interpreter in `pyvenv.cfg` (PEP 405). */
export async function usedPythonIds(runtimeRoot: string): Promise<Set<string>> {
  const used = new Set<string>();
  for (const version of (await namesIn(runtimeRoot)).filter(isVersionName)) {
    const versionDir = join(runtimeRoot, version);
    const ids = await namesIn(join(versionDir, 'envs'));
    for (const folder of [join(versionDir, '.venv'), ...ids.map((id) => join(versionDir, 'envs', id))]) {
      const config = await readRegularText(join(folder, 'pyvenv.cfg'), { maxBytes: MAX_CONFIG_BYTES }).catch(
        () => '',
      );
      const id = /^home\s*=.*[\\/]python[\\/]([0-9a-f]{8})[\\/]/m.exec(config)?.[1];
      if (id !== undefined) used.add(id);
    }
  }
  return used;
}

async function readList(dir: string, name = LIST): Promise<PythonDigestList | null> {
  try {
    const text = await readRegularText(join(dir, name), { maxBytes: MAX_LIST_BYTES });
    const { parsePythonDigestList } = await import('./python-list-schema.ts');
    return parsePythonDigestList(JSON.parse(text));
  } catch {
    return null;
  }
}

function interpreterIn(root: string): string {
  return join(root, process.platform === 'win32' ? 'python.exe' : 'bin/python3');
}

async function pythonIds(pythonDir: string): Promise<string[]> {
  return (await namesIn(pythonDir)).filter((name) => PYTHON_ID.test(name));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
