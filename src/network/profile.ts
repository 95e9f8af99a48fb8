import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errorMessage, SetupError } from '../support/errors.ts';
import { addressOfSetting, basicAuthorization, type Login, placeOf, splitLogin } from './address.ts';
import { type NetrcEntry, parseNetrc } from './netrc.ts';
import { GITHUB, OFFICIAL_MIRROR } from './official-hosts.ts';
import { type PipSetting, readPipConfig } from './pip-config.ts';
import type { ProxyServer, ProxySettings } from './proxy.ts';
import { PUBLIC_INDEX_URL } from './public-index.ts';

/** A package index, or a page or folder of links. The login of its address is in `NetworkProfile.credentials`. */
export interface PackageIndexConfig {
  /** `http:`, `https:` or `file:` address without login. */
  url: string;
  /** Host, or path of a folder: what people see. */
  label: string;
  /** Where the setting stands: `--index-url`, `PIP_INDEX_URL`, `pip.conf (~/.config/pip/pip.conf)`, `default`. */
  origin: string;
}

/** A login that came with an address; used for addresses of that origin only. */
export interface Credential extends Login {
  /** `https://host[:port]`. */
  urlOrigin: string;
  /** Path of the address it came with: two repositories of one host may have different logins. */
  path: string;
}

/** One line of what the plan and the doctor show. Holds no secret. */
export interface ProfileLine {
  name: string;
  value: string;
  origin: string;
}

/**
 * Everything that decides how this run reaches other hosts, found afresh at each run; each value knows where it came from.
 * Read by the client, the sources and the plan screen.
 */
export interface NetworkProfile {
  /** Asked in this order. Empty when the index is disabled. */
  indexes: readonly PackageIndexConfig[];
  /** Folders and pages of links, asked before the indexes. */
  findLinks: readonly PackageIndexConfig[];
  /** `no-index`: only `findLinks` may be used for packages. */
  isIndexDisabled: boolean;
  proxies: ProxySettings;
  isOffline: boolean;
  /** `UV_PYTHON_INSTALL_MIRROR`: holds `<build>/<file>`. */
  pythonInstallMirror: PackageIndexConfig | null;
  /** Base address of the official mirror; `UV_ASTRAL_MIRROR_URL` replaces it. */
  officialMirror: string;
  /** Base address of GitHub; `null` when `UV_ASTRAL_MIRROR_URL` is set, which is exclusive in uv too. */
  githubReleases: string | null;
  credentials: readonly Credential[];
  netrc: readonly NetrcEntry[];
  /** Files with further certificate authorities, beside Node's and the system's. Only files that could be read. */
  certificateFiles: readonly { path: string; pem: string; origin: string }[];
  /** Settings that were seen and not obeyed, and why. */
  warnings: readonly string[];
  describe(): ProfileLine[];
}

export interface NetworkProfileOptions {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  indexUrl?: string;
  isOffline?: boolean;
}

const CERTIFICATE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
  'NODE_EXTRA_CA_CERTS',
];

/**
 * Reads the settings: flag, environment, pip configuration, default, the first that is there wins for the index; `extra-index-url` and
 * find-links add. Asks no host.
 * @throws SetupError of class network when a setting holds something that is no address.
 */
