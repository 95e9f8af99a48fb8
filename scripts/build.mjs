// Bundles the program, split into lazy chunks, so that `--version` loads neither React nor Ink.
// `--if-needed` builds only when a source is newer than the bundle; `--types` also writes declarations.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startUp } from './start-up/plugin.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundleDir = join(root, 'dist');

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

export function isBuildNeeded() {
  const stamp = join(bundleDir, 'cli.js');
  if (!existsSync(stamp)) return true;
  const inputs = ['src', 'screens', 'package.json', 'scripts/build.mjs', 'scripts/start-up'].map((name) =>
    newest(join(root, name)),
  );
  return Math.max(...inputs) > statSync(stamp).mtimeMs;
}

/** How long the chunks of an older bundle stay: a program that runs meanwhile still loads its own. */
const OLD_CHUNK_MS = 10 * 60_000;

/** A failed build leaves the old bundle; the entry points, which name the chunks, come last. */
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

export async function build() {
  const { build: bundle } = await import('esbuild');
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  const staged = join(root, `.tmp/dist-${process.pid}`);
  // One graph each: in one, the program would load all that the library exports of zod, because they would share it.
  for (const entryPoints of [
    { cli: 'src/cli/main.ts' },
    { index: 'src/index.ts', internal: 'src/internal.ts' },
    { models: 'src/models/index.ts' },
    { hosts: 'src/hosts/index.ts' },
  ]) {
    await bundleGraph(bundle, entryPoints, staged, version);
  }
  replaceBundle(staged);
}

function bundleGraph(bundle, entryPoints, outdir, version) {
  return bundle({
    absWorkingDir: root,
    entryPoints,
    outdir,
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
    // Ink imports its developer tools statically; leaving them external crashes at run time.
    alias: { 'react-devtools-core': join(root, 'scripts/start-up/empty-module.mjs') },
    banner: {
      js: "import{createRequire as __ktxRequire}from'node:module';const require=__ktxRequire(import.meta.url);",
    },
    plugins: [startUp],
    logLevel: 'warning',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--if-needed') || isBuildNeeded()) await build();
  if (process.argv.includes('--types')) {
    const tsc = join(root, 'node_modules/.bin/tsc');
    const args = ['--project', 'tsconfig.types.json'];
    process.exitCode = spawnSync(tsc, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
  }
}
