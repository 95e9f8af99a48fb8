import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorChain, SetupError } from '../support/errors.ts';
import { makeFolder } from '../support/fs/atomic-file.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { openNewFile } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import { type ManagedUvPathOptions, managedUvPath, PINNED_UV, uvBinaryName } from './location.ts';
import type { ManagedUvPlatformKey } from './release.ts';

export { type ManagedUvRelease, managedUvPath, uvBinaryName } from './location.ts';

/** Downloads one archive; replaces all sources of uv. */
export type ManagedUvFetchArtifact = (url: string) => Promise<Uint8Array>;

export interface EnsureManagedUvOptions extends ManagedUvPathOptions {
  arch?: string;
  fetchArtifact?: ManagedUvFetchArtifact;
}

const RETRY = 'ktx admin runtime install --yes';
const INSTALL_AGAIN = otherRemedy('Run it again', { argv: RETRY.split(' ') });

/**
 * The absolute path of the pinned uv, downloaded from GitHub and verified against its pin if missing. An
 * existing binary is returned as is, so a manually placed one works on any platform.
 * @throws SetupError when no uv is pinned for the platform, the download fails or does not match the pin;
 * plain Error when a verified archive cannot be unpacked.
 */
export async function ensureManagedUv(options: EnsureManagedUvOptions = {}): Promise<string> {
  const release = options.release ?? PINNED_UV;
  const uvPath = managedUvPath(options);
  if (await pathExists(uvPath)) return uvPath;

  const key = `${options.platform ?? process.platform}-${options.arch ?? process.arch}`;
  const artifact = release.artifacts[key as ManagedUvPlatformKey];
  if (!artifact) {
    throw new SetupError(
      `ktx does not bundle uv for ${key}. Place a uv ${release.version} binary at ${uvPath} and retry: ${RETRY}`,
      { failureClass: 'platform' },
    );
  }
  const url = `https://github.com/astral-sh/uv/releases/download/${release.version}/${artifact.file}`;
  const bytes = await download(url, options.fetchArtifact ?? fetchBytes, release.version, uvPath);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== artifact.sha256) {
    throw new SetupError(
      `Downloaded uv ${release.version} failed checksum verification (a proxy or captive portal may have altered the download). Retry: ${RETRY}`,
      {
        failureClass: 'verification',
        evidence: [url, `expected sha256 ${artifact.sha256}`, `received sha256 ${sha256}`],
        remedies: [INSTALL_AGAIN],
      },
    );
  }
  // Imported lazily: a caller that only needs the path needs no archive formats.
  const { extractUvBinary } = await import('./archive.ts');
  const binary = await extractUvBinary(bytes, {
    file: artifact.file,
    binaryName: uvBinaryName(options.platform),
  });
  await placeUvBinary(uvPath, binary);
  return uvPath;
}

/**
 * Installs a verified, executable binary atomically. If the rename fails and a file exists at that path, it
 * counts as installed: another installer was faster, with identical bytes. A caller that replaces an altered
 * binary must check it again.
 * @returns whether this binary is there now.
 * @throws the file system's own error; no staged file is left.
 */
export async function placeUvBinary(uvPath: string, binary: Uint8Array): Promise<boolean> {
  await makeFolder(dirname(uvPath));
  const staged = `${uvPath}.${process.pid}.download`;
  try {
    await writeExecutable(staged, binary);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
  try {
    await rename(staged, uvPath);
    return true;
  } catch (error) {
    await rm(staged, { force: true });
    if (!(await pathExists(uvPath))) throw error;
    return false;
  }
}

async function writeExecutable(path: string, content: Uint8Array): Promise<void> {
  const handle = await openNewFile(path, 0o755);
  try {
    await handle.writeFile(content);
    // Not through the mode of open(), which the umask reduces.
    await handle.chmod(0o755);
    // The name must not become visible before the bytes are durable: nothing verifies them again.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function download(
  url: string,
  fetchArtifact: ManagedUvFetchArtifact,
  version: string,
  uvPath: string,
): Promise<Uint8Array> {
  try {
    return await fetchArtifact(url);
  } catch (error) {
    throw new SetupError(
      `ktx could not download uv ${version} (required to install the ktx Python runtime). Check network access to github.com and retry: ${RETRY}. Air-gapped hosts: place the uv binary at ${uvPath}.`,
      {
        failureClass: 'network',
        cause: error,
        evidence: [`${url}: ${errorChain(error)}`],
        remedies: [INSTALL_AGAIN, otherRemedy(`Place the uv ${version} binary at ${uvPath}`)],
      },
    );
  }
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.bytes();
}
