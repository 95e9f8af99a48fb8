// Pins a release of uv: `node scripts/refresh-uv-manifest.mjs [<version>]` (default: the latest release) reads the
// digests of the six archives from GitHub and of the six wheels from the package index, writes them to
// scripts/pins.json and generates src/uv/release.ts from it. `--render` only generates.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PUBLIC_FILES_URL, PUBLIC_INDEX_URL } from '../src/network/address/public-index.ts';

const RELEASES = 'https://github.com/astral-sh/uv/releases';
const PINS = new URL('pins.json', import.meta.url);
const MODULE = new URL('../src/uv/release.ts', import.meta.url);

/** Archive per platform, and the ending of its wheel's name. Linux always uses the static musl build. */
export const PLATFORMS = {
  'darwin-arm64': { file: 'uv-aarch64-apple-darwin.tar.gz', wheel: /macosx_\d+_\d+_arm64\.whl$/ },
  'darwin-x64': { file: 'uv-x86_64-apple-darwin.tar.gz', wheel: /macosx_\d+_\d+_x86_64\.whl$/ },
  'linux-arm64': { file: 'uv-aarch64-unknown-linux-musl.tar.gz', wheel: /musllinux_\d+_\d+_aarch64\.whl$/ },
  'linux-x64': { file: 'uv-x86_64-unknown-linux-musl.tar.gz', wheel: /musllinux_\d+_\d+_x86_64\.whl$/ },
  'win32-arm64': { file: 'uv-aarch64-pc-windows-msvc.zip', wheel: /win_arm64\.whl$/ },
  'win32-x64': { file: 'uv-x86_64-pc-windows-msvc.zip', wheel: /win_amd64\.whl$/ },
};

async function get(url, fetch, headers) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`Failed to fetch ${url}: HTTP ${response.status}`);
  return response;
}

/** `<sha256>  <file>` or `<sha256> *<file>`, the format of sha256sum. */
export function parseSha256File(file, text) {
  const [, sha256, name] = /^([a-f0-9]{64})(?:[ \t]+\*?(\S+))?\s*$/.exec(text) ?? [];
  if (!sha256 || (name !== undefined && name !== file)) {
    throw new Error(`Unexpected sha256 file contents for ${file}: ${text.slice(0, 120)}`);
  }
  return sha256;
}

/**
 * Digests of the six archives, from the `.sha256` file beside each.
 * @returns {Promise<Record<string, { file: string, sha256: string }>>} by platform key
 */
export async function readArchivePins(version, fetch = globalThis.fetch) {
  /** @type {Record<string, { file: string, sha256: string }>} */
  const pins = {};
  for (const [key, { file }] of Object.entries(PLATFORMS)) {
    const response = await get(`${RELEASES}/download/${version}/${file}.sha256`, fetch);
    pins[key] = { file, sha256: parseSha256File(file, await response.text()) };
  }
  return pins;
}

/**
 * Digests of the six wheels and of the binary in each. The wheels are downloaded, since an index does not
 * know the inner digests.
 * @returns {Promise<Record<string, { file: string, bytes: number, sha256: string, binarySha256: string,
 * binaryBytes: number }>>}
 */
export async function readWheelPins(version, indexUrl, fetch = globalThis.fetch) {
  const { listZip, readZipEntry } = await import('../src/support/zip.ts');
  const { uvWheelMember } = await import('../src/uv/archive.ts');
  const projectUrl = `${indexUrl.replace(/\/$/, '')}/uv/`;
  const page = await get(projectUrl, fetch, { accept: 'application/vnd.pypi.simple.v1+json' });
  const { files } = await page.json();
  const pins = {};
  for (const [key, { wheel }] of Object.entries(PLATFORMS)) {
    const listed = files.find(
      ({ filename }) => filename.startsWith(`uv-${version}-py3-none-`) && wheel.test(filename),
    );
    if (!listed) throw new Error(`No wheel of uv ${version} for ${key} on ${new URL(projectUrl).host}`);
    const response = await get(new URL(listed.url, page.url || projectUrl).href, fetch);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== listed.hashes.sha256)
      throw new Error(`${listed.filename}: its digest is not the listed one`);
    const member = uvWheelMember(version, key.startsWith('win32') ? 'uv.exe' : 'uv');
    const entry = listZip(bytes).find(({ name }) => name === member);
    if (!entry) throw new Error(`${listed.filename} has no ${member}`);
    const binary = await readZipEntry(bytes, entry, 512 * 1024 * 1024);
    pins[key] = {
      file: listed.filename,
      bytes: bytes.length,
      sha256,
      binarySha256: createHash('sha256').update(binary).digest('hex'),
      binaryBytes: binary.length,
      ...publicPathOf(listed.url),
    };
  }
  return pins;
}

