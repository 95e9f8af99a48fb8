import { type NpmConfig, readNpmConfig } from './npm-config.ts';
import { readPipConfig } from './pip-config.ts';
import { readStoredSettings, type StoredSettings } from './stored-settings.ts';
import {
  isOn,
  readUvConfig,
  textsOf,
  type UvConfigFile,
  type UvIndex,
  uvIndexes,
  uvSetting,
} from './uv-config.ts';

/** Every setting, under one name for all tools. */
export type SettingName =
  | 'index'
  /** Asked before the main index, as uv does with every index besides its default. */
  | 'named-index'
  /** Asked after the main index. */
  | 'extra-index'
  | 'find-links'
  | 'no-index'
  | 'https-proxy'
  | 'http-proxy'
  | 'no-proxy'
  | 'ca'
  | 'client-cert'
  /** Timeout in seconds. */
  | 'timeout'
  | 'retries'
  | 'python-mirror'
  | 'official-mirror'
  | 'github'
  | 'model-hub'
  /** A setting that would weaken TLS; the value describes it. Reported, never followed. */
  | 'weak-tls'
  /** A setting that other tools follow and ktx cannot; the value describes it, and what to do. */
  | 'not-obeyed';

/** A value and where it is set. */
export interface Setting {
  value: string;
  origin: string;
  /** Base of a relative path; default: the working directory. */
  baseDir?: string;
  /** Name of a uv index, whose login may be set in variables of that name. */
  indexName?: string;
}

export type SettingLayer = Partial<Record<SettingName, Setting[]>>;

/** All settings, highest precedence first. */
export interface Settings {
  first(name: SettingName): Setting | null;
  all(name: SettingName): Setting[];
  warnings: string[];
}

export interface SettingSources {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  /** `--index-url`. */
  indexUrl?: string;
  /** `network.json`; undefined: none. */
  storedPath?: string;
}

/** Flag, `network.json`, environment, uv, pip, npm: the first that is set wins, lists accumulate. */
export async function readSettings(sources: SettingSources): Promise<Settings> {
  const { env, homeDir } = sources;
  const [stored, uv, pip, npm] = await Promise.all([
    sources.storedPath === undefined ? {} : readStoredSettings(sources.storedPath),
    readUvConfig(env, homeDir),
    readPipConfig(env, homeDir),
    readNpmConfig(env, homeDir),
  ]);
  const comments: string[] = [];
  const layers: SettingLayer[] = [
    sources.indexUrl ? { index: [{ value: sources.indexUrl, origin: '--index-url' }] } : {},
    storedLayer(stored),
    environmentLayer(env, comments),
    ...uv.files.map(uvLayer),
    pipLayer(pip.settings, env, comments),
    npmLayer(npm),
  ];
  return {
    first: (name) => layers.find((layer) => layer[name]?.length)?.[name]?.[0] ?? null,
    all: (name) => layers.flatMap((layer) => layer[name] ?? []),
    warnings: [...uv.warnings, ...pip.warnings, ...npm.warnings, ...comments],
  };
}

function storedLayer(stored: StoredSettings): SettingLayer {
  const layer: SettingLayer = {};
  const origin = 'ktx admin network set';
  for (const [name, value] of Object.entries(stored)) {
    const settings = (value as string).split(/\s+/).map((part) => ({ value: part, origin }));
    if (name === 'proxy') Object.assign(layer, { 'https-proxy': settings, 'http-proxy': settings });
    else if (name === 'ca-file') layer.ca = [{ value, origin }];
    else layer[name as SettingName] = name === 'no-proxy' ? [{ value, origin }] : settings;
  }
  return layer;
}

