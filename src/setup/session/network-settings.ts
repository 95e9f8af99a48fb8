import { networkSettingsPath } from '../../core/layout.ts';
import { packageVersion } from '../../core/program-version.ts';
import { checkedSetting } from '../../network/settings/checked-setting.ts';
import { type ProfileLine, readNetworkProfile } from '../../network/settings/profile.ts';
import { STORED_SETTINGS } from '../../network/settings/setting-list.ts';
import {
  forgetStoredSettings,
  isStoredSettingName,
  readStoredSettings,
  type StoredSettings,
  storeSetting,
} from '../../network/settings/stored-settings.ts';
import { SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { createRedactor } from '../../support/text/redaction.ts';
import { similarNames } from '../../support/text/similar-names.ts';

/**
 * The output of `ktx admin network show`. Holds no secrets: of logins, only that one exists and where it is
 * set.
 */
export interface NetworkOverview {
  lines: readonly ProfileLine[];
  logins: readonly { host: string; origin: string }[];
  /** Settings that are ignored or cannot be read. */
  warnings: readonly string[];
  storedPath: string;
  stored: StoredSettings;
}

export interface NetworkPlace {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  runtimeRoot: string;
}

/**
 * Reads every setting as a setup would. Contacts no host.
 * @param isForSetup throw on an invalid address; otherwise it becomes a warning.
 * @throws SetupError
 */
export async function describeNetwork(
  place: NetworkPlace,
  { isForSetup = false }: { isForSetup?: boolean } = {},
): Promise<NetworkOverview> {
  const storedPath = networkSettingsPath(place.runtimeRoot);
  const unusable: string[] = [];
  const onUnusable = ({ evidence }: SetupError) => void unusable.push(...evidence);
  const profile = await readNetworkProfile({ ...place, storedPath, ...(isForSetup ? {} : { onUnusable }) });
  const proxies = [profile.proxies.forHttps, profile.proxies.forHttp];
  const logins = [
    ...profile.credentials.map(({ urlOrigin }) => ({ host: new URL(urlOrigin).host, origin: 'its address' })),
    ...profile.netrc.map(({ machine }) => ({ host: machine ?? 'every other host', origin: 'netrc' })),
    ...proxies.flatMap((proxy) =>
      proxy?.authorization ? [{ host: new URL(proxy.url).host, origin: proxy.origin }] : [],
    ),
  ];
  return {
    lines: profile.describe(),
    logins: [...new Map(logins.map((login) => [login.host, login])).values()],
    warnings: [...unusable, ...profile.warnings],
    storedPath,
    stored: await readStoredSettings(storedPath),
  };
}

export function settingNames(): string[] {
  return Object.keys(STORED_SETTINGS);
}

/**
 * Stores one setting for all runs of ktx.
 * @returns all stored settings.
 * @throws SetupError for an unknown name, or a value that is invalid or holds a secret; the value is not
 * repeated.
 */
export async function setNetworkSetting(
  runtimeRoot: string,
  name: string,
  value: string,
  cwd: string,
): Promise<{ path: string; settings: Record<string, string> }> {
  if (!isStoredSettingName(name)) throw unknownSetting(name);
  const path = networkSettingsPath(runtimeRoot);
  const checked = await checkedSetting(name, value, cwd);
  return { path, settings: await storeSetting(path, name, checked, packageVersion()) };
}

/** Removes one setting, or all with `null`, even if the file cannot be read. */
export async function unsetNetworkSettings(
  runtimeRoot: string,
  name: string | null,
): Promise<{ path: string; settings: Record<string, string>; removed: string[]; wasUnreadable?: true }> {
  const path = networkSettingsPath(runtimeRoot);
  if (name === null) {
    const removed = await forgetStoredSettings(path);
    return {
      path,
      settings: {},
      removed: removed ?? [],
      ...(removed === null ? { wasUnreadable: true } : {}),
    };
  }
  if (!isStoredSettingName(name)) throw unknownSetting(name);
  const isSet = (await readStoredSettings(path))[name] !== undefined;
  return {
    path,
    settings: await storeSetting(path, name, null, packageVersion()),
    removed: isSet ? [name] : [],
  };
}

function unknownSetting(name: string): SetupError {
  const names = settingNames();
  const similar = similarNames(name, names);
  const hint = similar.length > 0 ? ` Did you mean ${similar.join(' or ')}?` : '';
  return new SetupError(
    // A value given in place of the name may contain a login.
    `There is no network setting ${createRedactor().redact(name)}.${hint}\nThe settings are: ${names.join(', ')}`,
    {
      failureClass: 'conflict',
      remedies: [otherRemedy('See what is set', { argv: ['ktx', 'admin', 'network', 'show'] })],
    },
  );
}
