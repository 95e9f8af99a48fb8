// Writes the chunks of the bundle into fewer files, as planned in plan.mjs.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { planMerges } from './plan.mjs';

/** Loading a builtin of Node costs milliseconds: as much as so much code of ours. */
const BUILTIN_BYTES = 20_000;

/**
 * @param {typeof import('esbuild').build} bundle
 * @param {import('esbuild').BuildOptions} options of the bundle that wrote the chunks
 * @param {import('esbuild').Metafile} metafile of that bundle
 * @param {string} target folder for the files
 * @param {readonly string[]} startUp names of the entry points and lazy imports whose load must not grow
 */
export async function mergeChunks(bundle, options, metafile, target, startUp) {
  const folder = join(options.absWorkingDir, options.outdir);
  const entryPoints = Object.keys(options.entryPoints).map((name) => `${name}.js`);
  const chunks = reachable(readChunks(folder, metafile), entryPoints);
  const isStartUp = (name) => startUp.includes(nameOfSource(name));
  const files = filesOf(
    [...chunks.keys()].filter((name) => !name.startsWith('node:')),
    planMerges(chunks, entryPoints, [...chunks.keys()].filter(isStartUp)),
  );
  const fileOf = new Map([...files].flatMap(([file, names]) => names.map((name) => [name, file])));
  const merged = await bundle({
    ...options,
    entryPoints: [...files.keys()].map((file) => ({ in: file, out: file.replace(/\.js$/, '') })),
    outdir: target,
    splitting: false,
    banner: {},
    define: {},
    alias: {},
    plugins: [
      {
        name: 'merge-chunks',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^/ }, ({ path, importer, kind }) => {
            if (kind === 'entry-point') {
              const [only, ...others] = files.get(path);
              return others.length === 0
                ? { path: join(folder, only) }
                : { path, namespace: 'file-of-chunks' };
            }
            const name = basename(path);
            const file = fileOf.get(name);
            if (file === undefined) return { path, external: true };
            const isInside = importer === file || fileOf.get(basename(importer)) === file;
            // Imported lazily, the file is its own namespace.
            if (isInside && kind !== 'dynamic-import') return { path: join(folder, name) };
            return { path: `./${file}`, external: true };
          });
          onLoad({ filter: /^/, namespace: 'file-of-chunks' }, ({ path }) => ({
            contents: files
              .get(path)
              .map((name) => `export * from './${name}';`)
              .join('\n'),
            resolveDir: folder,
          }));
        },
      },
    ],
  });
  for (const [path, { exports }] of Object.entries(merged.metafile.outputs)) {
    const expected = files.get(basename(path)).flatMap((name) => [...chunks.get(name).exports.keys()]);
    const missing = expected.filter((name) => !exports.includes(name));
    if (missing.length > 0)
      throw new Error(`${path} does not export ${missing.join(', ')}, as its chunks do`);
  }
}

/** @returns {Map<string, import('./plan.mjs').Chunk>} */
function readChunks(folder, metafile) {
  const chunks = new Map();
  for (const [path, { bytes, imports }] of Object.entries(metafile.outputs)) {
    const named = (wanted) => [
      ...new Set(
        imports
          .filter(({ kind, external }) => kind === wanted && (!external || wanted === 'import-statement'))
          .map(({ path: imported, external }) => (external ? imported : basename(imported))),
      ),
    ];
    const name = basename(path);
    const statics = named('import-statement');
    for (const each of statics.filter((imported) => imported.startsWith('node:')))
      chunks.set(each, { sizeBytes: BUILTIN_BYTES, imports: [], lazyImports: [], exports: new Map() });
    chunks.set(name, {
      sizeBytes: bytes,
      imports: statics,
      lazyImports: named('dynamic-import'),
      exports: originsOf(name, readFileSync(join(folder, name), 'utf8')),
    });
  }
  return chunks;
}

/** Without what only removed code imports. */
function reachable(chunks, entryPoints) {
  const found = new Set(entryPoints);
  for (const name of found) {
    const { imports, lazyImports } = chunks.get(name);
    for (const next of [...imports, ...lazyImports]) found.add(next);
  }
  return new Map([...chunks].filter(([name]) => found.has(name)));
}

/**
 * Where each exported name comes from, as `chunk#name`: a lazily imported source in a shared chunk is but a list of
 * names. Imports and exports have this form alone: esbuild wrote them.
 */
function originsOf(chunk, text) {
  const imported = new Map();
  for (const [, names, from] of text.matchAll(/\bimport\{([^}]*)\}from"\.\/([^"]+)"/g))
    for (const [name, local] of namesIn(names)) imported.set(local, `${from}#${name}`);
  const [, exported = ''] = /\bexport\{([^}]*)\};\s*$/.exec(text) ?? [];
  return new Map(namesIn(exported).map(([local, name]) => [name, imported.get(local) ?? `${chunk}#${name}`]));
}

/** `a,b as c` → `[['a', 'a'], ['b', 'c']]` */
function namesIn(list) {
  return list
    .split(',')
    .filter(Boolean)
    .map((each) => {
      const [name, other = name] = each.trim().split(' as ');
      return [name, other];
    });
}

/** `chunk-program-4F5D7A2B.js` → `program`; the chunk of several sources is named `chunk`. */
function nameOfSource(chunk) {
  return chunk.replace(/^chunk-|-[A-Z0-9]{8}\.js$|\.js$/g, '');
}

/** Names all files. What a name stands for changes with any chunk, since a running program may still load the old. */
function filesOf(names, merged) {
  const build = createHash('sha256')
    .update(JSON.stringify([names, merged]))
    .digest('hex')
    .slice(0, 8);
  const alone = names
    .filter((name) => !merged.some((members) => members.includes(name)))
    .map((name) => [name]);
  const files = new Map();
  for (const members of [...merged, ...alone]) {
    const [first] = members;
    if (!first.startsWith('chunk-')) {
      files.set(first, members);
      continue;
    }
    const name = members.map(nameOfSource).find((each) => each !== 'chunk') ?? 'shared';
    let file = `chunk-${name}-${build}.js`;
    for (let count = 2; files.has(file); count++) file = `chunk-${name}-${count}-${build}.js`;
    files.set(file, members);
  }
  return files;
}