/** Path on the public index's file host; nothing for another index. */
function publicPathOf(url, filesUrl = PUBLIC_FILES_URL) {
  return url.startsWith(filesUrl) ? { publicPath: url.slice(filesUrl.length) } : {};
}

/** The TypeScript module, from the `uv` part of pins.json. */
export function renderReleaseModule({ version, archives, wheels }) {
  const keys = Object.keys(PLATFORMS);
  const entries = (pins, render) =>
    keys
      .map((key) => {
        if (!pins[key]) throw new Error(`Missing artifact entry for ${key}`);
        const fields = render(pins[key]).map(
          ([name, value]) => `    ${name}:${`${value}`.startsWith('\n') ? '' : ' '}${value},\n`,
        );
        return `  '${key}': {\n${fields.join('')}  },\n`;
      })
      .join('');
  const quoted = (text) => `'${text}'`;
  return `// Generated by scripts/refresh-uv-manifest.mjs from scripts/pins.json. Do not edit.

/** \`<platform>-<arch>\` as Node says them. */
export type ManagedUvPlatformKey =
${keys.map((key) => `  | '${key}'`).join('\n')};

/** A release archive on GitHub and on the official mirror. */
export interface ManagedUvArtifact {
  file: string;
  sha256: string;
}

/** The wheel of the same release on package indexes, and the binary inside it. */
export interface ManagedUvWheel extends ManagedUvArtifact {
  sizeBytes: number;
  binarySha256: string;
  binarySizeBytes: number;
  /** Where the public index keeps it, beneath its file host. */
  publicPath?: string;
}

export const MANAGED_UV_VERSION: string = '${version}';

export const MANAGED_UV_ARTIFACTS: Record<ManagedUvPlatformKey, ManagedUvArtifact> = {
${entries(archives, ({ file, sha256 }) => [
  ['file', quoted(file)],
  ['sha256', quoted(sha256)],
])}};

export const MANAGED_UV_WHEELS: Record<ManagedUvPlatformKey, ManagedUvWheel> = {
${entries(wheels, ({ file, sha256, bytes, binarySha256, binaryBytes, publicPath }) => [
  ['file', quoted(file)],
  ['sha256', quoted(sha256)],
  ['sizeBytes', bytes],
  ['binarySha256', quoted(binarySha256)],
  ['binarySizeBytes', binaryBytes],
  // On a line of its own, as the formatter has it: longer than the other fields.
  ...(publicPath ? [['publicPath', `\n      ${quoted(publicPath)}`]] : []),
])}};
`;
}

/** The latest version, from the URL that the latest release redirects to. */
export async function latestVersion(fetch = globalThis.fetch) {
  const { url } = await get(`${RELEASES}/latest`, fetch);
  return url.slice(url.lastIndexOf('/') + 1);
}

async function main(args) {
  const pins = JSON.parse(readFileSync(PINS, 'utf8'));
  if (!args.includes('--render')) {
    const version = args[0] ?? (await latestVersion());
    pins.uv = {
      ...pins.uv,
      version,
      archives: await readArchivePins(version),
      wheels: await readWheelPins(version, PUBLIC_INDEX_URL),
      wheelMember: `uv-${version}.data/scripts/uv (uv.exe on Windows)`,
    };
    writeFileSync(PINS, `${JSON.stringify(pins, null, 2)}\n`);
  }
  writeFileSync(MODULE, renderReleaseModule(pins.uv));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
