// Bundles the program, split into lazy chunks, so that `--version` loads neither React nor Ink.
// `--if-needed` builds only when a source is newer than the bundle; `--package` makes all that is published, from nothing:
// the bundle, declarations that need no other package, and the licences of what is bundled.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mergeChunks } from './chunks/merge.mjs';
import { assertPatched, startUp } from './start-up/plugin.mjs';
import { DOCTOR_LEAVES_OUT, leaveOut, STATUS_LEAVES_OUT, STATUS_SHARES } from './start-up/quick-files.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundleDir = join(root, 'dist');

/** The sources that package.json exports: each has a bundle and a declaration file of this name. */
const LIBRARY = {
  embedded: 'src/cli/embedded.ts',
  index: 'src/index.ts',
  internal: 'src/internal.ts',
  models: 'src/models/index.ts',
  hosts: 'src/hosts/index.ts',
};

/** Loaded before the first screen, the first answer or the first key: what they load may not grow. */
const START_UP = ['cli', 'program', 'bare-setup', 'runtime-command'];

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

export function isBuildNeeded() {
  const stamp = join(bundleDir, 'cli.js');
  if (!existsSync(stamp)) return true;
  const inputs = [
    ...['src', 'screens', 'package.json', 'scripts/build.mjs', 'scripts/chunks', 'scripts/start-up'],
    'assets/python/lock.json',
    'assets/languages',
  ].map((name) => newest(join(root, name)));
  return Math.max(...inputs) > statSync(stamp).mtimeMs;
}

/** How long the chunks of the previous bundle are kept: a running program may still load them. */
const OLD_CHUNK_MS = 10 * 60_000;

/** A failed build keeps the old bundle; the entry points, which reference the chunks, are replaced last. */
function replaceBundle(staged) {
  const names = readdirSync(staged).sort(
    (a, b) => Number(b.startsWith('chunk-')) - Number(a.startsWith('chunk-')),
  );
  mkdirSync(bundleDir, { recursive: true });
  for (const name of names) renameSync(join(staged, name), join(bundleDir, name));
  rmSync(staged, { recursive: true });
  for (const name of readdirSync(bundleDir)) {
    const path = join(bundleDir, name);
    if (
      name.startsWith('chunk-') &&
      !names.includes(name) &&
      Date.now() - statSync(path).mtimeMs > OLD_CHUNK_MS
    )
      rmSync(path);
  }
}

/** @returns esbuild's report about its inputs */
export async function build() {
  const { build: bundle } = await import('esbuild');
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  const staged = join(root, `.tmp/dist-${process.pid}`);
  const options = graphOptions(version);
  const { metafile } = await bundle(options);
  assertPatched();
  await mergeChunks(bundle, options, metafile, staged, START_UP);
  rmSync(join(root, options.outdir), { recursive: true });
  const first = await bundle({
    ...firstScreenBundle('src/cli/first-screen.ts', version),
    outfile: join(staged, 'first-screen.cjs'),
    minify: true,
  });
  const frame = await bundle({
    ...firstScreenBundle('src/cli/first-frame.ts', version),
    outfile: join(staged, 'first-frame.cjs'),
    minify: true,
  });
  const quickFile = (command, leftOut) =>
    bundle({
      ...oneFile(`src/cli/quick-${command}.ts`, version),
      outfile: join(staged, `quick-${command}.cjs`),
      minify: true,
      plugins: [startUp, leftOut],
    });
  const doctor = await quickFile('doctor', leaveOut('doctor', DOCTOR_LEAVES_OUT));
  const status = await quickFile('status', leaveOut('status', STATUS_LEAVES_OUT, STATUS_SHARES));
  for (const name of readdirSync(staged)) escapeBeyondAscii(join(staged, name));
  writeLockParts(staged);
  await writeFirstFrames(bundle, staged, version);
  replaceBundle(staged);
  const inputs = [metafile, ...[first, frame, doctor, status].map((each) => each.metafile)].map(
    (each) => each.inputs,
  );
  return { ...metafile, inputs: Object.assign({}, ...inputs) };
}

/**
 * Escapes what esbuild leaves: it escapes characters beyond ASCII in strings, but not in tagged templates, whose source it
 * keeps. Node reads a pure ASCII file faster; the texts mean the same.
 */
function escapeBeyondAscii(path) {
  const source = readFileSync(path, 'utf8');
  const escaped = source.replaceAll(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped !== source) writeFileSync(path, escaped);
}

/**
 * The first screen of a machine without a runtime, prerendered for each platform with the same kind of paths
 * as this one.
 */
