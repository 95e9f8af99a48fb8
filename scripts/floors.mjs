// Generates the linter's import rules and the picture in ARCHITECTURE.md from the list of floors; `--check`
// only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderLinterRules, withPicture } from './house/render.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const shouldCheck = process.argv.includes('--check');

for (const [name, render] of [
  ['biome.floors.json', renderLinterRules],
  ['ARCHITECTURE.md', withPicture],
]) {
  const path = join(root, name);
  const present = readFileSync(path, { encoding: 'utf8', flag: 'a+' });
  const wanted = render(present);
  if (present === wanted) continue;
  if (shouldCheck) {
    console.error(`${name} does not match scripts/house/floors.mjs. Run: npm run floors`);
    process.exitCode = 1;
  } else writeFileSync(path, wanted);
}
