// Bundles the package's declarations: one file per entry point and one for what they share. The types of bundled
// packages that they use are in there too, since the published package has no dependencies. rolldown-plugin-dts is pinned
// to the last version that parses in JavaScript: later ones need a native parser that not every platform has.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

/** Packages whose types are bundled. Others would make the package large: keep their types out of ours. */
const BUNDLED = ['zod'];

/**
 * @param {string} root folder of the package
 * @param {string} folder where the declarations are written
 * @param {Record<string, string>} entryPoints the source of each declaration file, by its name without `.d.ts`
 * @throws Error naming the file and the package when a declaration needs one that is not bundled
 */
export async function writeDeclarations(root, folder, entryPoints) {
  const perModule = join(root, `.tmp/declarations-${process.pid}`);
  try {
    compile(root, perModule);
    const input = Object.entries(entryPoints).map(([name, source]) => [
      name,
      join(perModule, source.replace(/\.ts$/, '.d.ts')),
    ]);
    const bundle = await rolldown({
      cwd: root,
      input: Object.fromEntries(input),
      experimental: { attachDebugInfo: 'none' },
      plugins: [
        bundledPackages(root, perModule),
        dts({ dtsInput: true, emitDtsOnly: true, oxc: true, tsconfig: false }),
      ],
    });
    await bundle.write({
      dir: folder,
      minifyInternalExports: false,
      codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
      chunkFileNames: '[name].d.ts',
      plugins: [ignoredLines],
    });
  } finally {
    rmSync(perModule, { recursive: true, force: true });
  }
}

function compile(root, outDir) {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { status } = spawnSync(tsc, ['--project', 'tsconfig.types.json', '--outDir', outDir], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The declarations could not be written');
}

/** @returns {import('rolldown').Plugin} */
function bundledPackages(root, perModule) {
  return {
    name: 'bundled-packages',
    resolveId: {
      order: 'pre',
      handler(specifier, importer) {
        if (/^[./]/.test(specifier)) return null;
        if (specifier.startsWith('node:')) return { id: specifier, external: true };
        const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier);
        if (BUNDLED.includes(name)) {
          // Its exports name declarations in CommonJS syntax (.d.cts), which cannot be bundled.
          return join(root, 'node_modules', name, subpath, 'index.d.ts');
        }
        const file = relative(perModule, importer);
        throw new Error(
          `${file} needs the types of ${name}, which are not bundled (scripts/declarations.mjs)`,
        );
      },
    },
  };
}

/** `@ts-expect-error` applies to the next line; the bundler moves it onto the line that it is for. */
const ignoredLines = {
  name: 'ignored-lines',
  generateBundle(_options, files) {
    for (const file of Object.values(files))
      file.code = file.code.replaceAll(/\/\*\* @ts-ignore[^*]*\*\//g, '$&\n');
  },
};
