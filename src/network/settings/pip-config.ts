import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, isAbsence } from '../../support/errors.ts';

/** Settings of one pip section: name (lower case, `_` as `-`) to value; lines of a list joined with `\n`. */
export type PipSection = Record<string, string>;

export interface PipSetting {
  value: string;
  /** The file it stands in. */
  path: string;
}

/**
 * Reads the INI dialect of Python's configparser, which pip uses: a value may go on in indented lines, `#` and `;` start a
 * comment only at the start of a line, `=` or `:` separates. The `ini` package knows no continued lines, which is
 * how most `extra-index-url` lists are written.
 */
export function parsePipConfig(text: string): Record<string, PipSection> {
  const sections: Record<string, PipSection> = Object.create(null);
  let section: PipSection | null = null;
  let name: string | null = null;
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    if (/^\s/.test(line) && section && name) {
      section[name] = `${section[name]}\n${trimmed}`;
      continue;
    }
    const header = /^\[([^\]]+)\]/.exec(trimmed);
    if (header) {
      const key = header[1]!.trim();
      section = sections[key] ??= Object.create(null) as PipSection;
      name = null;
      continue;
    }
    const entry = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(trimmed);
    if (!entry || !section) continue;
    name = entry[1]!.toLowerCase().replaceAll('_', '-');
    section[name] = entry[2]!;
  }
  return sections;
}

/**
 * The files that pip reads, weakest first: global, user, site (the activated environment), `PIP_CONFIG_FILE`.
 * `PIP_CONFIG_FILE` set to the null device means that no file is read.
 */
export function pipConfigPaths(
  env: NodeJS.ProcessEnv,
  homeDir: string,
  platform: NodeJS.Platform = process.platform,
): string[] {
  const chosen = env['PIP_CONFIG_FILE'];
  if (chosen === '/dev/null' || chosen?.toLowerCase() === 'nul') return [];
  const paths: string[] = [];
  if (platform === 'win32') {
    if (env['ProgramData']) paths.push(join(env['ProgramData'], 'pip', 'pip.ini'));
    paths.push(join(homeDir, 'pip', 'pip.ini'));
    if (env['APPDATA']) paths.push(join(env['APPDATA'], 'pip', 'pip.ini'));
  } else {
    if (platform === 'darwin') paths.push('/Library/Application Support/pip/pip.conf');
    else {
      for (const dir of (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter(Boolean)) {
        paths.push(join(dir, 'pip', 'pip.conf'));
      }
      paths.push('/etc/pip.conf');
    }
    paths.push(join(homeDir, '.pip', 'pip.conf'));
    paths.push(join(env['XDG_CONFIG_HOME'] || join(homeDir, '.config'), 'pip', 'pip.conf'));
    if (platform === 'darwin') paths.push(join(homeDir, 'Library', 'Application Support', 'pip', 'pip.conf'));
  }
  const environmentDir = env['VIRTUAL_ENV'] || env['CONDA_PREFIX'];
  if (environmentDir) paths.push(join(environmentDir, platform === 'win32' ? 'pip.ini' : 'pip.conf'));
  if (chosen) paths.push(chosen);
  return paths;
}

/** What `pip install` would see: later files win, `[install]` wins over `[global]` everywhere. Absent files are skipped. */
export async function readPipConfig(
  env: NodeJS.ProcessEnv,
  homeDir: string,
): Promise<{ settings: Map<string, PipSetting>; warnings: string[] }> {
  const general = new Map<string, PipSetting>();
  const ofInstall = new Map<string, PipSetting>();
  const warnings: string[] = [];
  for (const path of pipConfigPaths(env, homeDir)) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (!isAbsence(error) || path === env['PIP_CONFIG_FILE'])
        warnings.push(`The pip configuration ${path} is left out: ${errorMessage(error)}`);
      continue;
    }
    const sections = parsePipConfig(text);
    for (const [name, value] of Object.entries(sections['global'] ?? {})) general.set(name, { value, path });
    for (const [name, value] of Object.entries(sections['install'] ?? {}))
      ofInstall.set(name, { value, path });
  }
  return { settings: new Map([...general, ...ofInstall]), warnings };
}