async function writeFirstFrames(bundle, folder, version) {
  const outfile = join(root, `.tmp/prerender-${process.pid}.cjs`);
  await bundle({ ...firstScreenBundle('src/present/first-screen/prerender.ts', version), outfile });
  try {
    const { prerender, frameFile, LANGUAGES } = createRequire(import.meta.url)(outfile);
    const lock = JSON.parse(readFileSync(join(root, 'assets/python/lock.json'), 'utf8'));
    for (const platform of Object.keys(lock.python.archives)) {
      if (platform.startsWith('win32')) continue;
      for (const language of LANGUAGES) {
        const frames = prerender(platform, version, lock, language);
        if (frames !== null)
          writeFileSync(join(folder, frameFile(platform, language)), JSON.stringify(frames));
      }
    }
  } finally {
    rmSync(outfile, { force: true });
  }
}

/**
 * The parts of the lock that the first screen needs on one platform: loading them takes a fifth of a
 * millisecond instead of several. The install itself is planned from the full lock.
 */
function writeLockParts(folder) {
  const { python, artefacts, models, targets } = JSON.parse(
    readFileSync(join(root, 'assets/python/lock.json'), 'utf8'),
  );
  for (const [platform, archive] of Object.entries(python.archives)) {
    const own = Object.entries(targets).filter(([key]) => key.replace(/-cp\d+$/, '') === platform);
    const digests = own.flatMap(([, { features }]) =>
      Object.values(features).flatMap((entry) => (Array.isArray(entry) ? entry : (entry.artefacts ?? []))),
    );
    const wanted = new Set([
      archive,
      ...digests,
      ...Object.values(models ?? {}).flatMap(({ files }) => files),
    ]);
    const part = {
      python: { version: python.version, archives: { [platform]: archive } },
      artefacts: Object.fromEntries([...wanted].map((sha256) => [sha256, artefacts[sha256]])),
      models,
      targets: Object.fromEntries(own),
    };
    writeFileSync(join(folder, `lock-${platform}.json`), JSON.stringify(part));
  }
}

/**
 * The first screen stands before the program is loaded: one file, loaded the quick way. Its components are those of the
 * wizard, drawn by `src/present/paint` in the place of React and Ink.
 *
 * @param {string} entry
 * @param {string} version
 * @returns {import('esbuild').BuildOptions}
 */
export function firstScreenBundle(entry, version) {
  const paint = (name) => join(root, 'src/present/paint', name);
  return {
    ...oneFile(entry, version),
    jsx: 'automatic',
    alias: {
      'react/jsx-runtime': paint('elements.ts'),
      react: paint('elements.ts'),
      ink: paint('primitives.ts'),
    },
  };
}

/** @returns {import('esbuild').BuildOptions} */
function oneFile(entry, version) {
  return {
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22.19',
    define: {
      'process.env.NODE_ENV': '"production"',
      'import.meta.url': '__ktxUrl',
      __KTX_BUNDLED__: 'true',
      __KTX_VERSION__: JSON.stringify(version),
    },
    banner: { js: "const __ktxUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [unusedLeftOut, startUp],
    metafile: true,
    logLevel: 'warning',
  };
}

/** Our modules have no side effects on import: an unused one is dropped entirely. */
const unusedLeftOut = {
  name: 'unused-left-out',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.tsx?$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      sideEffects: false,
    }));
  },
};

/** @returns {import('esbuild').BuildOptions} */
function graphOptions(version) {
  return {
    absWorkingDir: root,
    entryPoints: {
      cli: 'src/cli/main.ts',
      ...LIBRARY,
      maker: 'src/maker/main.ts',
      ...Object.fromEntries(Object.entries(STATUS_SHARES).map(([path, name]) => [name, `src/${path}.ts`])),
    },
    outdir: `.tmp/chunks-${process.pid}`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    minifySyntax: true,
    minifyWhitespace: true,
    chunkNames: 'chunk-[name]-[hash]',
    jsx: 'automatic',
    define: {
      "process.env['DEV']": '"false"',
      'process.env.NODE_ENV': '"production"',
      __KTX_BUNDLED__: 'true',
      __KTX_VERSION__: JSON.stringify(version),
    },
    // The SBOM library optionally uses packages for XML and validation that are not installed.
    alias: Object.fromEntries(
      ['xmlbuilder2', 'libxmljs2', 'ajv-formats-draft2019'].map((name) => [
        name,
        join(root, 'scripts/start-up/empty-module.mjs'),
      ]),
    ),
    banner: {
      js: "import{createRequire as __ktxRequire}from'node:module';const require=__ktxRequire(import.meta.url);",
    },
    plugins: [startUp],
    metafile: true,
    logLevel: 'warning',
  };
}

async function buildPackage() {
  rmSync(bundleDir, { recursive: true, force: true });
  const metafile = await build();
  const { writeLicences } = await import('./licences.mjs');
  writeLicences(root, Object.keys(metafile.inputs), join(bundleDir, 'LICENSES.txt'));
  const { writeDeclarations } = await import('./declarations.mjs');
  await writeDeclarations(root, join(bundleDir, 'types'), LIBRARY);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--package')) await buildPackage();
  else if (!process.argv.includes('--if-needed') || isBuildNeeded()) await build();
}
