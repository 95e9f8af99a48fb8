import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { ASSET_DIR, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { runUv } from './toolbox.ts';

/** The oldest Python that the lock is good for: `requires-python` of the wheel. */
const OLDEST_PYTHON = '3.11';
/** No address, no date, no comment: the same pins give the same bytes, and an index has no business in a lock. */
const PLAIN = [
  '--universal',
  '--python-version',
  OLDEST_PYTHON,
  '--no-build',
  '--no-header',
  '--no-annotate',
  '--quiet',
];

/** A universal lock of one feature, in the two forms that uv writes. Both are in the scratch folder. */
export interface FeatureLock {
  feature: KtxRuntimeFeature;
  /** What is committed: pins, markers and hashes. */
  requirementsPath: string;
  /** Where the index keeps the files; has addresses, so it stays where it is. */
  pylockPath: string;
}

export function requirementsFile(feature: KtxRuntimeFeature): string {
  return `requirements.${feature}.txt`;
}

/** Resolves a feature for all platforms at once. `core` goes first: its pins hold for the features on top of it. */
export function lockRequirements(
  feature: KtxRuntimeFeature,
  options: { shouldUpgrade: boolean },
): FeatureLock {
  const requirementsPath = join(SCRATCH_DIR, requirementsFile(feature));
  const pylockPath = join(SCRATCH_DIR, `pylock.${feature}.toml`);
  const committed = join(ASSET_DIR, requirementsFile(feature));
  rmSync(requirementsPath, { force: true });
  rmSync(pylockPath, { force: true });
  // uv prefers the versions that stand in its output file.
  if (!options.shouldUpgrade && existsSync(committed)) copyFileSync(committed, requirementsPath);
  const isExtra = feature !== 'core';
  runUv([
    'pip',
    'compile',
    join(WHEEL_PROJECT, 'pyproject.toml'),
    ...(isExtra ? ['--extra', feature, '--constraint', join(SCRATCH_DIR, requirementsFile('core'))] : []),
    ...PLAIN,
    '--generate-hashes',
    '--no-emit-index-url',
    '--output-file',
    requirementsPath,
  ]);
  runUv([
    'pip',
    'compile',
    requirementsPath,
    ...PLAIN,
    '--format',
    'pylock.toml',
    '--output-file',
    pylockPath,
  ]);
  return { feature, requirementsPath, pylockPath };
}
