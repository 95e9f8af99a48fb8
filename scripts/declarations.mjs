// Makes the package's declarations self-contained: keeps those reachable from its entry points and adds those
// of bundled packages that they reference, since the published package has no dependencies.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const SPECIFIER = /(\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|\brequire\(\s*)(['"])([^'"\n]+)\2/g;

/** Packages whose declarations may come along. Others would make the package large: keep their types out of ours. */
const VENDORED = ['zod'];

/**
 * @param root folder of the package
 * @param typesDir where the compiler wrote the declarations
 * @param entries the entry points' declarations, beneath `typesDir`
 * @throws Error naming the file and the package when a declaration needs one that does not come along
 */
export function bundleDeclarations(root, typesDir, entries) {
  const kept = new Set();
  const queue = entries.map((entry) => join(typesDir, entry));
  while (queue.length > 0) {
    const file = queue.pop();
    if (kept.has(file)) continue;
    kept.add(file);
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replace(SPECIFIER, (whole, before, quote, specifier) => {
      const target = specifier.startsWith('.')
        ? besides(file, specifier)
        : bringAlong(root, typesDir, file, specifier);
      if (target === null) return whole;
      queue.push(target);
      if (specifier.startsWith('.')) return whole;
      const path = relative(dirname(file), target).replace(/\.d\.(c|m)?ts$/, '.$1js');
      return `${before}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
    });
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
  for (const entry of readdirSync(typesDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !kept.has(path) && entry.name !== 'LICENSE') rmSync(path);
  }
}

function besides(file, specifier) {
  const path = resolve(dirname(file), specifier);
  const candidates = [
    path.replace(/\.([cm]?)[jt]s$/, '.d.$1ts'),
    path.replace(/\.tsx$/, '.d.ts'),
    `${path}.d.ts`,
    join(path, 'index.d.ts'),
  ];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (!found) throw new Error(`${file} names ${specifier}, which has no declarations`);
  return found;
}

/** zod's texts in sixty languages, of which no type of ours speaks: a tenth of all files of the package. */
function leaveOutLanguages(vendored) {
  const folder = join(vendored, 'v4', 'locales');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (!/^(?:en|index)\.d\./.test(name)) rmSync(join(folder, name));
  for (const name of readdirSync(folder).filter((each) => each.startsWith('index.'))) {
    const path = join(folder, name);
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, `${lines.filter((line) => line.includes('"./en.')).join('\n')}\n`);
  }
}

function bringAlong(root, typesDir, file, specifier) {
  if (specifier.startsWith('node:')) return null;
  const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier);
  if (!VENDORED.includes(name)) {
    throw new Error(
      `${relative(typesDir, file)} needs the types of ${name}, which the package does not carry`,
    );
  }
  const source = join(root, 'node_modules', name);
  const vendored = join(typesDir, 'vendor', name);
  if (!existsSync(vendored)) {
    mkdirSync(dirname(vendored), { recursive: true });
    cpSync(source, vendored, {
      recursive: true,
      filter: (path) => !/\.[cm]?js$|\.map$|\/src(\/|$)|\.md$/.test(path.slice(source.length)),
    });
    leaveOutLanguages(vendored);
  }
  const entry = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')).exports[`.${subpath}`];
  return join(vendored, entry.types);
}
