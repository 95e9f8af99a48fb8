import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { runUv } from './toolbox.ts';

/** 1980-01-01, the first day that a zip can tell. */
const SOURCE_DATE_EPOCH = '315532800';

/** A built wheel: its file name and its bytes. */
export interface BuiltWheel {
  file: string;
  bytes: Buffer;
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The Python version of an npm version: `X.Y.Z` unchanged, `X.Y.Z-rc.N` as `X.Y.ZrcN`.
 * @throws Error for other prereleases and for build metadata: Python would order them differently.
 */
export function pythonVersion(npmVersion: string): string {
  const match = /^(\d+\.\d+\.\d+)(?:-rc\.(\d+))?$/.exec(npmVersion);
  if (!match) throw new Error(`The npm version ${npmVersion} has no Python form: use X.Y.Z or X.Y.Z-rc.N`);
  return match[2] === undefined ? match[1]! : `${match[1]}rc${match[2]}`;
}

/** `pyproject.toml` with this version. @throws Error when it has no version line of its own. */
export function withProjectVersion(pyproject: string, version: string): string {
  const line = /^version = ".*"$/m;
  if (!line.test(pyproject)) throw new Error('pyproject.toml has no line `version = "…"`');
  return pyproject.replace(line, `version = "${version}"`);
}

export function wheelFileName(version: string): string {
  return `kaelio_ktx-${version}-py3-none-any.whl`;
}

/** Builds the wheel from `projectDir` in the scratch folder. The backend is the pinned uv itself: no network. */
export function buildWheel(version: string, projectDir = WHEEL_PROJECT): BuiltWheel {
  mkdirSync(SCRATCH_DIR, { recursive: true });
  const outDir = mkdtempSync(join(SCRATCH_DIR, 'wheel-'));
  try {
    runUv(['build', '--wheel', '--offline', '--quiet', '--out-dir', outDir, projectDir], {
      SOURCE_DATE_EPOCH,
    });
    const file = wheelFileName(version);
    return { file, bytes: readFileSync(join(outDir, file)) };
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}
