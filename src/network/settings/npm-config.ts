import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage, isAbsence } from '../../support/errors.ts';

/** A setting of npm and where it stands. */
export interface NpmSetting {
  value: string;
  origin: string;
}

/**
 * Reads an npmrc: `name = value` lines, `#` and `;` comments, quoted values, `${VARIABLE}` in values. Sections and lists, which
 * none of the settings used here has, are skipped.
 */
function parseNpmConfig(text: string, env: NodeJS.ProcessEnv): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const entry = /^\s*([^#;[\]=\s][^=\s]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (!entry) continue;
    const quoted = /^(["'])(.*)\1$/.exec(entry[2]!);
    const value = quoted?.[2] ?? entry[2]!;
    settings.set(
      entry[1]!,
      // A variable that is not set stays as it is written, as in npm.
      value.replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole),
    );
  }
  return settings;
}

/**
 * What npm would use: variables `npm_config_*`, the user's npmrc, the global one. The npmrc of a project is left out: it comes
 * with a cloned repository.
 */
export async function readNpmConfig(
  env: NodeJS.ProcessEnv,
  homeDir: string,
): Promise<{ get(name: string): NpmSetting | null; warnings: string[] }> {
  const ofEnv = new Map<string, NpmSetting>();
  for (const [name, value] of Object.entries(env)) {
    const key = /^npm_config_(.+)$/i.exec(name)?.[1]?.toLowerCase().replaceAll('_', '-');
    if (key && value?.trim()) ofEnv.set(key, { value: value.trim(), origin: name });
  }
  const prefix = ofEnv.get('prefix')?.value ?? env['PREFIX'] ?? defaultPrefix(env);
  const paths = [
    ofEnv.get('userconfig')?.value ?? join(homeDir, '.npmrc'),
    ofEnv.get('globalconfig')?.value ?? join(prefix, 'etc', 'npmrc'),
  ];
  const warnings: string[] = [];
  const files: { path: string; settings: Map<string, string> }[] = [];
  for (const path of new Set(paths)) {
    try {
      files.push({ path, settings: parseNpmConfig(await readFile(path, 'utf8'), env) });
    } catch (error) {
      if (!isAbsence(error))
        warnings.push(`The npm configuration ${path} cannot be read: ${errorMessage(error)}`);
    }
  }
  return {
    warnings,
    get(name) {
      const fromEnv = ofEnv.get(name);
      if (fromEnv) return isSet(fromEnv.value) ? fromEnv : null;
      for (const { path, settings } of files) {
        const value = settings.get(name)?.trim();
        if (value !== undefined)
          return isSet(value) ? { value, origin: `npm configuration (${path})` } : null;
      }
      return null;
    },
  };
}

/** `null` and `undefined` are npm's ways to say that there is none; so is `false`, where it is not the answer to yes or no. */
function isSet(value: string): boolean {
  return value !== '' && value !== 'null' && value !== 'undefined';
}

function defaultPrefix(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(env['APPDATA'] ?? '', 'npm');
  return dirname(dirname(process.execPath));
}
