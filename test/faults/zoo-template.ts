import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Keeps a folder as it is now, in `kept`. The function that comes back puts it there again, by hard links: what
 * writes into a file instead of replacing it writes into the template too, which is then made again from a copy.
 */
export async function keepTemplate(folder: string, kept: string): Promise<() => Promise<void>> {
  const copy = `${kept}-copy`;
  execFileSync('cp', ['-a', folder, copy]);
  execFileSync('cp', ['-a', copy, kept]);
  const whole = stateOf(kept);
  return async () => {
    if (!isEqual(stateOf(kept), whole)) {
      await rm(kept, { recursive: true });
      execFileSync('cp', ['-a', copy, kept]);
    }
    execFileSync('cp', ['-al', kept, folder]);
  };
}

function stateOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const add = (path: string) => {
    const { mode, uid, size, mtimeNs } = lstatSync(path, { bigint: true });
    const isFolder = (mode & 0o170000n) === 0o040000n;
    found.set(path, isFolder ? `${mode} ${uid}` : `${mode} ${uid} ${size} ${mtimeNs}`);
    if (isFolder) for (const name of readdirSync(path)) add(join(path, name));
  };
  add(root);
  return found;
}

function isEqual(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, state]) => b.get(path) === state);
}
