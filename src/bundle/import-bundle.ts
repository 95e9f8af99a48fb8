import type { Emit } from '../core/events.ts';
import { sharedLayout } from '../core/layout.ts';
import { withWriteAccess } from '../runtime/write-access.ts';
import type { Artefact } from '../shipped/lock.ts';
import { arrival } from '../store/stock.ts';
import { type ArtefactStore, openStore } from '../store/store.ts';
import { otherRemedy } from '../support/remedies.ts';
import { BundleError } from './archive/bundle-error.ts';
import type { BundleMember } from './archive/bundle-schema.ts';
import { pinnedArtefacts } from './pins.ts';
import { progressTeller } from './progress-words.ts';
import { type BundleTrust, type VerifiedBundle, verifyBundle } from './verify.ts';

export interface ImportBundleOptions {
  path: string;
  trust: BundleTrust;
  runtimeRoot: string;
  /** `<platform>-<arch>` of this machine. */
  platform: string;
  emit: Emit;
  signal?: AbortSignal;
}

/**
 * Verifies a bundle completely, and only then copies its content into the store, verifying it again on the
 * way. A subsequent install needs no network.
 * @throws BundleError, with nothing changed; CancelledError; what `ArtefactStore.put` throws.
 */
export async function importBundle(options: ImportBundleOptions): Promise<VerifiedBundle> {
  const { path, trust, runtimeRoot, platform, emit, signal } = options;
  const note = (level: 'info' | 'warning', text: string) => emit({ type: 'note', step: 'plan', level, text });
  const tell = (what: string) => progressTeller((text) => note('info', `${what} the bundle: ${text}`));
  const verified = await verifyBundle(path, trust, { signal, onBytes: tell('verifying') });
  const { contents, signature } = verified;
  if (!contents.platforms.includes(platform)) throw otherPlatform(platform, contents.platforms);
  const store = openStore(sharedLayout(runtimeRoot).storeDir);
  const pinned = pinnedArtefacts(trust.lock);
  await withWriteAccess({ runtimeRoot, versions: [], step: 'fetch', note, signal }, async () => {
    await assertOmittedAreHere(contents.members, pinned, store, signal);
    await verifyBundle(path, trust, {
      signal,
      onBytes: tell('taking over'),
      onMember: (member, body) => takeMember(member, body, pinned, { store, emit, path, signal }),
    });
  });
  const words = signature?.isTrusted ? `, signed by ${signature.principals}` : '';
  note(
    'info',
    `The bundle ${path} is verified${words}: ${contents.members.length} files, nothing was altered.`,
  );
  return verified;
}

async function takeMember(
  member: BundleMember,
  body: AsyncIterable<Buffer>,
  pinned: ReadonlyMap<string, Artefact>,
  context: { store: ArtefactStore; emit: Emit; path: string; signal?: AbortSignal },
): Promise<void> {
  const { store, emit, path, signal } = context;
  const artefact = pinned.get(member.sha256);
  if (artefact === undefined || (await store.verify(artefact, signal)) === 'ok') {
    for await (const _ of body);
    return;
  }
  await store.remove(artefact);
  const sizeBytes = await store.put(artefact, body, { signal });
  emit(arrival('plan', artefact, { sizeBytes, place: path, isCached: false }));
}

async function assertOmittedAreHere(
  members: readonly BundleMember[],
  pinned: ReadonlyMap<string, Artefact>,
  store: ArtefactStore,
  signal: AbortSignal | undefined,
): Promise<void> {
  const missing: string[] = [];
  for (const { isOmitted, sha256, path } of members) {
    const artefact = isOmitted ? pinned.get(sha256) : undefined;
    if (artefact && (await store.verify(artefact, signal)) !== 'ok') missing.push(path);
  }
  if (missing.length === 0) return;
  throw new BundleError(
    'missing-members',
    'This bundle holds only what changed, and what it builds on is not here',
    missing.map((path) => `not in the store: ${path}`),
    [otherRemedy('Use the whole bundle, made without --since')],
  );
}

function otherPlatform(platform: string, platforms: readonly string[]): BundleError {
  return new BundleError(
    'other-platform',
    `The bundle is for ${platforms.join(', ')}; this machine is ${platform}`,
    [],
    [
      otherRemedy('Have a bundle made for this machine', {
        afterwards: ['ktx', 'bundle', 'create', '--platform', platform, '--output', '<file>'],
        needs: ['output-file'],
      }),
    ],
  );
}
