import { join } from 'node:path';
import { SetupError } from '../../support/errors.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { correctSetting, SHOW_SETTINGS } from '../../support/remedies.ts';
import {
  AddressError,
  basicAuthorization,
  type Login,
  placeOf,
  type ReadAddress,
  readAddress,
  readProxyAddress,
  shownAddress,
} from '../address/address.ts';
import { withHome } from '../address/home-path.ts';
import { GITHUB, MODEL_HUB, OFFICIAL_MIRROR } from '../address/official-hosts.ts';
import type { ProxyServer, ProxySettings } from '../address/proxy.ts';
import { PUBLIC_FILES_URL, PUBLIC_INDEX_URL } from '../address/public-index.ts';
import {
  type CertificateFile,
  type ClientCertificate,
  readCertificateFiles,
  readClientCertificate,
} from './certificates.ts';
import { givenInstead, type SettingKind } from './given-instead.ts';
import { type NetrcEntry, parseNetrc } from './netrc.ts';
import { readSettings, type Setting, type SettingName, type Settings } from './settings.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';
import { isOn } from './uv-config.ts';

/** Retries after an attempt without progress; `UV_HTTP_RETRIES` overrides it. */
const DEFAULT_RETRIES = 3;

/** A package index, or a page or folder of links. The login of its address is in `NetworkProfile.credentials`. */
export interface PackageIndexConfig {
  /** `http:`, `https:` or `file:` address without login. */
  url: string;
  /** Host, or path of a folder, for display. */
  label: string;
  /** Where it is set: `--index-url`, `PIP_INDEX_URL`, `pip.conf (~/.config/pip/pip.conf)`, `default`. */
  origin: string;
  /**
   * Files recorded below this address need no index page. Only for the public index, and only when it is the
   * default.
   */
  filesUrl?: string;
}

/** A login given in an address; used for addresses of that origin only. */
export interface Credential extends Login {
  /** `https://host[:port]`. */
  urlOrigin: string;
  /** Path of that address: two repositories on one host may have different logins. */
  path: string;
}

/** A setting with an invalid value, which is not quoted. */
export class SettingError extends SetupError {
  /** Where it is set, as in a profile. */
  readonly origin: string;

  constructor(origin: string, problem: string, example: string, kind: SettingKind = 'address') {
    super(`${origin} is not a usable address.`, {
      failureClass: 'network',
      causeId: 'setting',
      evidence: [`${origin}: ${problem}`],
      remedies: [correctSetting(origin, example), ...givenInstead(origin, kind), SHOW_SETTINGS],
    });
    this.origin = origin;
  }
}

/** A line for the plan and the doctor. Holds no secret. */
export interface ProfileLine {
  name: string;
  value: string;
  origin: string;
}

/**
 * Every setting that decides how this run reaches other hosts, read afresh for each run; each value has its
 * origin. Read by the client, the sources and the plan screen.
 */
export interface NetworkProfile {
  /** In search order. Empty when the index is disabled. */
  indexes: readonly PackageIndexConfig[];
  /** Folders and pages of links, searched before the indexes. */
  findLinks: readonly PackageIndexConfig[];
  /** `no-index`: packages may only come from `findLinks`. */
  isIndexDisabled: boolean;
  proxies: ProxySettings;
  isOffline: boolean;
  /** Holds `<build>/<file>`. */
  pythonInstallMirror: PackageIndexConfig | null;
  /** Base address of the official mirror; `UV_ASTRAL_MIRROR_URL` replaces it. */
  officialMirror: string;
  /** Base address of GitHub; `null` when `UV_ASTRAL_MIRROR_URL` is set, which is exclusive in uv too. */
  githubReleases: string | null;
  /** Base address of the hub that models come from. */
  modelHub: PackageIndexConfig;
  /** Retries after an attempt without progress (`UV_HTTP_RETRIES`). */
  retries: number;
  /** `UV_HTTP_CONNECT_TIMEOUT`, else the general timeout of uv and pip; `null`: the client's default. */
  connectTimeoutMs: number | null;
  /** Longest time without receiving a byte. */
  idleTimeoutMs: number | null;
  credentials: readonly Credential[];
  netrc: readonly NetrcEntry[];
  /** Additional certificate authorities, besides Node's and the system's. Readable files only. */
  certificateFiles: readonly CertificateFile[];
  /** Presented to hosts that request a client certificate; `null` when none is set. */
  clientCertificate: ClientCertificate | null;
  /** Ignored settings, and why. */
  warnings: readonly string[];
  describe(): ProfileLine[];
}

export interface NetworkProfileOptions {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  indexUrl?: string;
  isOffline?: boolean;
  /** `network.json`, written by `ktx admin network set`. Undefined: not read. */
  storedPath?: string;
  /**
   * Called for an invalid address, which is then skipped; used to display settings. Without it the error is
   * thrown.
   */
  onUnusable?: (error: SettingError) => void;
}

/**
 * Reads the settings: flag, `network.json`, environment, uv, pip and npm configuration, default. The first
 * that is set wins; additional indexes and find-links accumulate. Contacts no host.
 * @throws SetupError of class network when a setting is not a valid address.
 */
