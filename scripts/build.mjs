// Bundles the program: one graph, split into lazy chunks, so that `--version` loads neither React nor Ink.
// `--if-needed` builds only when a source is newer than the bundle; `--types` also writes declarations.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outdir = join(root, 'dist');

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

export function isBuildNeeded() {
  const stamp = join(outdir, 'cli.js');
  if (!existsSync(stamp)) return true;
  const inputs = ['src', 'screens', 'package.json', 'scripts/build.mjs'].map((name) =>
    newest(join(root, name)),
  );
  return Math.max(...inputs) > statSync(stamp).mtimeMs;
}

export async function build() {
  const { build: bundle } = await import('esbuild');
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  rmSync(outdir, { recursive: true, force: true });
  await bundle({
    absWorkingDir: root,
    entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts', internal: 'src/internal.ts' },
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
      'process.env.NODE_ENV': '"production"',
      __KTX_BUNDLED__: 'true',
      __KTX_VERSION__: JSON.stringify(version),
    },
    // Ink imports its developer tools statically; leaving them external crashes at run time.
    alias: { 'react-devtools-core': join(root, 'scripts/empty-module.mjs') },
    banner: {
      js: "import{createRequire as __ktxRequire}from'node:module';const require=__ktxRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--if-needed') || isBuildNeeded()) await build();
  if (process.argv.includes('--types')) {
    const tsc = join(root, 'node_modules/.bin/tsc');
    const args = ['--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--outDir', 'dist/types'];
    process.exitCode = spawnSync(tsc, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
  }
}
