import { join } from 'node:path';
import { managedRuntimeRoot } from '../core/layout.ts';
import {
  MANAGED_UV_ARTIFACTS,
  MANAGED_UV_VERSION,
  type ManagedUvArtifact,
  type ManagedUvPlatformKey,
} from './release.ts';

export interface ManagedUvRelease {
  version: string;
  artifacts: Partial<Record<ManagedUvPlatformKey, ManagedUvArtifact>>;
}

export interface ManagedUvPathOptions {
  platform?: NodeJS.Platform;
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  runtimeRoot?: string;
  release?: ManagedUvRelease;
}

/** The uv release pinned by this program. */
export const PINNED_UV: ManagedUvRelease = { version: MANAGED_UV_VERSION, artifacts: MANAGED_UV_ARTIFACTS };

/** `uv`, or `uv.exe` on Windows. */
export function uvBinaryName(platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? 'uv.exe' : 'uv';
}

/** Where this program keeps its uv: `<runtime root>/uv/<uv version>/uv`. No disk access. */
export function managedUvPath(options: ManagedUvPathOptions = {}): string {
  const { version } = options.release ?? PINNED_UV;
  return join(managedRuntimeRoot(options), 'uv', version, uvBinaryName(options.platform));
}
