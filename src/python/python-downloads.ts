import { pathToFileURL } from 'node:url';
import type { HostPlatform } from '../shipped/target.ts';

const UV_ARCH: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };
const UV_OS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  win32: 'windows',
};

/**
 * uv's key for a managed Python, such as `cpython-3.13.14-linux-x86_64-gnu`: the folder it is unpacked into.
 */
export function managedPythonKey(host: HostPlatform, version: string): string {
  return `cpython-${version}-${UV_OS[host.platform]}-${UV_ARCH[host.arch]}-${host.libc ?? 'none'}`;
}

/**
 * The list that `uv python install` reads instead of its built-in one. Its single entry points to a verified
 * archive in the store, whose digest uv checks again while unpacking. Format: uv's `download-metadata.json`.
 */
export function pythonDownloadsList(options: {
  host: HostPlatform;
  version: string;
  build: string;
  archivePath: string;
  sha256: string;
}): string {
  const { host, version } = options;
  const [major, minor, patch] = version.split('.').map(Number);
  return JSON.stringify({
    [managedPythonKey(host, version)]: {
      name: 'cpython',
      arch: { family: UV_ARCH[host.arch], variant: null },
      os: UV_OS[host.platform],
      libc: host.libc ?? 'none',
      major,
      minor,
      patch,
      prerelease: '',
      url: pathToFileURL(options.archivePath).href,
      sha256: options.sha256,
      variant: null,
      build: options.build,
    },
  });
}
