// biome-ignore lint/style/noRestrictedImports: its own package.json, which --version must not wait for
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.ts';

/** Defined by the build, so that the bundle reads no file to know its version. */
declare const __KTX_VERSION__: string | undefined;

/** The version of this package. */
export function packageVersion(): string {
  return typeof __KTX_VERSION__ === 'undefined' ? versionOfSource() : __KTX_VERSION__;
}

let ofEmbedder: string | undefined;

/** An embedder said which version its commands are of. A module of its own: no command waits for the declaration to be read. */
export function setProgramVersion(version: string | undefined): void {
  ofEmbedder = version;
}

/** The version that the commands of this program install and print: its embedder's, else ours. */
export function programVersion(): string {
  return ofEmbedder ?? packageVersion();
}

/** A function of its own, so that the bundle drops it and the import of `node:fs` (4 ms of every start). */
function versionOfSource(): string {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;
}
