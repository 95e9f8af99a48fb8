import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { instrument, type NumberedMutant } from './instrument.ts';

const SWITCH = 'src/mutant-switch.ts';

/** A copy of the package in a folder of its own, with every mutant in it. */
export interface Copy {
  root: string;
  /** Where the switch, what was reached and the results lie. */
  state: string;
}

export function copyAt(folder: string): Copy {
  return { root: join(folder, 'package'), state: join(folder, 'state') };
}

/** Makes the copy from nothing and builds it. */
export function makeCopy(from: string, folder: string, mutants: readonly NumberedMutant[]): Copy {
  const copy = copyAt(folder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(copy.state, 'workers'), { recursive: true });
  copyFiles(from, copy, () => true);
  linkModules(from, copy);
  const byFile = Map.groupBy(mutants, ({ file }) => file);
  for (const [file, own] of byFile) {
    const source = readFileSync(join(from, file), 'utf8');
    writeFileSync(join(copy.root, file), instrument(file, source, own, SWITCH));
  }
  const text = readFileSync(join(from, 'test/mutants/switch.ts'), 'utf8');
  writeFileSync(join(copy.root, SWITCH), text.replace('@folder@', copy.state));
  writeFileSync(join(copy.state, 'pool.json'), JSON.stringify(mutants));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: copy.root, stdio: 'inherit' });
  return copy;
}

/** Takes the tests as they are now; the sources stay. */
export function refreshTests(from: string, copy: Copy): void {
  copyFiles(from, copy, (file) => file.startsWith('test/'));
}

function copyFiles(from: string, copy: Copy, isWanted: (file: string) => boolean): void {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', args, { cwd: from, encoding: 'utf8' }).split('\0')) {
    if (file === '' || !isWanted(file) || !existsSync(join(from, file))) continue;
    mkdirSync(dirname(join(copy.root, file)), { recursive: true });
    cpSync(join(from, file), join(copy.root, file), { preserveTimestamps: true, verbatimSymlinks: true });
  }
}

/** Packages are linked one by one, so that what tests keep in `.cache` is the copy's. */
function linkModules(from: string, copy: Copy): void {
  mkdirSync(join(copy.root, 'node_modules'));
  for (const name of readdirSync(join(from, 'node_modules'))) {
    if (name.startsWith('.vite')) continue;
    const [source, target] = [join(from, 'node_modules', name), join(copy.root, 'node_modules', name)];
    if (name === '.cache') cpSync(source, target, { recursive: true, preserveTimestamps: true });
    else symlinkSync(source, target);
  }
}

/**
 * Starts a warm vitest in the copy. A mutant may end or delete more than it should: where this user may, it sees only its
 * own processes and writes only below the folder for temporary files.
 *
 * @param projects of vitest, separated by commas
 * @param related files whose tests are wanted; empty for all
 */
export function startWorker(copy: Copy, projects: string, related: readonly string[]): ChildProcess {
  const worker = join(copy.root, 'test/mutants/worker.ts');
  const home = join(copy.state, 'home');
  mkdirSync(home, { recursive: true });
  const options = {
    cwd: copy.root,
    env: { ...process.env, HOME: home, KTX_MUTANTS: copy.state },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'] as ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  };
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return fork(worker, [projects, ...related], options);
  // The devices are a file system of their own, and a mutant of what never opens one deletes one.
  const bound = `mount --bind ${tmpdir()} ${tmpdir()} && mount -o remount,bind,ro / && mount -o remount,bind,ro /dev && exec "$@"`;
  const apart = ['-pfm', '--mount-proc', '--kill-child', 'sh', '-c', bound, '-'];
  return spawn('unshare', [...apart, process.execPath, worker, projects, ...related], options);
}
