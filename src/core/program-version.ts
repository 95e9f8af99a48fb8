// biome-ignore lint/style/noRestrictedImports: reads its own package.json synchronously, so that --version waits for nothing
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.ts';

/** Defined by the build, so that the bundle knows its version without reading a file. */
declare const __KTX_VERSION__: string | undefined;

/** The version of this package. */
export function packageVersion(): string {
  return typeof __KTX_VERSION__ === 'undefined' ? versionOfSource() : __KTX_VERSION__;
}

let ofEmbedder: string | undefined;

/**
 * Sets the version of an embedder's commands. In its own module, so that no command waits for the declaration
 * to be read.
 */
export function setProgramVersion(version: string | undefined): void {
  ofEmbedder = version;
}

/** The version that this program's commands install and print: the embedder's, else ours. */
export function programVersion(): string {
  return ofEmbedder ?? packageVersion();
}

/**
 * In its own function, so that the bundle drops it along with the import of `node:fs` (4 ms at every start).
 */
function versionOfSource(): string {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;
}