export async function readNetworkProfile(options: NetworkProfileOptions): Promise<NetworkProfile> {
  const homeDir = options.homeDir || homeFolder();
  const settings = await readSettings({ ...options, homeDir });
  const leftOut = new Set<string>();
  for (;;) {
    try {
      return await profileOf(leavingOut(settings, leftOut), { ...options, homeDir });
    } catch (error) {
      const isNew = error instanceof SettingError && !leftOut.has(error.origin);
      if (!isNew || options.onUnusable === undefined) throw error;
      leftOut.add(error.origin);
      options.onUnusable(error);
    }
  }
}

/** The settings without those of the given origins. */
function leavingOut(settings: Settings, origins: ReadonlySet<string>): Settings {
  if (origins.size === 0) return settings;
  const kept = (name: SettingName) => settings.all(name).filter(({ origin }) => !origins.has(origin));
  return { warnings: settings.warnings, all: kept, first: (name) => kept(name)[0] ?? null };
}

async function profileOf(
  settings: Settings,
  { env, homeDir, isOffline }: NetworkProfileOptions,
): Promise<NetworkProfile> {
  const credentials: Credential[] = [];
  const warnings = [...settings.warnings];
  const location = (setting: Setting): PackageIndexConfig => {
    const { url, login } = checkedAddress(
      setting,
      homeDir,
      setting === settings.first('index') ? 'index' : 'address',
    );
    const { origin: urlOrigin, pathname: path } = new URL(url);
    const known = login ?? loginOfIndex(setting.indexName, env);
    if (known) credentials.push({ ...known, urlOrigin, path });
    return { url, label: placeOf(url), origin: setting.origin };
  };
  const locationOf = (name: SettingName, fallback: string): PackageIndexConfig =>
    location(settings.first(name) ?? { value: fallback, origin: 'default' });

  const noIndex = settings.first('no-index');
  const mainIndex = settings.first('index');
  // Set for ktx alone, so it takes precedence over the settings of other tools.
  const isOwnIndex = mainIndex?.origin === '--index-url' || mainIndex?.origin === 'ktx admin network set';
  const isNoIndex = isOn(noIndex?.value);
  if (isNoIndex && !isOwnIndex)
    warnings.push(`The package index is switched off (no-index, ${noIndex?.origin}).`);
  const publicIndex = () => ({ ...locationOf('index', PUBLIC_INDEX_URL), filesUrl: PUBLIC_FILES_URL });
  const main = isNoIndex && !isOwnIndex ? [] : [mainIndex === null ? publicIndex() : location(mainIndex)];
  const named = isNoIndex ? [] : firstOfEachName(settings.all('named-index')).map(location);
  const extra = isNoIndex ? [] : settings.all('extra-index').map(location);
  const indexes = isOwnIndex ? [...main, ...named, ...extra] : [...named, ...main, ...extra];
  for (const { value, origin } of settings.all('weak-tls')) {
    const source = origin.includes('configuration') ? ` (${origin})` : '';
    warnings.push(`${value} is set${source} and ignored: certificates are always checked.`);
  }
  for (const { value, origin } of settings.all('not-obeyed'))
    warnings.push(`${origin} is set and ignored: ${value}.`);
  const mirror = settings.first('python-mirror');
  const officialMirror = settings.first('official-mirror');
  const github = settings.first('github');
  const certificates = await readCertificateFiles(settings.all('ca'), homeDir);
  const clientSetting = settings.first('client-cert');
  const client = clientSetting ? await readClientCertificate(clientSetting, homeDir) : null;
  const timeoutMs = milliseconds(settings.first('timeout')?.value);
  const profile: Omit<NetworkProfile, 'describe'> = {
    indexes: withoutRepeats(indexes),
    findLinks: withoutRepeats(settings.all('find-links').map(location)),
    isIndexDisabled: isNoIndex && !isOwnIndex,
    proxies: readProxies(settings),
    isOffline: isOffline ?? false,
    pythonInstallMirror: mirror ? location(mirror) : null,
    officialMirror: locationOf('official-mirror', OFFICIAL_MIRROR).url,
    githubReleases: officialMirror && !github ? null : locationOf('github', GITHUB).url,
    modelHub: locationOf('model-hub', MODEL_HUB),
    retries: numberOf(settings.first('retries')?.value) ?? DEFAULT_RETRIES,
    connectTimeoutMs: milliseconds(env['UV_HTTP_CONNECT_TIMEOUT']) ?? timeoutMs,
    idleTimeoutMs: timeoutMs,
    credentials,
    netrc: await readNetrc(env, homeDir, warnings),
    certificateFiles: certificates.files,
    clientCertificate: client?.certificate ?? null,
    warnings: [...warnings, ...certificates.warnings, ...(client?.warnings ?? [])],
  };
  return { ...profile, describe: () => describeProfile(profile, settings) };
}

