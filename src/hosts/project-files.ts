import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { absentAsNull, errorMessage, SetupError } from '../support/errors.ts';
import { jsonText, writeFileWithin } from '../support/fs/atomic-file.ts';
import { makeProjectFolder } from '../support/fs/project-folder.ts';
import { assertNoLinkWithin, readRegularText } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import { parseSchema, schemaProblem } from '../support/schema.ts';
import { connectionProblems, type ModelHostConnection, secretFields } from './ssh/connection.ts';

const OWNER_ONLY = 0o600;
const MAX_BYTES = 4 * 1024 * 1024;

const settingsSchema = z.object({
  schemaVersion: z.literal(1),
  host: z.string(),
  user: z.string(),
  keyPath: z.string(),
  configPath: z.string(),
  mode: z.enum(['shell', 'wrapper']),
  restartCmd: z.optional(z.string()),
  baseUrl: z.string(),
});

/**
 * `<project>/.ktx/setup/model-host.json`: the connection to this project's model host. No keys, no
 * configuration text.
 */
export function modelHostSettingsPath(projectDir: string): string {
  return setupFile(projectDir, 'model-host.json');
}

/**
 * The saved connection; `null` when there is none. Its values are validated when they are used.
 * @throws SetupError that names the file and what is wrong with it.
 */
export async function readModelHostSettings(projectDir: string): Promise<ModelHostConnection | null> {
  const path = modelHostSettingsPath(projectDir);
  try {
    const text = await readRegularText(path, { maxBytes: MAX_BYTES, within: projectDir }).catch(absentAsNull);
    if (text === null) return null;
    const { schemaVersion: _, ...connection } = parseSchema(settingsSchema, JSON.parse(text));
    return connection;
  } catch (error) {
    throw new SetupError(`${path} cannot be read: ${schemaProblem(error) ?? errorMessage(error)}`, {
      failureClass: 'conflict',
      remedies: [otherRemedy('Correct the file, or delete it and save the connection again: --save')],
      cause: error,
    });
  }
}

/**
 * Saves the connection for the project, readable only by its owner. @returns the path.
 * @throws SetupError when a value is invalid or contains a secret.
 */
export async function saveModelHostSettings(
  projectDir: string,
  connection: ModelHostConnection,
): Promise<string> {
  const problems = connectionProblems(connection).map(({ field, problem }) => `${field} ${problem}`);
  const secrets = secretFields(connection).map((field) => `${field} contains a secret`);
  if (problems.length + secrets.length > 0) {
    throw new SetupError('The connection cannot be saved.', {
      failureClass: 'conflict',
      evidence: [...problems, ...secrets],
      remedies: [otherRemedy('Keep secrets on the host, such as in a script that restarts the service')],
    });
  }
  const { host, user, keyPath, configPath, mode, restartCmd, baseUrl } = connection;
  const path = modelHostSettingsPath(projectDir);
  const settings = { schemaVersion: 1, host, user, keyPath, configPath, mode, restartCmd, baseUrl };
  await makeProjectFolder(projectDir);
  await writeFileWithin(projectDir, path, jsonText(settings), OWNER_ONLY);
  return path;
}

/** The file that a person has seen a diff against. */
export interface ReviewedFile {
  host: string;
  configPath: string;
  /** Digest of the text on the host. */
  sha256: string;
}

/** A change that started writing and did not finish. */
export interface UnfinishedChange {
  host: string;
  configPath: string;
  backupPath: string;
  /** ISO-8601, UTC. */
  startedAt: string;
}

const place = { schemaVersion: z.literal(1), host: z.string(), configPath: z.string() };

/** The file that the last `diff` was made against, so that `apply` can detect later changes. */
export const reviewedFile: ProjectRecord<ReviewedFile> = projectRecord(
  'model-host-reviewed.json',
  z.object({ ...place, sha256: z.string() }),
);

/** Written before the host's file is changed, so that an interrupted change can be repaired. */
export const unfinishedChange: ProjectRecord<UnfinishedChange> = projectRecord(
  'model-host-unfinished.json',
  z.object({ ...place, backupPath: z.string(), startedAt: z.string() }),
);

export interface ProjectRecord<T> {
  /** `null` when there is none for this file on this host. */
  read(projectDir: string, at: { host: string; configPath: string }): Promise<T | null>;
  write(projectDir: string, value: T): Promise<void>;
  remove(projectDir: string): Promise<void>;
}

function projectRecord<T extends { host: string; configPath: string }>(
  name: string,
  schema: z.ZodMiniType<T & { schemaVersion: 1 }>,
): ProjectRecord<T> {
  return {
    async read(projectDir, { host, configPath }) {
      try {
        const value = parseSchema(
          schema,
          JSON.parse(
            await readRegularText(setupFile(projectDir, name), { maxBytes: MAX_BYTES, within: projectDir }),
          ),
        );
        return value.host === host && value.configPath === configPath ? value : null;
      } catch {
        // Only a convenience: an unreadable record is ignored.
        return null;
      }
    },
    async write(projectDir, value) {
      await makeProjectFolder(projectDir);
      const text = jsonText({ schemaVersion: 1, ...value });
      await writeFileWithin(projectDir, setupFile(projectDir, name), text, OWNER_ONLY);
    },
    async remove(projectDir) {
      const path = setupFile(projectDir, name);
      await assertNoLinkWithin(projectDir, dirname(path));
      await rm(path, { force: true });
    },
  };
}

function setupFile(projectDir: string, name: string): string {
  return join(projectDir, '.ktx', 'setup', name);
}
