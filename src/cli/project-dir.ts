import { dirname, join, resolve } from 'node:path';
import { pathExists } from '../support/fs/path-exists.ts';
import { hasControlCharacter, quoted } from '../support/text/control-characters.ts';

/**
 * The project of a command: `--project-dir`, else `KTX_PROJECT_DIR`, else the nearest parent folder with
 * `ktx.yaml`, else the current one.
 * @throws Error when the flag or the variable is set but empty, or contains a control character.
 */
export async function resolveProjectDir(options: {
  flag?: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
}): Promise<string> {
  const { flag, env, cwd } = options;
  if (flag !== undefined) {
    if (flag.trim() === '') throw new Error('--project-dir requires a value');
    return folder('--project-dir', flag, cwd);
  }
  const fromEnvironment = env['KTX_PROJECT_DIR'];
  if (fromEnvironment !== undefined) {
    if (fromEnvironment.trim() === '') throw new Error('KTX_PROJECT_DIR must not be empty');
    return folder('KTX_PROJECT_DIR', fromEnvironment, cwd);
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (await pathExists(join(folder, 'ktx.yaml'))) return folder;
    if (folder === dirname(folder)) return resolve(cwd);
  }
}

function folder(source: string, path: string, cwd: string): string {
  if (!hasControlCharacter(path)) return resolve(cwd, path);
  const text = `${source} contains a line break or another control character: ${quoted(path)}.`;
  throw new Error(`${text} Name the project by a path without it.`);
}
