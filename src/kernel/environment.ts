import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'];

const INHERITED = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'TERM', 'TMPDIR', 'TEMP', 'TMP', 'LD_LIBRARY_PATH'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', ...PROXIES, ...PROXIES.map((name) => name.toLowerCase())],
]);

const INHERITED_ON_WINDOWS = new Set([
  ...['APPDATA', 'LOCALAPPDATA', 'COMSPEC', 'PATHEXT', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)'],
  ...['SYSTEMDRIVE', 'SYSTEMROOT', 'USERPROFILE', 'USERNAME', 'WINDIR'],
]);

const INHERITED_PREFIX = /^(?:LC_|XDG_|KTX_|HF_)/;

/** Applied last: unbuffered output in one encoding, and no packages from the user's home. */
export const FORCED_ENVIRONMENT = {
  PYTHONUNBUFFERED: '1',
  PYTHONIOENCODING: 'utf-8',
  PYTHONNOUSERSITE: '1',
} as const;

/**
 * The environment of a session: a short list of inherited variables, then the interpreter's virtual
 * environment, then `overlay`, then the forced variables. Deliberately stricter than a shell's: the session
 * must see only what that virtual environment provides. Looks for `pyvenv.cfg` on disk.
 */
export function kernelEnvironment(
  base: NodeJS.ProcessEnv,
  pythonPath: string,
  overlay: Record<string, string | undefined> = {},
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    if (value !== undefined && isInherited(name, platform)) env[name] = value;
  }
  const binDir = dirname(resolve(pythonPath));
  if (existsSync(join(dirname(binDir), 'pyvenv.cfg'))) {
    env['VIRTUAL_ENV'] = dirname(binDir);
    const pathName = Object.keys(env).find((name) => sameName(name, 'PATH', platform)) ?? 'PATH';
    env[pathName] = env[pathName] ? `${binDir}${delimiter}${env[pathName]}` : binDir;
  }
  for (const [name, value] of definedEntries(overlay)) put(env, name, value, platform);
  for (const [name, value] of Object.entries(FORCED_ENVIRONMENT)) put(env, name, value, platform);
  return env;
}

export function definedEntries(values: Record<string, string | undefined>): [string, string][] {
  return Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

function isInherited(name: string, platform: NodeJS.Platform): boolean {
  if (platform !== 'win32') return INHERITED.has(name) || INHERITED_PREFIX.test(name);
  const upper = name.toUpperCase();
  return INHERITED.has(upper) || INHERITED_ON_WINDOWS.has(upper) || INHERITED_PREFIX.test(upper);
}

/** On Windows `Path` and `PATH` are the same variable; given both, a child sees only one of them. */
function put(env: Record<string, string>, name: string, value: string, platform: NodeJS.Platform): void {
  const existing = Object.keys(env).find((other) => sameName(other, name, platform));
  if (existing !== undefined) delete env[existing];
  env[name] = value;
}

function sameName(a: string, b: string, platform: NodeJS.Platform): boolean {
  return platform === 'win32' ? a.toUpperCase() === b.toUpperCase() : a === b;
}
