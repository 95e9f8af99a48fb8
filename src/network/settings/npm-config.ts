import { dirname, join } from 'node:path';
import { errorMessage, isAbsence } from '../../support/errors.ts';
import { withHome } from '../address/home-path.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';

/** A setting of npm and where it stands. */
export interface NpmSetting {
  value: string;
  origin: string;
}

export interface NpmConfig {
  /** The strongest value; `null` when there is none, or it names a variable that is not set. */
  get(name: string): NpmSetting | null;
  /** A setting that may stand more than once (`ca[]`). */
  all(name: string): NpmSetting[];
  warnings: string[];
}

/**
 * Fills in `${VARIABLE}` as npm does: `${VARIABLE?}` is empty when it is not set, a backslash before `$` keeps it as it is, and without
 * the question mark what is not set stays.
 */
export function fillInVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(
    /(?<!\\)(\\*)\$\{([^${}?]+)(\?)?\}/g,
    (whole, escapes: string, name: string, optional) => {
      if (escapes.length % 2 === 1) return whole.slice((escapes.length + 1) / 2);
      return escapes.slice(escapes.length / 2) + (env[name] ?? (optional ? '' : `\${${name}}`));
    },
  );
}

/**
 * Reads an npmrc: `name = value` lines, comments, quoted values, `name[] = value` lists, as the `ini` package reads them, which npm
 * uses. Sections, which none of the settings used here has, are skipped.
 */
export function parseNpmConfig(text: string, env: NodeJS.ProcessEnv): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const entry = /^\s*([^#;[\]=\s][^=\s[\]]*)(\[\])?\s*=\s*(.*?)\s*$/.exec(line);
    if (!entry) continue;
    const [, name = '', isList, raw = ''] = entry;
    const value = fillInVariables(iniValue(raw), env);
    settings.set(name, isList ? [...(settings.get(name) ?? []), value] : [value]);
  }
  return settings;
}

function iniValue(raw: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(raw);
  if (quoted) {
    const inner = quoted[1] === '"' ? raw : quoted[2]!;
    try {
      return String(JSON.parse(inner));
    } catch {
      return quoted[2]!;
    }
  }
  // `;` and `#` end a value, unless a backslash stands before them.
  let value = '';
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at]!;
    if (character === '\\' && /[\\;#]/.test(raw[at + 1] ?? '')) value += raw[++at];
    else if (character === ';' || character === '#') {
      // npm would ask the host that the rest of a password leaves; the whole is refused instead, and nothing of it shown.
      if (value.includes('://') && raw.slice(at).includes('@')) return raw;
      break;
    } else value += character;
  }
  return value.trim();
}

/**
 * What npm would use: variables `npm_config_*`, the user's npmrc, the global one. The npmrc of a project is left out: it comes
 * with a cloned repository.
 */
export async function readNpmConfig(env: NodeJS.ProcessEnv, homeDir: string): Promise<NpmConfig> {
  const warnings: string[] = [];
  const ofEnv = new Map<string, NpmSetting>();
  for (const [name, value] of Object.entries(env)) {
    const key = /^npm_config_(.+)$/i.exec(name)?.[1]?.toLowerCase().replaceAll('_', '-');
    if (key && value?.trim()) ofEnv.set(key, { value: fillInVariables(value.trim(), env), origin: name });
  }
  const prefix = ofEnv.get('prefix')?.value ?? env['PREFIX'] ?? defaultPrefix(env);
  const paths = [
    withHome(ofEnv.get('userconfig')?.value ?? join(homeDir, '.npmrc'), homeDir),
    withHome(ofEnv.get('globalconfig')?.value ?? join(prefix, 'etc', 'npmrc'), homeDir),
  ];
  const files: { path: string; settings: Map<string, string[]> }[] = [];
  for (const path of new Set(paths)) {
    try {
      files.push({ path, settings: parseNpmConfig(settingsText(await readUserFile(path)).text, env) });
    } catch (error) {
      if (!isAbsence(error))
        warnings.push(`The npm configuration ${path} cannot be read: ${errorMessage(error)}`);
    }
  }

  function all(name: string): NpmSetting[] {
    const fromEnv = ofEnv.get(name);
    const found = fromEnv ? [fromEnv] : (settingsOfFile(name) ?? []);
    return found.filter(({ value, origin }) => {
      const open = /\$\{([^}]*)\}/.exec(value)?.[1];
      if (open === undefined) return isSet(value);
      const warning = `${name} (${origin}) is left out: it names the variable ${open}, which is not set.`;
      if (!warnings.includes(warning)) warnings.push(warning);
      return false;
    });
  }

  function settingsOfFile(name: string): NpmSetting[] | undefined {
    for (const { path, settings } of files) {
      const values = settings.get(name);
      if (values)
        return values.map((value) => ({ value: value.trim(), origin: `npm configuration (${path})` }));
    }
    return undefined;
  }

  return { warnings, all, get: (name) => all(name)[0] ?? null };
}

/** `null` and `undefined` are npm's ways to say that there is none; so is `false`, where it is not the answer to yes or no. */
function isSet(value: string): boolean {
  return value !== '' && value !== 'null' && value !== 'undefined';
}

function defaultPrefix(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(env['APPDATA'] ?? '', 'npm');
  return dirname(dirname(process.execPath));
}