export async function readNetworkProfile(options: NetworkProfileOptions): Promise<NetworkProfile> {
  const { env } = options;
  const homeDir = options.homeDir || homedir();
  const pip = await readPipConfig(env, homeDir);
  const settings = settingReader(env, pip);
  const credentials: Credential[] = [];
  const warnings: string[] = [];

  const location = (value: string, origin: string): PackageIndexConfig => {
    const { url, login } = splitLogin(checkedAddress(value, origin));
    if (login) credentials.push({ ...login, urlOrigin: new URL(url).origin, path: new URL(url).pathname });
    return { url, label: placeOf(url), origin };
  };
  /** `name=https://…` is uv's way to name an index; its login may stand in variables of that name. */
  const uvLocation = (value: string, origin: string): PackageIndexConfig => {
    const named = /^([A-Za-z0-9_.-]+)=(.+)$/.exec(value);
    const config = location(named?.[2] ?? value, origin);
    const prefix = named ? `UV_INDEX_${named[1]!.toUpperCase().replace(/[^A-Z0-9]/g, '_')}` : null;
    const username = prefix && env[`${prefix}_USERNAME`];
    const password = prefix && env[`${prefix}_PASSWORD`];
    if (username || password) {
      const url = new URL(config.url);
      credentials.push({
        username: username || '',
        password: password || '',
        urlOrigin: url.origin,
        path: url.pathname,
      });
    }
    return config;
  };

  const isIndexDisabled = isTruthy(env['PIP_NO_INDEX'] ?? pip.get('no-index')?.value);
  const indexes: PackageIndexConfig[] = [];
  const uvIndex = settings.ofEnv('UV_DEFAULT_INDEX') ?? settings.ofEnv('UV_INDEX_URL');
  const pipIndex = settings.ofPip('PIP_INDEX_URL', 'index-url');
  if (options.indexUrl) indexes.push(location(options.indexUrl, '--index-url'));
  else if (isIndexDisabled) warnings.push('The package index is switched off (no-index).');
  else if (uvIndex) indexes.push(uvLocation(uvIndex.value, uvIndex.origin));
  else if (pipIndex) indexes.push(location(pipIndex.value.trim(), pipIndex.origin));
  else indexes.push(location(PUBLIC_INDEX_URL, 'default'));
  if (!isIndexDisabled) {
    for (const name of ['UV_INDEX', 'UV_EXTRA_INDEX_URL']) {
      const setting = settings.ofEnv(name);
      for (const value of words(setting?.value)) indexes.push(uvLocation(value, setting!.origin));
    }
    const extra = settings.ofPip('PIP_EXTRA_INDEX_URL', 'extra-index-url');
    for (const value of words(extra?.value)) indexes.push(location(value, extra!.origin));
  }

  const findLinks: PackageIndexConfig[] = [];
  const uvLinks = settings.ofEnv('UV_FIND_LINKS');
  for (const value of (uvLinks?.value ?? '').split(/[,\n]/).filter((part) => part.trim())) {
    findLinks.push(location(value.trim(), uvLinks!.origin));
  }
  const pipLinks = settings.ofPip('PIP_FIND_LINKS', 'find-links');
  for (const value of words(pipLinks?.value)) findLinks.push(location(value, pipLinks!.origin));

  const mirror = settings.ofEnv('UV_PYTHON_INSTALL_MIRROR');
  const officialMirror = settings.ofEnv('UV_ASTRAL_MIRROR_URL');
  if (settings.ofPip('PIP_TRUSTED_HOST', 'trusted-host')) {
    warnings.push('trusted-host is set and not obeyed: certificates are always checked.');
  }
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    warnings.push('NODE_TLS_REJECT_UNAUTHORIZED=0 is set and not obeyed: certificates are always checked.');
  }

  const profile: Omit<NetworkProfile, 'describe'> = {
    indexes: withoutRepeats(indexes),
    findLinks: withoutRepeats(findLinks),
    isIndexDisabled: isIndexDisabled && !options.indexUrl,
    proxies: readProxies(settings),
    isOffline: options.isOffline ?? false,
    pythonInstallMirror: mirror ? location(mirror.value, mirror.origin) : null,
    officialMirror: officialMirror
      ? location(officialMirror.value, officialMirror.origin).url
      : OFFICIAL_MIRROR,
    githubReleases: officialMirror ? null : GITHUB,
    credentials,
    netrc: await readNetrc(env, homeDir, warnings),
    certificateFiles: await readCertificateFiles(settings, warnings),
    warnings,
  };
  return {
    ...profile,
    describe: () =>
      describeProfile(profile, officialMirror?.origin ?? 'default', mirror ? mirror.origin : null),
  };
}

interface Setting {
  value: string;
  origin: string;
}

function settingReader(env: NodeJS.ProcessEnv, pip: Map<string, PipSetting>) {
  const ofEnv = (name: string): Setting | null => {
    const value = env[name];
    return value?.trim() ? { value: value.trim(), origin: name } : null;
  };
  return {
    ofEnv,
    /** A variable replaces the file's setting of the same name, lists included, as in pip. */
    ofPip: (variable: string, name: string): Setting | null => {
      const fromEnv = ofEnv(variable);
      if (fromEnv) return fromEnv;
      const setting = pip.get(name);
      return setting?.value.trim()
        ? { value: setting.value.trim(), origin: `pip configuration (${setting.path})` }
        : null;
    },
  };
}
type SettingReader = ReturnType<typeof settingReader>;

