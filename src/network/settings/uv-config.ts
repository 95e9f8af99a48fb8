import { dirname, join } from 'node:path';
import type { TomlPrimitive, TomlTable } from 'smol-toml';
import { errorMessage, isAbsence } from '../../support/errors.ts';
import { withHome } from '../address/home-path.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';

/** One `uv.toml`. */
export interface UvConfigFile {
  path: string;
  dir: string;
  table: TomlTable;
}

/**
 * The files that uv reads outside projects, highest precedence first: only `UV_CONFIG_FILE` if set, else the
 * user's and the system's. https://docs.astral.sh/uv/concepts/configuration-files/
 */
export function uvConfigPaths(
  env: NodeJS.ProcessEnv,
  homeDir: string,
  platform: NodeJS.Platform = process.platform,
): string[] {
  if (isOn(env['UV_NO_CONFIG'])) return [];
  if (env['UV_CONFIG_FILE']) return [withHome(env['UV_CONFIG_FILE'], homeDir)];
  const paths: string[] = [];
  const hasSystem = !isOn(env['UV_NO_SYSTEM_CONFIG']);
  if (platform === 'win32') {
    if (env['APPDATA']) paths.push(join(env['APPDATA'], 'uv', 'uv.toml'));
    if (hasSystem)
      paths.push(join(env['PROGRAMDATA'] ?? env['ProgramData'] ?? 'C:\\ProgramData', 'uv', 'uv.toml'));
    return paths;
  }
  paths.push(join(env['XDG_CONFIG_HOME'] || join(homeDir, '.config'), 'uv', 'uv.toml'));
  if (hasSystem) {
    for (const dir of (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter(Boolean))
      paths.push(join(dir, 'uv', 'uv.toml'));
    paths.push('/etc/uv/uv.toml');
  }
  return paths;
}

/** Imported only when a file exists, which is rare. */
async function parseToml(text: string): Promise<TomlTable> {
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    // The message quotes the surrounding lines, which may hold a login.
    const [problem] = errorMessage(error).split('\n');
    throw error instanceof TomlError ? new Error(`line ${error.line}: ${problem}`) : error;
  }
}

/** Missing files are skipped, broken ones reported. */
export async function readUvConfig(
  env: NodeJS.ProcessEnv,
  homeDir: string,
): Promise<{ files: UvConfigFile[]; warnings: string[] }> {
  const files: UvConfigFile[] = [];
  const warnings: string[] = [];
  for (const path of uvConfigPaths(env, homeDir)) {
    try {
      const { text, note } = settingsText(await readUserFile(path));
      if (note !== null) warnings.push(`The uv configuration ${path} ${note}.`);
      files.push({ path, dir: dirname(path), table: await parseToml(text) });
    } catch (error) {
      if (!isAbsence(error) || env['UV_CONFIG_FILE'])
        warnings.push(`The uv configuration ${path} is left out: ${errorMessage(error)}`);
    }
  }
  return { files, warnings };
}

/** A top-level setting, or one in `[pip]`, which uv prefers for its `pip` commands. */
export function uvSetting(file: UvConfigFile, name: string): TomlPrimitive | undefined {
  const pip = file.table['pip'];
  const ofPip = isTable(pip) ? pip[name] : undefined;
  return ofPip ?? file.table[name];
}

/** A value that may be one string or a list, as a list. */
export function textsOf(value: TomlPrimitive | undefined): string[] {
  if (typeof value === 'string') return value.trim() ? [value.trim()] : [];
  return Array.isArray(value) ? value.flatMap(textsOf) : [];
}

/**
 * One `[[index]]`: the default (asked last), a named one (asked before it), or a page of links (`format =
 * "flat"`).
 */
export interface UvIndex {
  name: string | null;
  url: string;
  kind: 'default' | 'named' | 'flat';
}

/** The `[[index]]` entries of a file. Explicit ones apply to pinned packages only. */
export function uvIndexes(file: UvConfigFile): UvIndex[] {
  const list = file.table['index'];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    if (!isTable(entry)) return [];
    const { name, url } = entry;
    if (typeof url !== 'string' || entry['explicit'] === true) return [];
    const kind = entry['format'] === 'flat' ? 'flat' : entry['default'] === true ? 'default' : 'named';
    return [{ name: typeof name === 'string' ? name : null, url, kind }];
  });
}

function isTable(value: TomlPrimitive | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

/** Values that uv and pip accept as true. */
export function isOn(value: string | undefined): boolean {
  return /^(1|true|yes|on|y|t)$/i.test(value?.trim() ?? '');
}