/** Variables by precedence; `split` separates the items of a list. */
const VARIABLES: readonly [SettingName, string, split?: RegExp][] = [
  ['index', 'UV_DEFAULT_INDEX'],
  ['index', 'UV_INDEX_URL'],
  ['index', 'PIP_INDEX_URL'],
  ['named-index', 'UV_INDEX', /\s+/],
  ['named-index', 'UV_EXTRA_INDEX_URL', /\s+/],
  ['extra-index', 'PIP_EXTRA_INDEX_URL', /\s+/],
  ['find-links', 'UV_FIND_LINKS', /[,\n]/],
  ['find-links', 'PIP_FIND_LINKS', /\s+/],
  ['no-index', 'PIP_NO_INDEX'],
  ['no-index', 'UV_NO_INDEX'],
  ['https-proxy', 'https_proxy'],
  ['https-proxy', 'HTTPS_PROXY'],
  ['https-proxy', 'all_proxy'],
  ['https-proxy', 'ALL_PROXY'],
  ['https-proxy', 'PIP_PROXY'],
  ['http-proxy', 'http_proxy'],
  ['http-proxy', 'HTTP_PROXY'],
  ['http-proxy', 'all_proxy'],
  ['http-proxy', 'ALL_PROXY'],
  ['http-proxy', 'PIP_PROXY'],
  ['no-proxy', 'no_proxy'],
  ['no-proxy', 'NO_PROXY'],
  ['ca', 'SSL_CERT_FILE'],
  ['ca', 'SSL_CERT_DIR', process.platform === 'win32' ? /;/ : /:/],
  ['ca', 'REQUESTS_CA_BUNDLE'],
  ['ca', 'CURL_CA_BUNDLE'],
  ['ca', 'PIP_CERT'],
  ['ca', 'NODE_EXTRA_CA_CERTS'],
  ['client-cert', 'SSL_CLIENT_CERT'],
  ['client-cert', 'PIP_CLIENT_CERT'],
  ['timeout', 'UV_HTTP_TIMEOUT'],
  ['timeout', 'UV_REQUEST_TIMEOUT'],
  ['timeout', 'HTTP_TIMEOUT'],
  ['timeout', 'PIP_TIMEOUT'],
  ['timeout', 'PIP_DEFAULT_TIMEOUT'],
  ['retries', 'UV_HTTP_RETRIES'],
  ['retries', 'PIP_RETRIES'],
  ['python-mirror', 'UV_PYTHON_INSTALL_MIRROR'],
  ['official-mirror', 'UV_ASTRAL_MIRROR_URL'],
  ['github', 'UV_INSTALLER_GITHUB_BASE_URL'],
  ['model-hub', 'HF_ENDPOINT'],
];

const KEYRING = 'logins of a keyring are not read; put the login into ~/.netrc';
const OFFLINE = 'other programs are offline with it; for ktx it is --offline';

/** Whether a keyring provider would query a keyring, even unattended. */
function isKeyring(value: string | undefined): boolean {
  return /^(?:subprocess|import|native)$/i.test(value?.trim() ?? '');
}

/**
 * The value without a trailing comment: pip.conf and env files allow comments only at the start of a line, so
 * other tools would request `https://index.example/simple # ours`. A comment with an `@` stays, since it may
 * be the rest of a password.
 */
function withoutComments(value: string, origin: string, warnings: string[]): string {
  return value.replace(/^(\s*\S+:\/\/\S+)\s+[#;](?!.*@).*$/gm, (_, address: string) => {
    const warning = `${origin} has a comment after its value, which other tools take for a part of it; ktx leaves it out.`;
    if (!warnings.includes(warning)) warnings.push(warning);
    return address;
  });
}

function environmentLayer(env: NodeJS.ProcessEnv, warnings: string[]): SettingLayer {
  const layer: SettingLayer = {};
  const add = (name: SettingName, setting: Setting) => {
    layer[name] = [...(layer[name] ?? []), setting];
  };
  for (const [name, variable, split] of VARIABLES) {
    const value = withoutComments(env[variable] ?? '', variable, warnings);
    const parts = split ? value.split(split) : [value];
    for (const part of parts.map((each) => each.trim()).filter(Boolean)) {
      // `name=https://…` is uv's syntax for a named index.
      const named = variable.startsWith('UV_') ? /^([A-Za-z0-9_.-]+)=(.+)$/.exec(part) : null;
      add(name, {
        value: named?.[2] ?? part,
        origin: variable,
        ...(named ? { indexName: named[1]! } : {}),
      });
    }
  }
  if (env['PIP_TRUSTED_HOST']?.trim()) add('weak-tls', { value: 'trusted-host', origin: 'PIP_TRUSTED_HOST' });
  if (env['UV_INSECURE_HOST']?.trim())
    add('weak-tls', { value: 'UV_INSECURE_HOST', origin: 'UV_INSECURE_HOST' });
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    add('weak-tls', { value: 'NODE_TLS_REJECT_UNAUTHORIZED=0', origin: 'NODE_TLS_REJECT_UNAUTHORIZED' });
  for (const variable of ['UV_KEYRING_PROVIDER', 'PIP_KEYRING_PROVIDER'])
    if (isKeyring(env[variable])) add('not-obeyed', { value: KEYRING, origin: variable });
  if (isOn(env['UV_OFFLINE'])) add('not-obeyed', { value: OFFLINE, origin: 'UV_OFFLINE' });
  return layer;
}

