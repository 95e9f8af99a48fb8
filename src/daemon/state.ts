import { dirname } from 'node:path';
import * as z from 'zod/mini';
import { RUNTIME_FEATURES } from '../core/features.ts';
import { errorCode, errorMessage, NewerFormatError } from '../support/errors.ts';
import { jsonText, makeFolder } from '../support/fs/atomic-file.ts';
import { makeProjectFolder } from '../support/fs/project-folder.ts';
import { publishNewFile } from '../support/fs/publish-file.ts';
import { assertNoLinkWithin, clearPlace, readRegularText } from '../support/fs/regular-file.ts';
import { newerRecord } from '../support/newer-record.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';

const SCHEMA_VERSION = 1;
const MAX_STATE_BYTES = 64 * 1024;

const nonEmpty = z.string().check(z.minLength(1));

/**
 * `<projectDir>/.ktx/runtime/daemon.json`. The project may come from someone else, so nothing in it is
 * trusted.
 */
const daemonStateSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  pid: z.int().check(z.positive()),
  host: z.literal('127.0.0.1'),
  port: z.int().check(z.minimum(1), z.maximum(65535)),
  /** The CLI version that started it. */
  version: nonEmpty,
  /** What is installed, possibly more than was requested. */
  features: z.array(z.enum(RUNTIME_FEATURES)).check(z.minLength(1)),
  /** ISO-8601. */
  startedAt: nonEmpty,
  stdoutLog: nonEmpty,
  stderrLog: nonEmpty,
});

export type ManagedPythonDaemonState = z.infer<typeof daemonStateSchema>;

/** A record in a newer format, as far as its version and process can be read. */
export interface NewerState {
  path: string;
  writtenBy: string | null;
  pid: number | null;
}

/**
 * The content of the state file. `text` is what was read; the file is removed only if it has not changed
 * since.
 */
export type DaemonStateRead =
  | { kind: 'none' }
  | { kind: 'invalid'; reason: string; text: string | null; newer?: NewerState }
  | { kind: 'valid'; state: ManagedPythonDaemonState; text: string };

/** The project folder of a state file, `<projectDir>/.ktx/runtime/daemon.json`. */
export const projectOfState = (statePath: string) => dirname(dirname(dirname(statePath)));

/**
 * Creates `<projectDir>/.ktx/runtime`. A cloned project could have a link there that leads ktx to write
 * elsewhere.
 * @throws UnusableFileError for a link; the file system's error.
 */
export async function makeDaemonStateDir(stateDir: string): Promise<void> {
  const projectDir = dirname(dirname(stateDir));
  await assertNoLinkWithin(projectDir, stateDir);
  await makeProjectFolder(projectDir);
  await makeFolder(stateDir);
}

/** Reads the state file; never rejects, whatever its content or whatever is in its place. */
export async function readDaemonState(path: string): Promise<DaemonStateRead> {
  let text: string | null = null;
  try {
    text = await readRegularText(path, { maxBytes: MAX_STATE_BYTES, within: projectOfState(path) });
    return { kind: 'valid', state: parseSchema(daemonStateSchema, JSON.parse(text)), text };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { kind: 'none' };
    const newer = newerState(path, text);
    const reason = schemaProblem(error) ?? errorMessage(error);
    return { kind: 'invalid', reason, text, ...(newer === null ? {} : { newer }) };
  }
}

function newerState(path: string, text: string | null): NewerState | null {
  const newer = newerRecord(text, SCHEMA_VERSION);
  if (newer === null) return null;
  const { pid } = newer.fields;
  return {
    path,
    writtenBy: newer.writtenBy,
    pid: Number.isInteger(pid) && Number(pid) > 0 ? Number(pid) : null,
  };
}

/**
 * Overwriting the record of a newer ktx would orphan its daemon.
 * @throws NewerFormatError while that daemon is alive, or may be because its pid cannot be read.
 */
export async function assertNotNewer(
  read: DaemonStateRead,
  isAlive: (pid: number) => boolean | Promise<boolean>,
): Promise<void> {
  if (read.kind !== 'invalid' || read.newer === undefined) return;
  const { path, writtenBy, pid } = read.newer;
  if (pid === null || (await isAlive(pid))) throw new NewerFormatError(path, writtenBy);
}

/**
 * Removes the state file that was read. If another ktx has written one meanwhile, it belongs to a running
 * daemon and is kept.
 * @throws UnusableFileError for a folder in its place.
 */
export async function removeDaemonState(path: string, read: DaemonStateRead): Promise<void> {
  if (read.kind === 'none') return;
  await assertNoLinkWithin(projectOfState(path), dirname(path));
  if (read.text !== null) {
    const current = await readRegularText(path, { maxBytes: MAX_STATE_BYTES }).catch(() => null);
    if (current !== read.text) return;
  }
  await clearPlace(path);
}

/**
 * Publishes the state of a daemon that answers: completely or not at all, and never over another one. Of two
 * concurrent starts, one gets `false` and must end its daemon.
 */
export async function publishDaemonState(path: string, state: ManagedPythonDaemonState): Promise<boolean> {
  await makeDaemonStateDir(dirname(path));
  return publishNewFile(path, jsonText(state));
}

/** The URL of a state's daemon. */
export function daemonBaseUrl(address: { host: string; port: number }): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `http://${host}:${address.port}`;
}
