// Start-up optimisations as one esbuild plugin. Each part says what it saves; `npm run bench` shows the
// total.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * All patches of dependencies, and whether this build has applied them. If a newer version of a dependency
 * moves the code a patch looks for, the program still works, only slower, and no one would notice. So the
 * build fails.
 */
const PATCHES = [
  'commander: node:process',
  'commander: what only external subcommands need',
  'string-width',
  'yoga-layout: loader',
  'yoga-layout: binary',
  'ink: developer tools',
  'ink: segmenter',
  'ink: cells of simple text',
  'ink: lines of simple text',
  'ink: simple text is cut as it is',
  'ink: cells kept between frames',
  'ink: blank cells',
  'ink: simple text is harmless',
  'slice-ansi: segmenter',
  'wrap-ansi: segmenter',
  'cli-truncate: segmenter',
  '@alcalzone/ansi-tokenize: segmenter',
  'zod: locales',
  'undici: HTTP/1 alone',
];
const applied = new Set();

// `import.meta.resolve` is not available when the test runner loads this.
const require = createRequire(import.meta.url);
const folder = dirname(fileURLToPath(import.meta.url));
const module_ = (name) => join(folder, name);

/**
 * Importing a builtin costs milliseconds, because Node copies all its exports, including lazy ones: 6 for
 * `node:process`, 4 for `node:child_process`, 25 for `node:http`, whose lazy exports include all of Node's
 * fetch. So unused imports are dropped, http is obtained without the copy, and commander, which every command
 * loads, gets `process` without the copy and stubs for the builtins that only external subcommands need.
 */
function slimBuiltins({ onResolve, onLoad }) {
  onResolve({ filter: /^node:/ }, ({ path, importer }) => {
    const isCommander = /[\\/]node_modules[\\/]commander[\\/]/.test(importer);
    // The prompts import the streams by name; exporting them from the stand-in would open them for everyone.
    const isPrompts = /[\\/]node_modules[\\/]@clack[\\/]/.test(importer);
    if (isCommander && path === 'node:process') applied.add('commander: node:process');
    if (path === 'node:process' && !isPrompts) return { path: module_('process-module.mjs') };
    if (isCommander && (path === 'node:child_process' || path === 'node:fs')) {
      applied.add('commander: what only external subcommands need');
      return { path: module_('empty-module.mjs') };
    }
    const isOurs = !/[\\/]node_modules[\\/]/.test(importer);
    if (path === 'node:http' && isOurs) return { path, namespace: 'without-copy' };
    return { path, external: true, sideEffects: false };
  });
  onLoad({ filter: /^/, namespace: 'without-copy' }, ({ path }) => ({
    contents: `const builtin = process.getBuiltinModule('${path}');
export default builtin;
export const { Agent, createServer, get, request } = builtin;`,
  }));
}

/** 33 ms: see string-width.mjs. */
function quickStringWidth({ onResolve }) {
  onResolve({ filter: /^string-width$/ }, () => {
    applied.add('string-width');
    return { path: module_('string-width.mjs') };
  });
  onResolve({ filter: /^ktx-real:string-width$/ }, () => ({
    path: require.resolve('string-width'),
  }));
}

/**
 * Yoga's loader fetches its WebAssembly from a data: URL, which loads all of Node's fetch, and uses top-level
 * await, which every importer must wait for. Compiling the same bytes synchronously saves 20 ms.
 */
function synchronousYoga({ onLoad }) {
  onLoad({ filter: /[\\/]yoga-layout[\\/]dist[\\/]src[\\/]index\.js$/ }, ({ path }) => {
    const binary = readFileSync(join(dirname(path), '../binaries/yoga-wasm-base64-esm.js'), 'utf8');
    const base64 = /data:application\/octet-stream;base64,([A-Za-z0-9+/=]+)/.exec(binary)?.[1];
    if (!base64) throw new Error('yoga-layout keeps its WebAssembly in another form than this plugin knows');
    applied.add('yoga-layout: loader');
    return {
      contents: `
import loadYoga from '../binaries/yoga-wasm-base64-esm.js';
import wrapAssembly from './wrapAssembly.js';
const assembly = {
  instantiateWasm(imports, receive) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('${base64}', 'base64')), imports);
    receive(instance);
    return instance.exports;
  },
};
loadYoga(assembly);
export default wrapAssembly(assembly);
export * from './generated/YGEnums.js';
`,
      resolveDir: dirname(path),
    };
  });
  onLoad({ filter: /yoga-wasm-base64-esm\.js$/ }, ({ path }) => {
    const whole = readFileSync(path, 'utf8');
    const contents = whole.replace(/(data:application\/octet-stream;base64,)[A-Za-z0-9+/=]+/, '$1');
    if (contents !== whole) applied.add('yoga-layout: binary');
    return { contents };
  });
}

/** Ink imports its developer tools lazily; they load a package that we do not have and print when they are loaded. */
function noDeveloperTools({ onResolve }) {
  onResolve({ filter: /^\.\/devtools\.js$/ }, ({ importer }) => {
    if (!/[\\/]node_modules[\\/]ink[\\/]/.test(importer)) return undefined;
    applied.add('ink: developer tools');
    return { path: module_('empty-module.mjs') };
  });
}

/**
 * 10 ms: see grapheme-segmenter.mjs. Patches the source text of libraries that create segmenters: esbuild's
 * own `define` and `inject` would add the stand-in to every chunk.
 */
