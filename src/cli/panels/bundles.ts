import { findBundlesNearby, placesHere } from '../../bundle/nearby/find-nearby.ts';
import {
  type BundleExpectation,
  bundleExpectation,
  type NearbyBundle,
} from '../../bundle/nearby/judge-bundle.ts';
import { watchForBundle } from '../../bundle/nearby/watch-nearby.ts';
import type { BundlePlatform } from '../../bundle/pins.ts';
import { managedPythonRuntimeLayout } from '../../core/layout.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import { readLockedAsset } from '../../shipped/locked-asset.ts';
import { SetupError } from '../../support/errors.ts';
import { formatBytes } from '../../support/text/format.ts';
import type { PanelContext } from '../../wizard/functions.ts';
import type { BundleCandidate } from '../../wizard/panels/bundle-panel.ts';
import type { PanelAnswer } from '../../wizard/panels/panels.ts';
import type { PanelPlace } from './place.ts';

/**
 * Explains how to build a bundle for this machine, then watches the usual folders until a usable one appears.
 * Reports a bundle that is still being copied, and at once one that is truncated or does not match.
 * @throws SetupError when no bundle can be used here; CancelledError.
 */
export async function watchBundles({ setup, tell }: PanelContext, { cwd }: PanelPlace): Promise<PanelAnswer> {
  const { signal } = setup;
  const { assetDir } = managedPythonRuntimeLayout(setup);
  const wanted = await bundleExpectation({ ...setup, assetDir });
  if (wanted === null) {
    throw new SetupError('There is no bundle for this wheel: it has no lock.', { failureClass: 'conflict' });
  }
  const request = await requestOf(setup, assetDir, wanted);
  let folders: readonly string[] = [];
  let seen: readonly NearbyBundle[] = [];
  const arriving = new Set<string>();
  const facts = (): PanelAnswer => ({
    type: 'bundles',
    facts: {
      ...request,
      folders,
      candidates: seen.map((bundle) => candidateOf(bundle, arriving.has(bundle.path))),
    },
  });
  const look = async (): Promise<void> => {
    folders = await placesHere(cwd);
    seen = await findBundlesNearby(wanted, { places: folders, ...(signal && { signal }) });
  };
  await look();
  tell(facts());
  // A bundle that was here from the start was offered already, so it does not end the wait, unless it was
  // gone in between.
  const offered = new Set(seen.filter(({ state }) => state === 'usable').map(({ path }) => path));
  let told = pathsOf(seen);
  await watchForBundle({
    look: async () => {
      await look();
      for (const path of offered) if (!seen.some((bundle) => bundle.path === path)) offered.delete(path);
      if (told.some((path) => !seen.some((bundle) => bundle.path === path))) tell(facts());
      told = pathsOf(seen);
      return seen.filter(({ path, state }) => state !== 'usable' || !offered.has(path));
    },
    onNews: ({ type, bundle }) => {
      if (type === 'arriving') arriving.add(bundle.path);
      else arriving.delete(bundle.path);
      tell(facts());
    },
    ...(signal && { signal }),
  });
  return facts();
}

function pathsOf(bundles: readonly NearbyBundle[]): readonly string[] {
  return bundles.map(({ path }) => path);
}

function candidateOf(
  { path, state, problem, sizeBytes, totalBytes }: NearbyBundle,
  isArriving: boolean,
): BundleCandidate {
  const of = totalBytes !== null && totalBytes !== sizeBytes ? ` of ${formatBytes(totalBytes)}` : '';
  const trouble = isArriving ? 'still arriving' : (problem ?? state);
  return {
    path,
    size: `${formatBytes(sizeBytes)}${of}`,
    problem: state === 'usable' ? null : trouble,
  };
}

async function requestOf(setup: SetupOptions, assetDir: string, wanted: BundleExpectation) {
  const [{ bundleRequest }, asset] = await Promise.all([
    import('../../bundle/nearby/bundle-request.ts'),
    readLockedAsset(assetDir),
  ]);
  if (asset === null) throw new Error('The lock was there a moment ago.');
  const { command, fileName, sizeBytes } = bundleRequest({
    cliVersion: setup.cliVersion,
    lock: asset.lock,
    platform: wanted.platform as BundlePlatform,
    features: setup.features,
    python: setup.python === 'system' ? 'none' : 'managed',
  });
  return { command, file: `${fileName}, about ${formatBytes(sizeBytes)}` };
}
