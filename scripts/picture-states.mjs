// `npm run picture:states -- --size 40x12 [--light] [--language de] [--to FOLDER] [state…]`: the wizard's screens, in the states
// that the tests have, as PNGs to be looked at, six to a picture. Without names: all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
// Beside the dependencies, which stay outside the bundle.
const folder = mkdtempSync(join(root, 'node_modules', '.picture-states-'));
try {
  const outfile = join(folder, 'main.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['scripts/state-pictures.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    jsx: 'automatic',
    logLevel: 'warning',
    define: { 'import.meta.dirname': JSON.stringify(join(root, 'src', 'any')) },
  });
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
