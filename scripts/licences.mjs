import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes the licences of all packages in the bundle into one file.
 * @param inputs paths of the bundle's sources, as named by esbuild
 * @throws Error naming a package without a licence text
 */
export function writeLicences(root, inputs, target) {
  const packages = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );
  const texts = [...packages].sort().map((folder) => licenceOf(join(root, folder)));
  writeFileSync(target, `ktx-setup contains parts of these packages.\n\n${texts.join('\n')}`);
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(?:[.-].*)?$/i.test(entry));
  const text = file
    ? readFileSync(join(folder, file), 'utf8').trim()
    : (licenceInReadme(folder) ?? keptHere(name));
  if (!text) throw new Error(`${name} ${version} (${license}) carries no licence text`);
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}

function licenceInReadme(folder) {
  const readme = readdirSync(folder).find((entry) => /^readme/i.test(entry));
  const section = readme && /#+\s*Licen[cs]e\s+([\s\S]+)$/i.exec(readFileSync(join(folder, readme), 'utf8'));
  return section?.[1].trim();
}

/** Texts for packages published without one. */
function keptHere(name) {
  const path = join(import.meta.dirname, 'licences', `${name}.txt`);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}
