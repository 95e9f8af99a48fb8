// biome-ignore lint/style/noRestrictedImports: its own package.json, which --version must not wait for
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.ts';

/** Defined by the build, so that the bundle reads no file to know its version. */
declare const __KTX_VERSION__: string | undefined;

/** The version of this package: the one name under which its runtime is installed. */
export function packageVersion(): string {
  return typeof __KTX_VERSION__ === 'undefined' ? versionOfSource() : __KTX_VERSION__;
}

/** A function of its own, so that the bundle drops it and the import of `node:fs` (4 ms of every start). */
function versionOfSource(): string {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;
}
