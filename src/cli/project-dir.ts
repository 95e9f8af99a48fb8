import { dirname, join, resolve } from 'node:path';
import { pathExists } from '../support/path-exists.ts';

/**
 * The project that a command works on: `--project-dir`, else `KTX_PROJECT_DIR`, else the nearest folder upwards that
 * holds `ktx.yaml`, else the current one.
 * @throws Error when the flag or the variable is there and empty.
 */
export async function resolveProjectDir(options: {
  flag?: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
}): Promise<string> {
  const { flag, env, cwd } = options;
  if (flag !== undefined) {
    if (flag.trim() === '') throw new Error('--project-dir requires a value');
    return resolve(cwd, flag);
  }
  const fromEnvironment = env['KTX_PROJECT_DIR'];
  if (fromEnvironment !== undefined) {
    if (fromEnvironment.trim() === '') throw new Error('KTX_PROJECT_DIR must not be empty');
    return resolve(cwd, fromEnvironment);
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (await pathExists(join(folder, 'ktx.yaml'))) return folder;
    if (folder === dirname(folder)) return resolve(cwd);
  }
}