function readProxies(settings: SettingReader): ProxySettings {
  const first = (...names: string[]): ProxyServer | null => {
    for (const name of names) {
      const setting = settings.ofEnv(name) ?? settings.ofEnv(name.toUpperCase());
      if (setting) return proxyServer(setting);
    }
    const ofPip = settings.ofPip('PIP_PROXY', 'proxy');
    return ofPip ? proxyServer(ofPip) : null;
  };
  return {
    forHttp: first('http_proxy', 'all_proxy'),
    forHttps: first('https_proxy', 'all_proxy'),
    noProxy: (settings.ofEnv('no_proxy') ?? settings.ofEnv('NO_PROXY'))?.value ?? '',
  };
}

function proxyServer({ value, origin }: Setting): ProxyServer {
  const address = checkedAddress(/^[a-z0-9+]+:\/\//i.test(value) ? value : `http://${value}`, origin);
  const { url, login } = splitLogin(address);
  return { url, authorization: login ? basicAuthorization(login) : null, origin };
}

async function readNetrc(env: NodeJS.ProcessEnv, homeDir: string, warnings: string[]): Promise<NetrcEntry[]> {
  const chosen = env['NETRC'];
  const paths = chosen
    ? [chosen]
    : [join(homeDir, '.netrc'), ...(process.platform === 'win32' ? [join(homeDir, '_netrc')] : [])];
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) return parseNetrc(text);
  }
  if (chosen) warnings.push(`NETRC names ${chosen}, which cannot be read.`);
  return [];
}

async function readCertificateFiles(settings: SettingReader, warnings: string[]) {
  const wanted = CERTIFICATE_VARIABLES.filter((name) => name !== 'PIP_CERT').map((name) =>
    settings.ofEnv(name),
  );
  wanted.push(settings.ofPip('PIP_CERT', 'cert'));
  const files = new Map<string, { path: string; pem: string; origin: string }>();
  for (const setting of wanted) {
    if (!setting || files.has(setting.value)) continue;
    try {
      const pem = await readFile(setting.value, 'utf8');
      files.set(setting.value, { path: setting.value, pem, origin: setting.origin });
    } catch {
      warnings.push(`${setting.origin} names ${setting.value}, which cannot be read; it is left out.`);
    }
  }
  return [...files.values()];
}

function checkedAddress(value: string, origin: string): string {
  try {
    const address = addressOfSetting(value, process.cwd());
    if (/^(https?|file|socks5h?|socks):/.test(address)) return address;
    throw new TypeError(`the scheme ${new URL(address).protocol} is not supported`);
  } catch (error) {
    throw new SetupError(`${origin} is not an address that can be used.`, {
      failureClass: 'network',
      evidence: [`${origin}: ${errorMessage(error)}`],
      nextSteps: [
        `Correct ${origin}: an address that starts with https:// or http://, or the path of a folder.`,
      ],
    });
  }
}

function describeProfile(
  profile: Omit<NetworkProfile, 'describe'>,
  officialOrigin: string,
  mirrorOrigin: string | null,
): ProfileLine[] {
  const lines: ProfileLine[] = [];
  for (const index of profile.indexes)
    lines.push({ name: 'package index', value: index.url, origin: index.origin });
  for (const links of profile.findLinks)
    lines.push({ name: 'find-links', value: links.url, origin: links.origin });
  if (profile.pythonInstallMirror && mirrorOrigin)
    lines.push({ name: 'Python mirror', value: profile.pythonInstallMirror.url, origin: mirrorOrigin });
  lines.push({ name: 'official builds', value: profile.officialMirror, origin: officialOrigin });
  const { forHttp, forHttps, noProxy } = profile.proxies;
  if (forHttps) lines.push({ name: 'proxy for https', value: forHttps.url, origin: forHttps.origin });
  if (forHttp) lines.push({ name: 'proxy for http', value: forHttp.url, origin: forHttp.origin });
  if (noProxy) lines.push({ name: 'no proxy for', value: noProxy, origin: 'NO_PROXY' });
  for (const file of profile.certificateFiles)
    lines.push({ name: 'certificates', value: file.path, origin: file.origin });
  return lines;
}

function withoutRepeats(configs: readonly PackageIndexConfig[]): PackageIndexConfig[] {
  const seen = new Set<string>();
  return configs.filter((config) => {
    const key = config.url.replace(/\/+$/, '');
    return !seen.has(key) && seen.add(key);
  });
}

function words(value: string | undefined): string[] {
  return (value ?? '').split(/\s+/).filter(Boolean);
}

function isTruthy(value: string | undefined): boolean {
  return /^(1|true|yes|on|y|t)$/i.test(value?.trim() ?? '');
}
