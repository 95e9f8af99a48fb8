// biome-ignore lint/style/noRestrictedImports: only tests whether a name exists, before the program is loaded
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Words in `ktx.yaml` that may require a feature: then the file is parsed properly. */
const MAY_NEED_FEATURE = /looker|queryHistory|sentence-transformers/i;
const MAX_CONFIG_BYTES = 64 * 1024;

/** What the first screen needs to know of the project, by the rules of `resolveProjectDir`. */
export interface QuickProject {
  hasProject: boolean;
  /** A feature may be preselected, which requires parsing the file. */
  mayNeedFeature: boolean;
}

export function quickProject(cwd: string, env: NodeJS.ProcessEnv): QuickProject {
  const path = configPath(cwd, env['KTX_PROJECT_DIR']);
  return { hasProject: path !== null, mayNeedFeature: path !== null && mayNeedFeature(path) };
}

function configPath(cwd: string, named: string | undefined): string | null {
  if (named !== undefined) {
    const path = join(resolve(cwd, named), 'ktx.yaml');
    return existsSync(path) ? path : null;
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, 'ktx.yaml');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return null;
  }
}

function mayNeedFeature(path: string): boolean {
  const status = statSync(path);
  if (!status.isFile() || status.size > MAX_CONFIG_BYTES) return true;
  return MAY_NEED_FEATURE.test(readFileSync(path, 'utf8'));
}