function lazySegmenter({ onLoad }) {
  const libraries =
    /[\\/]node_modules[\\/](?:ink|slice-ansi|wrap-ansi|cli-truncate|string-width|@alcalzone)[\\/].*\.js$/;
  onLoad({ filter: libraries }, ({ path }) => {
    const source = readFileSync(path, 'utf8');
    const contents = /[\\/]ink[\\/]build[\\/]/.test(path) ? patchedInk(basename(path), source) : source;
    if (!contents.includes('new Intl.Segmenter(')) return contents === source ? undefined : { contents };
    const [, name] = /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path);
    applied.add(`${name.replaceAll('\\', '/')}: segmenter`);
    const standIn = `import { GraphemeSegmenter } from ${JSON.stringify(module_('grapheme-segmenter.mjs'))};\n`;
    return { contents: standIn + contents.replaceAll('new Intl.Segmenter(', 'new GraphemeSegmenter(') };
  });
}

/**
 * What a frame of Ink costs, by the places in its source: the cells of a text (see simple-cells.mjs), kept from
 * frame to frame since most rows stay; one blank cell instead of thousands; and simple text, which needs no
 * cleaning.
 */
const INK_PATCHES = {
  'output.js': [
    [
      'ink: cells of simple text',
      'cached = styledCharsFromTokens(tokenize(line))',
      'cached = simpleCells(line) ?? styledCharsFromTokens(tokenize(line))',
    ],
    [
      'ink: lines of simple text',
      /const characterLines = \[\[\]\];\s*for \(const character of (this\.caches\.getStyledChars\(text\))\) \{([\s\S]*?)let lines = (characterLines\.map\()/,
      `const simple = simpleLines(text);
        const characterLines = [[]];
        for (const character of simple ? [] : $1) {$2let lines = simple ?? $3`,
    ],
    [
      'ink: simple text is cut as it is',
      'const result = [];\n        let column = 0;',
      'if (SIMPLE_TEXT.test(line)) return line.slice(from, to);\n        const result = [];\n        let column = 0;',
    ],
    ['ink: cells kept between frames', 'caches = new OutputCaches();', 'caches = keptCaches();'],
    [
      'ink: blank cells',
      /row\.push\(\{\s*type: 'char',\s*value: ' ',\s*fullWidth: false,\s*styles: \[\],\s*\}\)/,
      'row.push(BLANK_CELL)',
    ],
  ],
  'sanitize-ansi.js': [
    [
      'ink: simple text is harmless',
      'if (!hasAnsiControlCharacters(text)) {',
      'if (SIMPLE_TEXT.test(text)) return text;\n    if (!hasAnsiControlCharacters(text)) {',
    ],
  ],
};

const INK_IMPORTS = `
import { BLANK_CELL, simpleCells, simpleLines } from ${JSON.stringify(module_('simple-cells.mjs'))};
import { SIMPLE_TEXT } from ${JSON.stringify(module_('simple-text.mjs'))};
`;
/** Cells of more lines than a few frames have are not worth their memory. */
const KEPT_CACHES = `
let kept;
function keptCaches() {
  if (kept === undefined || kept.styledChars.size > 300) kept = new OutputCaches();
  return kept;
}
`;

function patchedInk(file, contents) {
  let patched = contents;
  for (const [name, from, to] of INK_PATCHES[file] ?? []) {
    const before = patched;
    patched = patched.replace(from, to);
    if (patched !== before) applied.add(name);
  }
  if (patched === contents) return contents;
  return INK_IMPORTS + patched + (file === 'output.js' ? KEPT_CACHES : '');
}

/**
 * 330 kB per command: zod re-exports its messages in all languages as one namespace. We set English, see
 * src/support/schema.ts.
 */
function englishZod({ onLoad }) {
  onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => {
    applied.add('zod: locales');
    return { contents: `export { default as en } from './en.js';`, resolveDir: dirname(path) };
  });
}

/**
 * Saves 44 ms in every command that asks a host: undici loads everything it has, and we use one agent and its requests. HTTP/2 is
 * turned off there, and would load Node's own.
 */
function slimUndici({ onResolve, onLoad }) {
  onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'slim' }));
  onLoad({ filter: /^undici$/, namespace: 'slim' }, () => ({
    contents: `
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
Dispatcher.prototype.request = require('undici/lib/api/api-request.js');
exports.Agent = require('undici/lib/dispatcher/agent.js');
exports.buildConnector = require('undici/lib/core/connect.js');
`,
    resolveDir: folder,
  }));
  onLoad({ filter: /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/ }, () => {
    applied.add('undici: HTTP/1 alone');
    return { contents: `module.exports = () => { throw new Error('HTTP/2 is turned off'); };` };
  });
}

/** @throws Error naming the patches that the last build should have applied but did not */
export function assertPatched() {
  const missing = PATCHES.filter((patch) => !applied.has(patch));
  if (missing.length === 0) return;
  throw new Error(
    `These patches found nothing to patch; look at the new versions of the dependencies: ${missing.join(', ')} (scripts/start-up/plugin.mjs)`,
  );
}

export const startUp = {
  name: 'start-up',
  setup(build) {
    slimBuiltins(build);
    quickStringWidth(build);
    synchronousYoga(build);
    noDeveloperTools(build);
    lazySegmenter(build);
    englishZod(build);
    slimUndici(build);
    build.onStart(() => applied.clear());
  },
};
