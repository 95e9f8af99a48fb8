import { dirname, join } from 'node:path';
import { errorMessage, isAbsence } from '../../support/errors.ts';
import { withHome } from '../address/home-path.ts';
import { settingsText } from './settings-text.ts';
import { readUserFile } from './user-file.ts';

/** A setting of npm and where it is set. */
export interface NpmSetting {
  value: string;
  origin: string;
}

export interface NpmConfig {
  /** The value with the highest precedence; `null` when it is unset, or refers to an unset variable. */
  get(name: string): NpmSetting | null;
  /** A setting that may occur more than once (`ca[]`). */
  all(name: string): NpmSetting[];
  warnings: string[];
}

/**
 * Expands `${VARIABLE}` as npm does: `${VARIABLE?}` is empty when unset, a backslash before `$` escapes it,
 * and without the question mark an unset variable stays as written.
 */
function fillInVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(
    /(?<!\\)(\\*)\$\{([^${}?]+)(\?)?\}/g,
    (whole, escapes: string, name: string, optional) => {
      if (escapes.length % 2 === 1) return whole.slice((escapes.length + 1) / 2);
      return escapes.slice(escapes.length / 2) + (env[name] ?? (optional ? '' : `\${${name}}`));
    },
  );
}

/**
 * Parses an npmrc as the `ini` package, which npm uses, does: `name = value` lines, comments, quoted values,
 * `name[] = value` lists. Sections are skipped, since no setting used here is in one.
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
  // `;` and `#` end a value, unless escaped with a backslash.
  let value = '';
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at]!;
    if (character === '\\' && /[\\;#]/.test(raw[at + 1] ?? '')) value += raw[++at];
    else if (character === ';' || character === '#') {
      // npm would contact the host left over after a cut-off password; here the whole value is rejected, and
      // never shown.
      if (value.includes('://') && raw.slice(at).includes('@')) return raw;
      break;
    } else value += character;
  }
  return value.trim();
}

/**
 * The settings npm would use: `npm_config_*` variables, the user's npmrc, the global one. A project's npmrc
 * is ignored: it comes with a cloned repository.
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

/** `null` and `undefined` mean unset in npm; so does `false`, unless the setting is a boolean. */
function isSet(value: string): boolean {
  return value !== '' && value !== 'null' && value !== 'undefined';
}

function defaultPrefix(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(env['APPDATA'] ?? '', 'npm');
  return dirname(dirname(process.execPath));
}
