import { resolve } from 'node:path';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { PythonChoice } from '../../python/python-choice.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { pythonVersion } from './field.ts';

/** The user's changes since the wizard started; they take precedence over the command line. */
export interface SetupChanges {
  indexUrl?: string;
  python?: PythonChoice;
  runtimeRoot?: string;
  allowedHosts?: readonly string[];
  isOffline?: boolean;
  shouldForce?: true;
  shouldIgnoreDisk?: true;
  feature?: KtxRuntimeFeature;
  uvPath?: string;
  bundlePath?: string;
  /** Variables for this run, such as a proxy address with its login. Never stored, never shown. */
  env?: Readonly<Record<string, string>>;
}

export function pythonOf(value: string): PythonChoice {
  if (value === 'auto' || value === 'managed' || value === 'system') return value;
  const version = pythonVersion(value);
  return version === null ? { path: value } : { version };
}

/**
 * Merges changes: later ones win; variables and hosts accumulate. Choosing an index drops an earlier bundle.
 */
export function mergedChanges(before: SetupChanges, later: SetupChanges): SetupChanges {
  const { bundlePath: _, ...others } = before;
  const kept = later.indexUrl === undefined ? before : others;
  return {
    ...kept,
    ...later,
    ...(before.env && later.env && { env: { ...before.env, ...later.env } }),
    ...(before.allowedHosts &&
      later.allowedHosts && { allowedHosts: [...new Set([...before.allowedHosts, ...later.allowedHosts])] }),
  };
}

/** The changes made in the wizard as options of the library, with absolute paths. */
export function changedOptions(
  { runtimeRoot, python, allowedHosts, uvPath, bundlePath, env, feature: _, ...others }: SetupChanges,
  given: Omit<SetupOptions, 'features' | 'signal' | 'onEvent'>,
): Partial<SetupOptions> {
  const { homeDir = homeFolder(), allowedHosts: before = [] } = given;
  const absolute = (path: string): string => resolve(path.replace(/^~(?=[\\/]|$)/, homeDir));
  return {
    ...others,
    ...(runtimeRoot !== undefined && { runtimeRoot: absolute(runtimeRoot) }),
    ...(python !== undefined && {
      python: typeof python === 'object' && 'path' in python ? { path: absolute(python.path) } : python,
    }),
    ...(uvPath !== undefined && { uvPath: absolute(uvPath) }),
    ...(bundlePath !== undefined && { bundle: { ...given.bundle, path: absolute(bundlePath) } }),
    ...(env !== undefined && { env: { ...(given.env ?? process.env), ...env } }),
    ...(allowedHosts !== undefined && { allowedHosts: [...before, ...allowedHosts] }),
  };
}
