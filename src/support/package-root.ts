import { fileURLToPath } from 'node:url';

/** True in the esbuild bundle, where every module lies flat in `dist/`; the build defines it. */
declare const __KTX_BUNDLED__: boolean | undefined;

/** The folder of this package: where `package.json` and `assets/` are. Touches no disk. */
export const PACKAGE_ROOT = fileURLToPath(
  new URL(typeof __KTX_BUNDLED__ === 'undefined' ? '../../' : '../', import.meta.url),
);
