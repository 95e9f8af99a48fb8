import { rm } from 'node:fs/promises';
import * as z from 'zod/mini';
import { errorMessage, isAbsence, SetupError } from '../../support/errors.ts';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { STORED_SETTINGS, type StoredSettingName } from './setting-list.ts';

export type StoredSettings = Partial<Record<StoredSettingName, string>>;

/** `<runtimeRoot>/uv/network.json`, written by `ktx admin network`, read at every run. Holds no secret. */
const storedSchema = z.object({
  schemaVersion: z.literal(1),
  settings: z.partialRecord(
    z.enum(Object.keys(STORED_SETTINGS) as [StoredSettingName, ...StoredSettingName[]]),
    z.string().check(z.minLength(1)),
  ),
});

const MAX_BYTES = 1024 * 1024;

/** `{}` when there is no file. @throws SetupError naming the file when it cannot be read. */
export async function readStoredSettings(path: string): Promise<StoredSettings> {
  let text: string;
  try {
    text = await readRegularText(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    if (isAbsence(error)) return {};
    throw unreadable(path, error);
  }
  try {
    return storedSchema.parse(JSON.parse(text)).settings as StoredSettings;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): SetupError {
  return new SetupError(`The network settings of ktx cannot be read: ${path}`, {
    failureClass: 'conflict',
    evidence: [errorMessage(cause).split('\n').slice(0, 3).join(' ')],
    nextSteps: [
      'Forget them: ktx admin network unset --all',
      'Then set them again: ktx admin network set <name> <value>',
    ],
    cause,
  });
}

export function isStoredSettingName(name: string): name is StoredSettingName {
  return Object.hasOwn(STORED_SETTINGS, name);
}

/** Readable for the user alone; no file when nothing is left. */
export async function writeStoredSettings(path: string, settings: StoredSettings): Promise<void> {
  if (Object.keys(settings).length === 0) {
    await rm(path, { force: true });
    return;
  }
  await writeFileAtomic(path, jsonText({ schemaVersion: 1, settings }), 0o600);
}