function uvLayer(file: UvConfigFile): SettingLayer {
  const origin = `uv configuration (${file.path})`;
  const from = (...names: string[]): Setting[] =>
    names.flatMap((name) =>
      textsOf(uvSetting(file, name)).map((value) => ({ value, origin, baseDir: file.dir })),
    );
  const indexes = uvIndexes(file).map(({ name, url, kind }) => ({
    kind,
    setting: { value: url, origin, baseDir: file.dir, ...(name ? { indexName: name } : {}) },
  }));
  const ofKind = (kind: UvIndex['kind']) =>
    indexes.filter((index) => index.kind === kind).map((index) => index.setting);
  const isKeyringSet = textsOf(uvSetting(file, 'keyring-provider')).some(isKeyring);
  return {
    index: [...ofKind('default'), ...from('index-url')],
    'named-index': [...ofKind('named'), ...from('extra-index-url')],
    'find-links': [...ofKind('flat'), ...from('find-links')],
    'not-obeyed': [
      ...(isKeyringSet ? [{ value: KEYRING, origin }] : []),
      ...(uvSetting(file, 'offline') === true ? [{ value: OFFLINE, origin }] : []),
    ],
    'no-index': uvSetting(file, 'no-index') === true ? [{ value: 'true', origin }] : [],
    'https-proxy': from('https-proxy'),
    'http-proxy': from('http-proxy'),
    'no-proxy': joined(from('no-proxy')),
    'python-mirror': from('python-install-mirror'),
    'weak-tls': textsOf(uvSetting(file, 'allow-insecure-host')).length
      ? [{ value: 'allow-insecure-host', origin }]
      : [],
  };
}

function joined(settings: readonly Setting[]): Setting[] {
  const [first] = settings;
  return first ? [{ ...first, value: settings.map(({ value }) => value).join(',') }] : [];
}

/** In pip a variable replaces the file's setting of the same name, lists included. */
function pipLayer(
  settings: ReadonlyMap<string, { value: string; path: string }>,
  env: NodeJS.ProcessEnv,
  warnings: string[],
): SettingLayer {
  const from = (name: string, split?: RegExp): Setting[] => {
    const setting = settings.get(name);
    if (!setting || env[`PIP_${name.toUpperCase().replaceAll('-', '_')}`]?.trim()) return [];
    const origin = `pip configuration (${setting.path})`;
    const text = withoutComments(setting.value, origin, warnings);
    const parts = split ? text.split(split) : [text];
    return parts
      .map((part) => part.trim())
      .filter(Boolean)
      .map((value) => ({ value, origin }));
  };
  return {
    index: from('index-url'),
    'extra-index': from('extra-index-url', /\s+/),
    'find-links': from('find-links', /\s+/),
    'no-index': from('no-index'),
    'https-proxy': from('proxy'),
    'http-proxy': from('proxy'),
    ca: from('cert'),
    'client-cert': from('client-cert'),
    timeout: [...from('timeout'), ...from('default-timeout')],
    retries: from('retries'),
    'weak-tls': from('trusted-host').map(({ origin }) => ({ value: 'trusted-host', origin })),
    'not-obeyed': from('keyring-provider')
      .filter(({ value }) => isKeyring(value))
      .map(({ origin }) => ({ value: KEYRING, origin })),
  };
}

function npmLayer(npm: NpmConfig): SettingLayer {
  const from = (...names: string[]): Setting[] => {
    const found = names.map((name) => npm.get(name)).find((setting) => setting !== null);
    return found && found.value !== 'false' ? [found] : [];
  };
  const strict = npm.get('strict-ssl');
  return {
    'https-proxy': from('https-proxy', 'proxy'),
    'http-proxy': from('proxy', 'http-proxy'),
    'no-proxy': from('noproxy'),
    ca: [...from('cafile'), ...npm.all('ca')],
    'weak-tls': strict?.value === 'false' ? [{ value: 'strict-ssl=false', origin: strict.origin }] : [],
  };
}
