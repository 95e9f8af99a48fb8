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
 * Says how a bundle for this machine is made, then watches the usual folders until a usable one is there. One that still grows
 * is told as such, and one that is cut short or another's at once.
 * @throws SetupError where there can be no bundle; CancelledError.
 */
export async function watchBundles({ setup, tell }: PanelContext, { cwd }: PanelPlace): Promise<PanelAnswer> {
  const { signal } = setup;
  const { assetDir } = managedPythonRuntimeLayout(setup);
  const wanted = await bundleExpectation({ ...setup, assetDir });
  if (wanted === null) {
    throw new SetupError('There is no bundle for this wheel: it has no lock.', { failureClass: 'conflict' });
  }
  const request = await requestOf(setup, assetDir, wanted);
  const look = async () =>
    findBundlesNearby(wanted, { places: await placesHere(cwd), ...(signal && { signal }) });
  const facts = async (bundles: readonly NearbyBundle[]): Promise<PanelAnswer> => ({
    type: 'bundles',
    facts: { ...request, folders: await placesHere(cwd), candidates: bundles.map(candidateOf) },
  });
  const first = await look();
  tell(await facts(first));
  const told = new Map(first.map((bundle) => [bundle.path, bundle]));
  const usable = await watchForBundle({
    // What lay here from the start is offered already; it is not what is waited for.
    look: async () =>
      (await look()).filter(({ path, state }) => state !== 'usable' || !isOffered(path, first)),
    onNews: ({ type, bundle }) => {
      const problem = type === 'arriving' ? `arriving; ${bundle.problem ?? ''}` : bundle.problem;
      told.set(bundle.path, { ...bundle, problem });
      void facts([...told.values()]).then(tell);
    },
    ...(signal && { signal }),
  });
  told.set(usable.path, usable);
  return facts([...told.values()]);
}

function isOffered(path: string, first: readonly NearbyBundle[]): boolean {
  return first.some((bundle) => bundle.path === path && bundle.state === 'usable');
}

function candidateOf({ path, state, problem, sizeBytes, totalBytes }: NearbyBundle): BundleCandidate {
  const of = totalBytes !== null && totalBytes !== sizeBytes ? ` of ${formatBytes(totalBytes)}` : '';
  return {
    path,
    size: `${formatBytes(sizeBytes)}${of}`,
    problem: state === 'usable' ? null : (problem ?? state),
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