/** `UV_INDEX_<NAME>_USERNAME` and `…_PASSWORD`. */
function loginOfIndex(name: string | undefined, env: NodeJS.ProcessEnv): Login | null {
  if (name === undefined) return null;
  const prefix = `UV_INDEX_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
  const username = env[`${prefix}_USERNAME`] ?? '';
  const password = env[`${prefix}_PASSWORD`] ?? '';
  return username || password ? { username, password } : null;
}

function readProxies(settings: Settings): ProxySettings {
  const of = (name: 'http-proxy' | 'https-proxy') => {
    const setting = settings.first(name);
    return setting ? proxyServer(setting) : null;
  };
  return {
    forHttp: of('http-proxy'),
    forHttps: of('https-proxy'),
    noProxy: settings.first('no-proxy')?.value ?? '',
  };
}

function proxyServer(setting: Setting): ProxyServer {
  const example = 'an address such as http://proxy.example:8080';
  const { url, login } = orNamed(setting, example, () => readProxyAddress(setting.value), 'proxy');
  return { url, authorization: login ? basicAuthorization(login) : null, origin: setting.origin };
}

/** Of several uv indexes with the same name the first wins. */
function firstOfEachName(settings: readonly Setting[]): Setting[] {
  const seen = new Set<string>();
  return settings.filter(({ indexName }) => {
    if (indexName === undefined) return true;
    return !seen.has(indexName) && seen.add(indexName);
  });
}

async function readNetrc(env: NodeJS.ProcessEnv, homeDir: string, warnings: string[]): Promise<NetrcEntry[]> {
  const named = env['NETRC'];
  const chosen = named ? withHome(named, homeDir) : undefined;
  const paths = chosen
    ? [chosen]
    : [join(homeDir, '.netrc'), ...(process.platform === 'win32' ? [join(homeDir, '_netrc')] : [])];
  for (const path of paths) {
    const text = await readUserFile(path).then(
      (bytes) => settingsText(bytes).text,
      () => null,
    );
    if (text !== null) return parseNetrc(text);
  }
  if (chosen) warnings.push(`NETRC names ${chosen}, which cannot be read.`);
  return [];
}

function checkedAddress(setting: Setting, homeDir: string, kind: SettingKind): ReadAddress {
  const example = 'an address that starts with https:// or http://, or the path of a folder';
  return orNamed(
    setting,
    example,
    () => {
      const read = readAddress(setting.value, { baseDir: setting.baseDir ?? process.cwd(), homeDir });
      // A fragment is never sent, and package names would be appended after it.
      if (/^https?:/.test(read.url)) return { ...read, url: read.url.replace(/#.*/s, '') };
      if (read.url.startsWith('file:')) return read;
      throw new AddressError('its scheme is not supported; it must start with https:// or http://');
    },
    kind,
  );
}

/** The result of `read`, or an error that names the setting without quoting its value. */
function orNamed(
  setting: Setting,
  example: string,
  read: () => ReadAddress,
  kind: SettingKind = 'address',
): ReadAddress {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new SettingError(setting.origin, error.message, example, kind);
  }
}

function describeProfile(profile: Omit<NetworkProfile, 'describe'>, settings: Settings): ProfileLine[] {
  const { forHttp, forHttps, noProxy } = profile.proxies;
  const originOf = (name: SettingName) => settings.first(name)?.origin ?? 'default';
  const line = (name: string, value: string, origin: string): ProfileLine => ({ name, value, origin });
  const { pythonInstallMirror: mirror, githubReleases, modelHub } = profile;
  return [
    ...profile.indexes.map((index) => line('package index', shownAddress(index.url), index.origin)),
    ...profile.findLinks.map((links) => line('find-links', shownAddress(links.url), links.origin)),
    ...(mirror ? [line('Python mirror', shownAddress(mirror.url), mirror.origin)] : []),
    line('official builds', shownAddress(profile.officialMirror), originOf('official-mirror')),
    ...(githubReleases ? [line('GitHub', shownAddress(githubReleases), originOf('github'))] : []),
    line('model hub', shownAddress(modelHub.url), modelHub.origin),
    ...(forHttps ? [line('proxy for https', forHttps.url, forHttps.origin)] : []),
    ...(forHttp ? [line('proxy for http', forHttp.url, forHttp.origin)] : []),
    ...(noProxy ? [line('no proxy for', noProxy, originOf('no-proxy'))] : []),
    ...profile.certificateFiles.map((file) => line('certificates', file.path, file.origin)),
    ...(profile.clientCertificate
      ? [line('client certificate', profile.clientCertificate.path, profile.clientCertificate.origin)]
      : []),
    ...(settings.first('timeout')
      ? [line('timeout', `${(profile.idleTimeoutMs ?? 0) / 1000} s`, originOf('timeout'))]
      : []),
  ];
}

function withoutRepeats(configs: readonly PackageIndexConfig[]): PackageIndexConfig[] {
  const seen = new Set<string>();
  return configs.filter((config) => {
    const key = config.url.replace(/\/+$/, '');
    return !seen.has(key) && seen.add(key);
  });
}

function numberOf(value: string | undefined): number | null {
  return value !== undefined && /^\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : null;
}

/** uv and pip use seconds, pip also fractions. */
function milliseconds(value: string | undefined): number | null {
  const seconds = numberOf(value);
  return seconds === null || seconds === 0 ? null : seconds * 1000;
}
