import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../support/errors.ts';
import { commandLine } from '../support/remedy.ts';
import { schemaProblem } from '../support/schema.ts';
import { MANIFEST_SCHEMA_VERSION, readNewerManifest } from './manifest.ts';

/**
 * Why this user cannot read a file, as one sentence: the topmost folder or file without access, its owner and
 * mode, and the command with which the owner can share the runtime. `null` when nothing on the path blocks
 * access.
 */
export async function describeUnreadable(path: string, runtimeRoot: string): Promise<string | null> {
  const chain: string[] = [];
  for (let each = path; ; each = dirname(each)) {
    chain.unshift(each);
    if (dirname(each) === each) break;
  }
  for (const each of chain) {
    const status = await stat(each).catch(() => null);
    if (status === null) return null;
    const needed = status.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK;
    const isOnTheWay = runtimeRoot.startsWith(`${each}/`) || each === '/';
    const isOpen = await access(each, isOnTheWay ? constants.X_OK : needed).then(
      () => true,
      () => false,
    );
    if (isOpen) continue;
    const mode = (status.mode & 0o7777).toString(8);
    const command = commandLine(isOnTheWay ? ['chmod', 'a+x', each] : ['chmod', '-R', 'a+rX', runtimeRoot]);
    return `${each} belongs to uid ${status.uid} and its mode is ${mode}, so this user may not read it. Its owner can share it: ${command}`;
  }
  return null;
}

/** What is wrong with a manifest that could not be read, as one sentence. @param error what reading it threw. */
export async function describeInvalidManifest(path: string, error: unknown): Promise<string> {
  const newer = await readNewerManifest(path);
  if (newer === null) return `Runtime manifest is invalid: ${schemaProblem(error) ?? errorMessage(error)}`;
  const writer = newer.writtenBy === null ? '' : `, ${newer.writtenBy}`;
  return `Runtime manifest is invalid: it was written by a newer ktx${writer} (its schemaVersion is not ${MANIFEST_SCHEMA_VERSION})`;
}
