import { readlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import { environmentPaths, sharedLayout } from '../../core/layout.ts';
import type { PythonChoice } from '../../python/python-choice.ts';
import { environmentsDir } from '../../runtime/environments.ts';
import { pathExists } from '../../support/fs/path-exists.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import type { RepairContext } from './repair.ts';

const MAX_CONFIG_BYTES = 64 * 1024;

/**
 * The features of the runtime: from its manifest, else from the newest environment record, else the requested
 * ones.
 */
export async function installedFeatures({ facts, options }: RepairContext): Promise<KtxRuntimeFeature[]> {
  const manifest = await facts.manifest().catch(() => null);
  if (manifest !== null) return manifest.features;
  const { records } = await facts.environments().catch(() => ({ records: new Map<string, never>() }));
  const newest = [...records.values()].sort((a, b) => b.installedAt.localeCompare(a.installedAt))[0];
  return newest?.features ?? [...(options.features ?? (['core'] as const))];
}

/**
 * System Pythons of earlier environments, to try first because their wheels are in the store. A managed
 * Python is found anyway.
 */
export async function formerPythons({ layout, facts }: RepairContext): Promise<PythonChoice[]> {
  const manifest = await facts.manifest().catch(() => null);
  const { records } = await facts.environments().catch(() => ({ records: new Map<string, never>() }));
  const named = manifest ? [basename(dirname(dirname(manifest.python.executable)))] : [];
  const folders = [...named, ...records.keys()].map((id) => join(environmentsDir(layout.versionDir), id));
  const { pythonDir } = sharedLayout(layout.runtimeRoot);
  const found = new Set<string>();
  for (const folder of new Set(folders)) {
    const text = await readRegularText(join(folder, 'pyvenv.cfg'), { maxBytes: MAX_CONFIG_BYTES }).catch(
      () => '',
    );
    const home = /^home[ \t]*=[ \t]*(\S.*?)\s*$/m.exec(text)?.[1];
    const minor = /^version(?:_info)?\s*=\s*(3\.\d+)/m.exec(text)?.[1];
    if (home !== undefined && minor !== undefined) found.add(join(home, `python${minor}`));
    const target = await readlink(environmentPaths(folder).pythonPath).catch(() => null);
    if (target !== null && isAbsolute(target)) found.add(target);
  }
  const usable: PythonChoice[] = [];
  for (const path of found)
    if (!path.startsWith(pythonDir) && (await pathExists(path))) usable.push({ path });
  return usable;
}
