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

/** Downloads one archive. Replaces every source of uv by this one. */
export type ManagedUvFetchArtifact = (url: string) => Promise<Uint8Array>;

export interface EnsureManagedUvOptions extends ManagedUvPathOptions {
  arch?: string;
  fetchArtifact?: ManagedUvFetchArtifact;
}

const RETRY = 'ktx admin runtime install --yes';
const INSTALL_AGAIN = otherRemedy('Run it again', { argv: RETRY.split(' ') });

/**
 * The absolute path of the pinned uv, fetched from GitHub and checked against its pin when it is not there yet.
 * A binary that is there is returned as it is, so one placed by hand works on any platform.
 * @throws SetupError when no uv is pinned for the platform, the download fails or is not the pinned file; plain
 * Error when a right archive cannot be used.
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
  // Loaded late: who only asks for the path needs no archive formats.
  const { extractUvBinary } = await import('./archive.ts');
  const binary = await extractUvBinary(bytes, {
    file: artifact.file,
    binaryName: uvBinaryName(options.platform),
  });
  await placeUvBinary(uvPath, binary);
  return uvPath;
}

/**
 * Puts a verified binary in its place in one step, executable. When the rename fails and something is at that path, it
 * stays and counts as placed: another installer was faster, with identical bytes. Who replaces an altered binary looks
 * at it again afterwards.
 * @returns whether it is this binary that is there now.
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
    // Not as the mode of open(): that one is cut by the umask.
    await handle.chmod(0o755);
    // A name may not become visible before its bytes are on the disk: nothing checks them again.
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
