import { fileURLToPath } from 'node:url';

/** Defined by the build, and true in the esbuild bundle, where all modules are flat in `dist/`. */
declare const __KTX_BUNDLED__: boolean | undefined;

/** The folder of this package, with `package.json` and `assets/`. Computed without touching the disk. */
export const PACKAGE_ROOT = fileURLToPath(
  new URL(typeof __KTX_BUNDLED__ === 'undefined' ? '../../' : '../', import.meta.url),
);
