import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import type { Toolbox } from './toolbox.ts';
import type { MadeWheel } from './wheel.ts';

/** A requirements file of a few hundred packages has about 500 kB. */
export const MAX_REQUIREMENTS_BYTES = 64 * 1024 * 1024;
/** uv's note about `--no-emit-package` at the end of the list. */
const EXCLUDED = /\n?# The following packages were excluded from the output:\n(?:# .*\n)*/;

/** A universal lock of one feature, in uv's two formats, in a folder of this run. */
export interface FeatureLock {
  feature: KtxRuntimeFeature;
  /** The shipped file: pins, markers and hashes. */
  requirementsPath: string;
  /** Where the index keeps the files. Contains URLs, so it is not shipped. */
  pylockPath: string;
}

export function requirementsFile(feature: KtxRuntimeFeature): string {
  return `requirements.${feature}.txt`;
}

/**
 * Resolves a feature for all platforms at once. `core` comes first: its pins apply to the features on top of
 * it.
 * @param options.kept earlier requirements of this feature, whose versions are kept where possible.
 * @throws SetupError with uv's message when there is no solution, or only source distributions.
 */
export async function lockRequirements(
  feature: KtxRuntimeFeature,
  wheel: MadeWheel,
  options: {
    runDir: string;
    wheelPath: string;
    oldestPython: string;
    extras: readonly string[];
    kept: string | null;
    tools: Toolbox;
  },
): Promise<FeatureLock> {
  const { runDir, tools, extras, kept } = options;
  const requirementsPath = join(runDir, requirementsFile(feature));
  const pylockPath = join(runDir, `pylock.${feature}.toml`);
  const input = join(runDir, `${feature}.in`);
  const names = extras.length === 0 ? '' : `[${extras.join(',')}]`;
  const { name } = wheel.metadata;
  await writeFileAtomic(input, `${name}${names} @ ${pathToFileURL(options.wheelPath).href}\n`);
  // uv prefers versions that are already in its output file.
  if (kept !== null) await writeFileAtomic(requirementsPath, kept);
  // No URLs, dates or comments: the same pins must give the same bytes, and a lock must not name an index.
  const plain = [
    '--universal',
    '--python-version',
    options.oldestPython,
    '--no-build',
    '--no-header',
    '--no-annotate',
    '--quiet',
  ];
  const constraint = feature === 'core' ? [] : ['--constraint', join(runDir, requirementsFile('core'))];
  const what = `The requirements of ${feature} cannot be resolved to wheels`;
  await tools.runUv(
    [
      'pip',
      'compile',
      input,
      ...constraint,
      ...plain,
      '--no-emit-package',
      name,
      '--generate-hashes',
      '--no-emit-index-url',
      '--output-file',
      requirementsPath,
    ],
    { what },
  );
  const text = await readRegularText(requirementsPath, { maxBytes: MAX_REQUIREMENTS_BYTES });
  await writeFileAtomic(requirementsPath, text.replace(EXCLUDED, ''));
  await tools.runUv(
    ['pip', 'compile', requirementsPath, ...plain, '--format', 'pylock.toml', '--output-file', pylockPath],
    { what },
  );
  return { feature, requirementsPath, pylockPath };
}
