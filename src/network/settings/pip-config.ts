import { join } from 'node:path';
import { errorMessage, isAbsence } from '../../support/errors.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { withHome } from '../address/home-path.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';

/** Settings of one pip section: name (lower case, `_` as `-`) to value; lines of a list joined with `\n`. */
export type PipSection = Record<string, string>;

export interface PipSetting {
  value: string;
  /** The file that sets it. */
  path: string;
}

/**
 * The settings of a pip configuration, and the problems at which pip itself would stop. Problems quote no
 * value.
 */
export interface ParsedPipConfig {
  sections: Record<string, PipSection>;
  problems: string[];
}

/**
 * Parses the INI dialect of Python's configparser, which pip uses: a line indented deeper than its option
 * continues the value; `#` and `;` start a comment only at the start of a line; `=` or `:` separates. Lines
 * before the first section, where pip fails, count as `[global]`. The `ini` package does not support
 * continuation lines, which most `extra-index-url` lists use.
 */
export function parsePipConfig(text: string): ParsedPipConfig {
  const sections: Record<string, PipSection> = Object.create(null);
  const problems: string[] = [];
  const seen = new Set<string>();
  let sectionName: string | null = null;
  let name: string | null = null;
  let indent = 0;
  const section = (key: string) => {
    sections[key] ??= Object.create(null) as PipSection;
    return sections[key];
  };
  for (const [at, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || /^[#;]/.test(trimmed)) continue;
    const indentOfLine = line.search(/\S/);
    if (sectionName !== null && name !== null && indentOfLine > indent) {
      const current = section(sectionName);
      current[name] = `${current[name]}\n${trimmed}`;
      continue;
    }
    indent = indentOfLine;
    const header = /^\[(.+)\]/.exec(trimmed);
    if (header) {
      sectionName = header[1]!;
      section(sectionName);
      name = null;
      continue;
    }
    if (sectionName === null) {
      problems.push(`line ${at + 1} comes before the first section, such as [global]`);
      sectionName = 'global';
    }
    const entry = /^(.*?)\s*[=:]\s*(.*)$/.exec(trimmed);
    if (!entry?.[1]) {
      problems.push(`line ${at + 1} is not a setting`);
      continue;
    }
    name = pipSettingName(entry[1]);
    const key = `${sectionName}\n${name}`;
    if (seen.has(key)) problems.push(`${name} is set twice in [${sectionName}] (line ${at + 1})`);
    seen.add(key);
    section(sectionName)[name] = entry[2]!;
  }
  return { sections, problems };
}

/** pip treats `Index_URL`, `index-url` and `--index-url` as the same. */
function pipSettingName(text: string): string {
  return text.toLowerCase().replaceAll('_', '-').replace(/^--/, '');
}

/**
 * The files that pip reads, lowest precedence first: global, user, site (the activated environment),
 * `PIP_CONFIG_FILE`. If `PIP_CONFIG_FILE` is the null device no file is read; if it exists the user's files
 * are skipped.
 */
export function pipConfigPaths(
  env: NodeJS.ProcessEnv,
  homeDir: string,
  platform: NodeJS.Platform = process.platform,
  hasUserFiles = true,
): string[] {
  const chosen = withHome(env['PIP_CONFIG_FILE'] ?? '', homeDir);
  if (chosen === '/dev/null' || chosen.toLowerCase() === 'nul') return [];
  const paths: string[] = [];
  if (platform === 'win32') {
    if (env['ProgramData']) paths.push(join(env['ProgramData'], 'pip', 'pip.ini'));
    if (hasUserFiles) paths.push(join(homeDir, 'pip', 'pip.ini'));
    if (hasUserFiles && env['APPDATA']) paths.push(join(env['APPDATA'], 'pip', 'pip.ini'));
  } else {
    if (platform === 'darwin') paths.push('/Library/Application Support/pip/pip.conf');
    else {
      for (const dir of (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter(Boolean)) {
        paths.push(join(dir, 'pip', 'pip.conf'));
      }
      paths.push('/etc/pip.conf');
    }
    if (hasUserFiles) {
      paths.push(join(homeDir, '.pip', 'pip.conf'));
      paths.push(join(env['XDG_CONFIG_HOME'] || join(homeDir, '.config'), 'pip', 'pip.conf'));
      if (platform === 'darwin')
        paths.push(join(homeDir, 'Library', 'Application Support', 'pip', 'pip.conf'));
    }
  }
  const environmentDir = env['VIRTUAL_ENV'] || env['CONDA_PREFIX'];
  if (environmentDir) paths.push(join(environmentDir, platform === 'win32' ? 'pip.ini' : 'pip.conf'));
  if (chosen) paths.push(chosen);
  return paths;
}

/**
 * The settings of `pip install`: later files win, `[install]` wins over `[global]` everywhere. Missing files
 * are skipped. A file at which pip would fail is read as far as possible, with a warning: otherwise packages
 * would come from an index that the user did not choose.
 */
export async function readPipConfig(
  env: NodeJS.ProcessEnv,
  homeDir: string,
  platform: NodeJS.Platform = process.platform,
): Promise<{ settings: Map<string, PipSetting>; warnings: string[] }> {
  const general = new Map<string, PipSetting>();
  const ofInstall = new Map<string, PipSetting>();
  const warnings: string[] = [];
  const chosen = withHome(env['PIP_CONFIG_FILE'] ?? '', homeDir);
  const hasUserFiles = chosen === '' || !(await pathExists(chosen));
  for (const path of pipConfigPaths(env, homeDir, platform, hasUserFiles)) {
    let bytes: Buffer;
    try {
      bytes = await readUserFile(path);
    } catch (error) {
      if (!isAbsence(error) || path === chosen)
        warnings.push(`The pip configuration ${path} is left out: ${errorMessage(error)}`);
      continue;
    }
    const { text, note } = settingsText(bytes);
    const { sections, problems } = parsePipConfig(text);
    if (note !== null) warnings.push(`The pip configuration ${path} ${note}.`);
    if (problems.length > 0)
      warnings.push(`pip stops at its configuration ${path}; ktx reads the rest: ${problems[0]}.`);
    for (const [name, value] of Object.entries(sections['global'] ?? {})) general.set(name, { value, path });
    for (const [name, value] of Object.entries(sections['install'] ?? {}))
      ofInstall.set(name, { value, path });
  }
  return { settings: new Map([...general, ...ofInstall]), warnings };
}
