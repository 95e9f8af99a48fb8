import { withUtf8Locale } from '../process/utf8-locale.ts';

/** Always dropped: they point Python or uv at another environment, or flood the log. */
const DROPPED =
  /^(PYTHON.*|__PYVENV_LAUNCHER__|VIRTUAL_ENV.*|CONDA_.*|RUST_LOG|RUST_BACKTRACE|JPY_SESSION_NAME|FORCE_COLOR|CLICOLOR_FORCE|COLUMNS)$/i;

/** Dropped when uv works offline: each could change what is installed, or lead to a host. */
const DROPPED_OFFLINE = /^(UV_.*|PIP_.*|.*_PROXY|HF_TOKEN)$/i;

/** `UV_*` variables of the user that only affect how files are written, not what is installed. */
const ALLOWED_UV: Record<string, RegExp> = {
  // Not symlink: the links would point into the cache, which is deleted after the build.
  UV_LINK_MODE: /^(?:clone|copy|hardlink)$/,
  UV_CONCURRENT_INSTALLS: /^\d+$/,
  UV_LOCK_TIMEOUT: /^\d+$/,
};

export interface UvEnvironmentOptions {
  /** `false` only for a wheel without `lock.json`: uv then resolves online with the user's settings. */
  isOffline: boolean;
  cacheDir?: string;
  pythonDir?: string;
  /** `file://` address or path of the one-entry list that `uv python install` reads. */
  pythonDownloadsList?: string;
  pythonPreference?: 'only-managed' | 'only-system';
  /** A proxy that refuses everything, set in every proxy variable. Only with `isOffline`. */
  guardProxyUrl?: string;
}

/** curl reads some in lower case only, other programs in upper case only. */
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/**
 * The environment of a uv call: the given one, scrubbed, plus ours. Sets the options that are not in the
 * argument lists of the contract.
 */
export function uvEnvironment(base: NodeJS.ProcessEnv, options: UvEnvironmentOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(base)) {
    if (DROPPED.test(name)) continue;
    // uv tests it before UV_NO_CONFIG, so a leaked one would still be loaded.
    if (name.toUpperCase() === 'UV_CONFIG_FILE') continue;
    if (options.isOffline && DROPPED_OFFLINE.test(name) && !ALLOWED_UV[name.toUpperCase()]?.test(value ?? ''))
      continue;
    env[name] = value;
  }
  Object.assign(env, {
    UV_NO_CONFIG: '1',
    UV_NO_WRAP: '1',
    UV_NO_PROGRESS: '1',
    NO_COLOR: '1',
    UV_PYTHON_INSTALL_BIN: '0',
    UV_PYTHON_INSTALL_REGISTRY: '0',
  });
  if (options.isOffline)
    Object.assign(env, { UV_OFFLINE: '1', UV_NO_ENV_FILE: '1', UV_PYTHON_DOWNLOADS: 'manual' });
  // A wheel that requires torch would pull gigabytes of CUDA on Linux by default. uv rejects an empty value.
  else env['UV_TORCH_BACKEND'] ||= 'cpu';
  if (options.cacheDir) env['UV_CACHE_DIR'] = options.cacheDir;
  if (options.pythonDir) env['UV_PYTHON_INSTALL_DIR'] = options.pythonDir;
  if (options.pythonDownloadsList) env['UV_PYTHON_DOWNLOADS_JSON_URL'] = options.pythonDownloadsList;
  if (options.pythonPreference) env['UV_PYTHON_PREFERENCE'] = options.pythonPreference;
  if (options.isOffline && options.guardProxyUrl) {
    for (const name of PROXY_VARIABLES) env[name] = options.guardProxyUrl;
    // Node ignores the other proxy variables without this one.
    env['NODE_USE_ENV_PROXY'] = '1';
  }
  return withUtf8Locale(env);
}
