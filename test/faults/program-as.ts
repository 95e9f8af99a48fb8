import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';

/** This program under another version, in a folder of its own below `home`. @returns its launcher. */
export async function programAs(home: string, version: string): Promise<string> {
  const folder = join(home, `program-${version}`);
  await mkdir(folder);
  for (const name of ['bin', 'dist', 'assets'])
    execFileSync('cp', ['-a', join(PACKAGE_ROOT, name), join(folder, name)]);
  const data = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...data, version }));
  // The build writes it into the program.
  const said = `"${data.version}"`;
  for (const name of await readdir(join(folder, 'dist'), { recursive: true })) {
    if (!/\.c?js$/.test(name)) continue;
    const path = join(folder, 'dist', name);
    const text = await readFile(path, 'utf8');
    if (text.includes(said)) await writeFile(path, text.replaceAll(said, `"${version}"`));
  }
  return join(folder, 'bin', 'ktx.cjs');
}
