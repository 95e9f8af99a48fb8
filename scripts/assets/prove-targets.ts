import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockArtefact, lockedFeature, type RuntimeLock } from '../../src/shipped/lock.ts';
import type { FeatureLock } from './lock-requirements.ts';
import { SCRATCH_DIR } from './paths.ts';
import { runUv } from './toolbox.ts';

/** The machine of a target as uv names it. */
const UV_PLATFORMS: Record<string, string> = {
  'linux-x64-gnu': 'x86_64-manylinux_2_28',
  'linux-arm64-gnu': 'aarch64-manylinux_2_28',
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64': 'x86_64-pc-windows-msvc',
  'win32-arm64': 'aarch64-pc-windows-msvc',
};

/**
 * Lets uv, which will install them, judge every list of the lock: with nothing but the chosen files it must be able
 * to satisfy the requirements for that platform and Python. The wheels are in the scratch folder by then.
 * @throws Error of the first target that uv refuses; its own words are on stderr.
 */
export function proveTargets(lock: RuntimeLock, locks: readonly FeatureLock[]): void {
  for (const key of Object.keys(lock.targets)) {
    for (const { feature, requirementsPath } of locks) {
      const entry = lockedFeature(lock, key, feature);
      if (entry && 'artefacts' in entry) proveTarget(lock, key, entry.artefacts, requirementsPath);
    }
  }
}

function proveTarget(
  lock: RuntimeLock,
  key: string,
  wheels: readonly string[],
  requirementsPath: string,
): void {
  const [, platform, minor] = /^(.+)-cp3(\d+)$/.exec(key)!;
  const folder = join(SCRATCH_DIR, 'prove');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const digest of wheels) {
    const { file } = lockArtefact(lock, digest);
    linkSync(join(SCRATCH_DIR, 'wheels', digest, file), join(folder, file));
  }
  runUv(
    [
      ...[
        'pip',
        'install',
        '--dry-run',
        '--quiet',
        '--offline',
        '--no-index',
        '--no-build',
        '--require-hashes',
      ],
      ...['--find-links', folder, '--target', join(SCRATCH_DIR, 'prove-target')],
      ...['--python-platform', UV_PLATFORMS[platform!]!, '--python-version', `3.${minor}`],
      ...['-r', requirementsPath],
    ],
    { MACOSX_DEPLOYMENT_TARGET: '14.0' },
  );
}
