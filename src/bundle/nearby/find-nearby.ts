import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { PACKAGE_ROOT } from '../../support/package-root.ts';
import { CONTENTS_PATH } from '../archive/bundle-schema.ts';
import { type BundleExpectation, judgeBundle, type NearbyBundle } from './judge-bundle.ts';
import { isBundleName, nearbyPlaces } from './nearby-places.ts';

/** At most this many entries of a folder are read. */
const MAX_ENTRIES = 2000;
/** At most this many bundles in one folder are inspected. */
const MAX_CANDIDATES = 20;
/** A medium that does not respond within this time is skipped. */
const TIMEOUT_MS = 1500;

/** The folders on this machine to search for bundles. Never throws. */
export async function placesHere(cwd: string): Promise<string[]> {
  const { platform } = process;
  return nearbyPlaces({
    platform,
    cwd,
    programFolder: PACKAGE_ROOT.replace(/(?<=.)[\\/]$/, ''),
    mountInfo: platform === 'linux' ? await mountInfo() : '',
    volumes: platform === 'darwin' ? await readdir('/Volumes').catch(() => []) : [],
  });
}

/**
 * Finds bundles beside this program, in the working directory and on mounted media; usable ones first, then
 * the nearest. Cheap: reads file names and a few kilobytes of each. Never throws: whatever cannot be read is
 * skipped. Does not touch network file systems.
 */
export async function findBundlesNearby(
  wanted: BundleExpectation,
  options: { places: readonly string[]; signal?: AbortSignal },
): Promise<NearbyBundle[]> {
  const found = await Promise.all(
    options.places.map((place) => withTimeout(bundlesIn(place, wanted), options.signal)),
  );
  const isUsable = ({ state }: NearbyBundle) => Number(state === 'usable');
  return found.flat().sort((a, b) => isUsable(b) - isUsable(a));
}

async function bundlesIn(place: string, wanted: BundleExpectation): Promise<NearbyBundle[]> {
  const found: NearbyBundle[] = [];
  for (const path of await candidatesIn(place)) {
    const bundle = await judgeBundle(path, wanted).catch(() => null);
    if (bundle) found.push(bundle);
  }
  return found;
}

async function candidatesIn(place: string): Promise<string[]> {
  const names: string[] = [];
  const folder = await opendir(place).catch(() => null);
  if (folder === null) return [];
  try {
    let count = 0;
    for await (const entry of folder) {
      if (++count > MAX_ENTRIES || names.length >= MAX_CANDIDATES) break;
      if (entry.name === CONTENTS_PATH && entry.isFile()) names.push('');
      else if (isBundleName(entry.name) && !entry.isSymbolicLink()) names.push(entry.name);
    }
  } catch {
    // The medium was removed meanwhile.
  }
  // The folder itself may be an unpacked bundle.
  return names.sort().map((name) => (name === '' ? place : join(place, name)));
}

async function withTimeout(
  looking: Promise<NearbyBundle[]>,
  signal: AbortSignal | undefined,
): Promise<NearbyBundle[]> {
  return new Promise((resolve) => {
    const give = (bundles: NearbyBundle[]) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', none);
      resolve(bundles);
    };
    const none = () => give([]);
    const timer = setTimeout(none, TIMEOUT_MS);
    if (signal?.aborted) none();
    signal?.addEventListener('abort', none, { once: true });
    looking.then(give, none);
  });
}

async function mountInfo(): Promise<string> {
  return readRegularText('/proc/self/mountinfo', { maxBytes: 4 * 1024 * 1024 }).catch(() => '');
}
