import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { sharedLayout } from '../core/layout.ts';
import { jsonText } from '../support/fs/atomic-file.ts';
import { publishNewFile } from '../support/fs/publish-file.ts';
import { assertNoLinkWithin, openRegularFile, readRegularText } from '../support/fs/regular-file.ts';
import { parseSchema } from '../support/schema.ts';
import { accessToken, newSecret } from './http/proof.ts';
import { type ManagedPythonDaemonLayoutOptions, managedPythonDaemonLayout } from './layout.ts';

/**
 * `<root>/uv/daemons/<sha256 of the project's path>`, readable only by its owner. Never in the project, which
 * may come from anyone.
 */
const secretFileSchema = z.object({
  schemaVersion: z.literal(1),
  /** The project it belongs to, for people reading the file. */
  projectDir: z.string(),
  secret: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** For callers: the token that a strict daemon requires as `Authorization: Bearer <token>`. */
  token: z.string(),
});

const MAX_SECRET_FILE_BYTES = 64 * 1024;

/**
 * The secret of a project's daemons. `not kept`: this user cannot write to the runtime root, so daemons get a
 * secret that no other command can read.
 */
export type DaemonSecret = { kind: 'kept'; secret: string } | { kind: 'none' } | { kind: 'not kept' };

interface Place {
  runtimeRoot: string;
  projectDir: string;
}

/** The file with the secret and token of a project's daemons. */
export async function daemonSecretPath({ runtimeRoot, projectDir }: Place): Promise<string> {
  const path = await realpath(projectDir).catch(() => resolve(projectDir));
  const name = createHash('sha256').update(path).digest('hex');
  return join(sharedLayout(runtimeRoot).daemonsDir, name);
}

/**
 * The secret of a project's daemons. One that others could have read or written is ignored. Never rejects.
 */
export async function readDaemonSecret(place: Place): Promise<DaemonSecret> {
  const path = await daemonSecretPath(place);
  const secret = await readSecretFile(path);
  if (secret !== null) return { kind: 'kept', secret };
  return (await isWritable(dirname(path))) ? { kind: 'none' } : { kind: 'not kept' };
}

/** The same, creating a secret if necessary. @returns `null` where none can be stored. */
export async function provideDaemonSecret(place: Place): Promise<string | null> {
  const path = await daemonSecretPath(place);
  // A concurrent start may create it first, and then that one is used. A file that remains unusable is
  // deleted.
  for (let attempt = 1; attempt <= 3; attempt++) {
    const found = await readSecretFile(path);
    if (found !== null) return found;
    if (!(await isWritable(dirname(path)))) return null;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (attempt > 1) await rm(path, { recursive: true, force: true });
    const secret = newSecret();
    const { projectDir } = place;
    const content = { schemaVersion: 1, projectDir, secret, token: accessToken(secret) };
    await assertNoLinkWithin(sharedLayout(place.runtimeRoot).root, dirname(path));
    if (await publishNewFile(path, jsonText(content), 0o600)) return secret;
  }
  return null;
}

/**
 * The token that a project's daemon requires as `Authorization: Bearer <token>` when started with
 * `KTX_DAEMON_STRICT=1`; other daemons ignore it. `null` when no daemon has been started for the project yet.
 * Never rejects.
 */
export async function readManagedPythonDaemonToken(
  options: ManagedPythonDaemonLayoutOptions,
): Promise<string | null> {
  const known = await readDaemonSecret(managedPythonDaemonLayout(options));
  return known.kind === 'kept' ? accessToken(known.secret) : null;
}

async function readSecretFile(path: string): Promise<string | null> {
  try {
    if (!(await isOnlyOurs(path))) return null;
    const text = await readRegularText(path, { maxBytes: MAX_SECRET_FILE_BYTES });
    return parseSchema(secretFileSchema, JSON.parse(text)).secret;
  } catch {
    return null;
  }
}

/** Windows has no such mode bits and protects the user's profile by itself. */
async function isOnlyOurs(path: string): Promise<boolean> {
  if (process.getuid === undefined) return true;
  const handle = await openRegularFile(path, { maxBytes: MAX_SECRET_FILE_BYTES });
  try {
    const { uid, mode } = await handle.stat();
    return uid === process.getuid() && (mode & 0o077) === 0;
  } finally {
    await handle.close();
  }
}

/**
 * Whether this user can create files there or, if the folder does not exist yet, in the nearest one above it
 * that does.
 */
async function isWritable(folder: string): Promise<boolean> {
  for (let current = folder; ; current = dirname(current)) {
    try {
      await access(current, constants.W_OK);
      return true;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || current === dirname(current)) return false;
    }
  }
}
