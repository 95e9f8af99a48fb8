import { PUBLIC_INDEX_URL } from './public-index.ts';

/** Where Astral publishes its builds; also serves those of python-build-standalone. */
export const OFFICIAL_MIRROR = 'https://releases.astral.sh';

/** The same releases at their origin. */
export const GITHUB = 'https://github.com';

/** The hub that hosts the models; `HF_ENDPOINT` replaces it. */
export const MODEL_HUB = 'https://huggingface.co';

/** Path of a uv release file on the official mirror; on GitHub the same without `/github`, below `/astral-sh`. */
export function uvReleasePath(version: string, file: string): string {
  return `uv/releases/download/${version}/${encodeURIComponent(file)}`;
}

/** Path of a python-build-standalone file. `+` is written `%2B`, as the release pages do. */
export function pythonReleasePath(build: string, file: string): string {
  return `python-build-standalone/releases/download/${build}/${encodeURIComponent(file)}`;
}

const BUILT_IN_HOSTS: ReadonlySet<string> = new Set(
  [OFFICIAL_MIRROR, GITHUB, MODEL_HUB, PUBLIC_INDEX_URL].map((address) => new URL(address).host),
);

/** Whether the address is built into this program, so that the user cannot have mistyped it. */
export function isBuiltInHost(host: string): boolean {
  return BUILT_IN_HOSTS.has(host);
}
