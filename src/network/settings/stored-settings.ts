import { rm } from 'node:fs/promises';
import { errorMessage, isAbsence, NewerFormatError, SetupError } from '../../support/errors.ts';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { newerRecord } from '../../support/newer-record.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { STORED_SETTINGS, type StoredSettingName } from './setting-list.ts';

export type StoredSettings = Partial<Record<StoredSettingName, string>>;

/**
 * `<runtimeRoot>/uv/network.json`, written by `ktx admin network`, read by every run of every version. Holds
 * no secret. Fields and settings added by a newer ktx are preserved.
 */
interface StoredFile {
  schemaVersion: number;
  /** The newest ktx that wrote it. */
  writtenBy?: string;
  settings: Record<string, unknown>;
  [added: string]: unknown;
}

const SCHEMA_VERSION = 1;
const MAX_BYTES = 1024 * 1024;

/** `{}` when there is no file. @throws SetupError naming the file when it cannot be read; NewerFormatError. */
export async function readStoredSettings(path: string): Promise<StoredSettings> {
  const file = await readStoredFile(path);
  const known = Object.entries(file.settings).filter(([name]) => isStoredSettingName(name));
  const bad = known.find(([, value]) => typeof value !== 'string' || value === '');
  if (bad) throw unreadable(path, new Error(`the setting ${bad[0]} is not a text`));
  return Object.fromEntries(known) as StoredSettings;
}

/** @throws as `readStoredSettings`. */
async function readStoredFile(path: string): Promise<StoredFile> {
  let text: string;
  try {
    text = await readRegularText(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    if (isAbsence(error)) return { schemaVersion: SCHEMA_VERSION, settings: {} };
    throw unreadable(path, error);
  }
  const newer = newerRecord(text, SCHEMA_VERSION);
  if (newer !== null) throw new NewerFormatError(path, newer.writtenBy);
  return parseStored(path, text);
}

function parseStored(path: string, text: string): StoredFile {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  let file: Partial<StoredFile> | null;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, error);
  }
  const { schemaVersion, writtenBy, settings } = file ?? {};
  const isNamed = writtenBy === undefined || typeof writtenBy === 'string';
  if (isObject(file) && schemaVersion === SCHEMA_VERSION && isNamed && isObject(settings))
    return file as StoredFile;
  throw unreadable(path, new Error('it holds no settings of ktx'));
}

function unreadable(path: string, cause: unknown): SetupError {
  return new SetupError(`The network settings of ktx cannot be read: ${path}`, {
    failureClass: 'conflict',
    evidence: [errorMessage(cause).split('\n').slice(0, 3).join(' ')],
    remedies: [
      otherRemedy('Forget them', { argv: ['ktx', 'admin', 'network', 'unset', '--all'] }),
      otherRemedy('Then set them again', { argv: ['ktx', 'admin', 'network', 'set', '<name>', '<value>'] }),
    ],
    cause,
  });
}

export function isStoredSettingName(name: string): name is StoredSettingName {
  return Object.hasOwn(STORED_SETTINGS, name);
}

/**
 * Stores one setting, or removes it with `null`. Readable by the user alone; the file is deleted when it
 * becomes empty.
 * @param writtenBy the ktx version, for versions that cannot read the file later.
 * @returns the stored settings. @throws as `readStoredSettings`; the file system's error.
 */
export async function storeSetting(
  path: string,
  name: StoredSettingName,
  value: string | null,
  writtenBy: string,
): Promise<StoredSettings> {
  const { [name]: _, ...known } = await readStoredSettings(path);
  const file = await readStoredFile(path);
  const { [name]: __, ...others } = file.settings;
  const settings = { ...others, ...(value === null ? {} : { [name]: value }) };
  if (Object.keys(settings).length === 0) {
    await rm(path, { force: true });
  } else {
    const content = { writtenBy, ...file, settings };
    await writeFileAtomic(path, jsonText(content), 0o600);
  }
  return value === null ? known : { ...known, [name]: value };
}

/** Deletes the file, whatever it holds. @returns the names of the settings; `null` when they cannot be read. */
export async function forgetStoredSettings(path: string): Promise<string[] | null> {
  const text = await readRegularText(path, { maxBytes: MAX_BYTES }).catch((error: unknown) =>
    isAbsence(error) ? '{}' : '',
  );
  await rm(path, { force: true });
  try {
    const { settings = {} } = JSON.parse(text) as { settings?: object };
    return Object.keys(settings);
  } catch {
    return null;
  }
}
