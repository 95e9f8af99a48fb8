import { readdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { hashFile } from '../../store/store.ts';
import { SetupError } from '../../support/errors.ts';
import { PACKAGE_ROOT } from '../../support/package-root.ts';
import { REINSTALL_PACKAGE } from '../../support/remedies.ts';

/** A file of this program, as included in a bundle. */
export interface AppFile {
  /** Path in the bundle: below `app/`; installer scripts are also at the top level. */
  path: string;
  /** Path on this machine. */
  source: string;
  sha256: string;
  sizeBytes: number;
}

/** The parts of the package that the program needs at run time. */
const PARTS = [
  'package.json',
  'bin',
  'dist',
  'assets/kernel',
  'assets/languages',
  'assets/python',
  'assets/install',
];
/** Type declarations, and the wheel's sources in a checkout. */
const LEFT_OUT = /^dist\/types\/|^assets\/python\/wheel\/|\.(?:map|pyc)$/;
/** Also placed at the top level of the bundle, for `sh install.sh`. */
const STARTERS = 'app/assets/install/';

/**
 * The files of this program, sorted by their path in a bundle.
 * @throws SetupError when the program was not built or is incomplete.
 */
export async function appFiles(root: string = PACKAGE_ROOT): Promise<AppFile[]> {
  const names = (await Promise.all(PARTS.map((part) => filesBelow(root, part)))).flat();
  const files = names
    .filter((name) => !LEFT_OUT.test(name))
    .map(async (name): Promise<AppFile> => {
      const source = join(root, name);
      const { size } = await stat(source);
      return { path: `app/${name}`, source, sha256: await hashFile(source), sizeBytes: size };
    });
  const inApp = await Promise.all(files);
  const starters = inApp.filter(({ path }) => path.startsWith(STARTERS));
  const found = [...inApp, ...starters.map((file) => ({ ...file, path: file.path.slice(STARTERS.length) }))];
  for (const needed of ['app/dist/cli.js', 'app/bin/ktx.cjs', 'install.sh']) {
    if (found.some(({ path }) => path === needed)) continue;
    throw new SetupError('This ktx cannot put itself into a bundle: it is not whole.', {
      failureClass: 'conflict',
      evidence: [`there is no ${needed.replace(/^app\//, '')} in ${root}`],
      remedies: [REINSTALL_PACKAGE],
    });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Paths relative to the root, with `/`. A file yields itself; a missing part yields nothing. */
async function filesBelow(root: string, part: string): Promise<string[]> {
  const status = await stat(join(root, part)).catch(() => null);
  if (status === null) return [];
  if (status.isFile()) return [part];
  const entries = await readdir(join(root, part), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(root.length).replaceAll('\\', '/'), entry.name))
    .map((name) => name.replace(/^\/+/, ''));
}
