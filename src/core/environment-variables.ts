/** A variable that ktx reads. Proxy variables also have a lower-case form. */
export interface EnvironmentVariable {
  name: string;
  about: string;
}

/**
 * Every environment variable that a user can set for ktx, grouped by purpose. Source of docs/environment.md;
 * a test keeps it in line with what the code reads. Names are case-insensitive on Windows.
 */
export const ENVIRONMENT_VARIABLES: Readonly<Record<string, readonly EnvironmentVariable[]>> = {
  ktx: [
    v('KTX_RUNTIME_ROOT', 'The runtime folder; `--runtime-root` wins. Default: `~/.ktx/runtime`.'),
    v(
      'KTX_PROJECT_DIR',
      'The project to work on; `--project-dir` wins. Default: the nearest folder upwards with `ktx.yaml`.',
    ),
    v(
      'KTX_DAEMON_URL',
      'A daemon that is already running elsewhere: setup of a project installs none for it.',
    ),
    v('KTX_SQL_ANALYSIS_URL', 'Like KTX_DAEMON_URL, for SQL analysis alone.'),
    v(
      'KTX_EMBEDDINGS_THREADS',
      'Threads of the embeddings daemon, 1 to 1024. Default: the processors, at most 4.',
    ),
    v(
      'KTX_EMBEDDINGS_IDLE_SECONDS',
      'Seconds without a text after which the model is unloaded, 0 to 86400. Default: 300.',
    ),
    v(
      'KTX_DAEMON_STRICT',
      '`1`: the daemon answers only requests that carry its token. For machines that several users share.',
    ),
    v('KTX_KERNEL_TRACE', '`1`: log each frame of a Python session to the logger of the embedding program.'),
  ],
  terminal: [
    v(
      'KTX_LANGUAGE',
      'The language of `ktx setup`: `de`, `en` or `ja`; `--language` wins. Default: that of the locale.',
    ),
    v('CI', 'When set, nothing is asked: `ktx setup` needs `--yes`.'),
    v('VISUAL', 'The editor for the configuration of a model host, and for the log.'),
    v('EDITOR', 'The editor where `VISUAL` is not set. Default: vi; on Windows notepad.'),
    v('NO_COLOR', 'When set, no colours.'),
    v('COLORFGBG', 'Its last number is the background colour: on a light one other colours are used.'),
    v('FORCE_COLOR', '`0` or `false`: neither colours nor bold on the full screen.'),
    v('TERM', '`dumb`: no full screen, no spinner. `linux`: ASCII symbols.'),
    v('INK_SCREEN_READER', 'When set, questions and lines instead of a full screen.'),
    v('WT_SESSION', 'On Windows: Unicode symbols. The terminal shows progress on its icon.'),
    v('TERM_PROGRAM', 'On Windows: Unicode symbols. Names a terminal that shows a title and progress.'),
    v('TERM_PROGRAM_VERSION', 'Recent versions of iTerm2 show progress instead of a notification.'),
    v('VTE_VERSION', 'Recent GNOME terminals show progress.'),
    v('ConEmuANSI', '`ON`: the terminal shows progress on its icon.'),
    v('TMUX', 'In tmux, no progress is shown outside of the screen.'),
    v('LC_ALL', 'The locale; without UTF-8 the screens use ASCII symbols.'),
    v('LC_CTYPE', 'The same, when `LC_ALL` is not set.'),
    v(
      'LC_MESSAGES',
      'The language of `ktx setup`, when `LC_ALL` is not set: German and Japanese, else English.',
    ),
    v('LANG', 'The default for the three above.'),
  ],
  'package index': [
    v('UV_DEFAULT_INDEX', 'The package index. `--index-url` wins.'),
    v('UV_INDEX_URL', "The package index, uv's older name."),
    v('PIP_INDEX_URL', 'The package index, when uv names none.'),
    v('UV_INDEX', 'More indexes, separated by spaces, each optionally as `name=address`. Asked first.'),
    v('UV_EXTRA_INDEX_URL', "More indexes, uv's older name."),
    v('PIP_EXTRA_INDEX_URL', 'More indexes, asked after the index.'),
    v('UV_FIND_LINKS', 'Folders or pages with files, separated by commas.'),
    v('PIP_FIND_LINKS', 'Folders or pages with files, separated by spaces.'),
    v('PIP_NO_INDEX', 'Use only the locations in `find-links`.'),
    v('UV_NO_INDEX', 'Use only the locations in `find-links`.'),
    v('UV_INDEX_<NAME>_USERNAME', 'The login of the index that is called `<NAME>`.'),
    v('UV_INDEX_<NAME>_PASSWORD', 'Its password.'),
    v('NETRC', 'The file with logins. Default: `~/.netrc`.'),
  ],
  'proxies and certificates': [
    v('HTTPS_PROXY', 'The proxy for https addresses; also in lower case, which wins.'),
    v('HTTP_PROXY', 'The proxy for http addresses; also in lower case, which wins.'),
    v('ALL_PROXY', 'The proxy for both; also in lower case.'),
    v('PIP_PROXY', 'The proxy, when none of the others is set.'),
    v('NO_PROXY', 'Hosts that are reached without a proxy; also in lower case.'),
    v('SSL_CERT_FILE', 'A PEM file with certificate authorities, added to those of the system and of Node.'),
    v('SSL_CERT_DIR', 'Folders with such files.'),
    v('REQUESTS_CA_BUNDLE', "Such a file, as Python's requests names it."),
    v('CURL_CA_BUNDLE', 'Such a file, as curl names it.'),
    v('PIP_CERT', 'Such a file, as pip names it.'),
    v('NODE_EXTRA_CA_CERTS', 'Such a file, as Node names it.'),
    v('SSL_CLIENT_CERT', "A PEM file with the client's certificate and key."),
    v('PIP_CLIENT_CERT', 'The same, as pip names it.'),
  ],
  'timeouts and mirrors': [
    v('UV_HTTP_TIMEOUT', 'Seconds without a byte after which a transfer counts as stalled.'),
    v('UV_REQUEST_TIMEOUT', 'The same, an older name.'),
    v('HTTP_TIMEOUT', 'The same, an older name.'),
    v('PIP_TIMEOUT', 'The same, of pip.'),
    v('PIP_DEFAULT_TIMEOUT', 'The same, of pip.'),
    v('UV_HTTP_CONNECT_TIMEOUT', 'Seconds to wait for a connection.'),
    v('UV_HTTP_RETRIES', 'Retries after an attempt that failed.'),
    v('PIP_RETRIES', 'The same, of pip.'),
    v('UV_PYTHON_INSTALL_MIRROR', 'Where managed Pythons come from.'),
    v('UV_ASTRAL_MIRROR_URL', 'The mirror of uv and Python; used alone when set.'),
    v('UV_INSTALLER_GITHUB_BASE_URL', 'The base address to use instead of GitHub.'),
    v('HF_ENDPOINT', 'The base address to use instead of the model hub.'),
  ],
  'configuration files of other tools': [
    v('PIP_CONFIG_FILE', 'The pip configuration to read; the null device means none.'),
    v('UV_CONFIG_FILE', "The uv configuration to read, instead of the user's and the system's."),
    v('UV_NO_CONFIG', 'Read no uv configuration.'),
    v('UV_NO_SYSTEM_CONFIG', "Read the user's uv configuration only."),
    v(
      'npm_config_*',
      "npm's proxy, certificates and file names (`npm_config_userconfig`, `npm_config_prefix`, …).",
    ),
    v('PREFIX', "npm's prefix, below which its global configuration is."),
    v('XDG_CONFIG_HOME', "Where the user's configuration of pip and uv is. Default: `~/.config`."),
    v('XDG_CONFIG_DIRS', "Where the system's configuration is. Default: `/etc/xdg`."),
    v('APPDATA', 'The same on Windows.'),
    v('PROGRAMDATA', 'The same on Windows, for the system.'),
    v('VIRTUAL_ENV', 'The activated environment, whose `pip.conf` counts.'),
    v('CONDA_PREFIX', 'The same, of conda.'),
  ],
  'recognised but ignored': [
    v('PIP_TRUSTED_HOST', 'Ignored: certificates are still checked, and ktx prints a note.'),
    v('UV_INSECURE_HOST', 'Ignored: certificates are still checked, and ktx prints a note.'),
    v('NODE_TLS_REJECT_UNAUTHORIZED', '`0`: ignored: certificates are still checked, and ktx prints a note.'),
    v('UV_KEYRING_PROVIDER', 'Keyrings are not asked; put the login into `~/.netrc`.'),
    v('PIP_KEYRING_PROVIDER', 'Keyrings are not asked; put the login into `~/.netrc`.'),
    v('UV_OFFLINE', 'Ignored: use `--offline`. ktx prints a note.'),
  ],
  'PostgreSQL connections of the daemon': [
    v('PGHOST', 'As libpq reads it; so are the following. What the connection string says wins.'),
    ...[
      'PGPORT',
      'PGDATABASE',
      'PGUSER',
      'PGPASSWORD',
      'PGSSLMODE',
      'PGSSLROOTCERT',
      'PGSSLCERT',
      'PGSSLKEY',
      'PGOPTIONS',
    ].map((name) => v(name, 'As libpq reads it.')),
  ],
  'Codex CLI': [
    v('CODEX_HOME', 'Passed to the Codex CLI.'),
    v('CODEX_API_KEY', 'Passed to the Codex CLI.'),
    v('OPENAI_API_KEY', 'Passed to the Codex CLI.'),
  ],
  'system and uv': [
    v('PATH', 'Searched for system Pythons.'),
    v('HOME', 'The home folder; when it is not set, that of the account.'),
    v('XDG_DATA_HOME', 'Where uv and others keep the Pythons that they installed.'),
    v('PYENV_ROOT', 'Where pyenv keeps its Pythons.'),
    v('UV_PYTHON_SEARCH_PATH', 'Searched before `PATH`.'),
    v('USERPROFILE', 'The home folder on Windows.'),
    v('HOMEBREW_PREFIX', 'Where Homebrew is.'),
    v('MISE_INSTALLS_DIR', 'Where mise keeps what it installs.'),
    v('MISE_DATA_DIR', 'Where mise keeps its Pythons.'),
    v('ASDF_DATA_DIR', 'Where asdf keeps its Pythons.'),
    v('RYE_HOME', 'Where Rye keeps its Pythons.'),
    v('SUDO_UID', 'Under sudo: folders of this user may be used by root.'),
    v('UV_LINK_MODE', '`copy`: files are copied from the store instead of linked, which takes more disk.'),
    v('UV_TORCH_BACKEND', 'Passed to uv; `cpu` when not set.'),
  ],
};

function v(name: string, about: string): EnvironmentVariable {
  return { name, about };
}
