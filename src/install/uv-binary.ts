import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Artefact } from '../runtime/lock.ts';
import type { HostPlatform } from '../runtime/target.ts';
import { type ArtefactStore, hashFile } from '../store/store.ts';
import { errorMessage, SetupError } from '../support/errors.ts';
import { fileIdentity } from '../support/file-identity.ts';
import { pathExists } from '../support/path-exists.ts';
import { placeUvBinary, uvBinaryName } from '../uv/acquire.ts';
import { extractUvBinary, uvWheelMember } from '../uv/archive.ts';
import {
  MANAGED_UV_ARTIFACTS,
  MANAGED_UV_VERSION,
  MANAGED_UV_WHEELS,
  type ManagedUvPlatformKey,
} from '../uv/release.ts';
import { markVerified } from '../uv/verified-mark.ts';

export interface UvPins {
  archive: Artefact;
  wheel: Artefact;
  /** Digest of the binary inside the wheel. Those inside the archives are not known to be the same bytes. */
  wheelBinarySha256: string;
}

/** What this program carries about uv for a platform; `null` where it pins none. */
export function uvPinsFor(host: Pick<HostPlatform, 'platform' | 'arch'>): UvPins | null {
  const key = `${host.platform}-${host.arch}` as ManagedUvPlatformKey;
  const archive = MANAGED_UV_ARTIFACTS[key];
  const wheel = MANAGED_UV_WHEELS[key];
  if (!archive || !wheel) return null;
  return {
    archive: { ...archive, kind: 'uv', sizeBytes: null, unpackedBytes: wheel.binarySizeBytes },
    wheel: {
      file: wheel.file,
      sha256: wheel.sha256,
      kind: 'uv',
      sizeBytes: wheel.sizeBytes,
      unpackedBytes: wheel.binarySizeBytes,
    },
    wheelBinarySha256: wheel.binarySha256,
  };
}

/**
 * Unpacks a verified archive or wheel of the store into uv's place.
 * @throws SetupError when another binary stays there, which cannot be replaced because it runs.
 */
export async function installUvFrom(store: ArtefactStore, artefact: Artefact, uvPath: string): Promise<void> {
  const binary = await binaryOf(store, artefact);
  if (await placeUvBinary(uvPath, binary)) return;
  const wanted = createHash('sha256').update(binary).digest('hex');
  if ((await hashFile(uvPath)) !== wanted) throw alteredUv(uvPath);
}

async function binaryOf(store: ArtefactStore, artefact: Artefact): Promise<Uint8Array> {
  const binaryName = uvBinaryName();
  const member = artefact.file.endsWith('.whl') ? uvWheelMember(MANAGED_UV_VERSION, binaryName) : undefined;
  return extractUvBinary(await readFile(store.pathOf(artefact)), { file: artefact.file, binaryName, member });
}

export type UvBinaryState = 'missing' | 'pinned' | 'altered' | 'unknown';

/**
 * What lies at uv's place: the pinned bytes, the pinned bytes altered (their source is in the store, so they can be
 * restored), or a binary that nobody here knows, such as one placed by hand.
 */
export async function inspectUvBinary(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
): Promise<UvBinaryState> {
  if (!(await pathExists(uvPath))) return 'missing';
  if (!pins) return 'unknown';
  const sha256 = await hashFile(uvPath);
  if (sha256 === pins.wheelBinarySha256) return 'pinned';
  if ((await store.verify(pins.archive)) === 'ok') {
    const kept = createHash('sha256')
      .update(await binaryOf(store, pins.archive))
      .digest('hex');
    return kept === sha256 ? 'pinned' : 'altered';
  }
  return (await store.has(pins.wheel)) ? 'altered' : 'unknown';
}

/**
 * Hashes the uv that is about to be run. Where this program pins none there is nothing to compare with.
 * @throws SetupError of class verification unless it is the pinned one; it must not be run then.
 */
export async function assertPinnedUv(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
): Promise<void> {
  if (!pins) return;
  const state = await inspectUvBinary(uvPath, pins, store);
  if (state === 'altered') throw alteredUv(uvPath);
  if (state === 'unknown') refuseUnknownUv(uvPath);
}

/**
 * A plan that found the pinned uv may wait for its answer for hours: when the file has changed since, it is hashed again.
 * @param seen its `fileIdentity` before the plan looked at it.
 * @throws SetupError of class verification, as `assertPinnedUv`.
 */
export async function acceptSeenUv(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
  seen: string | null,
): Promise<void> {
  if ((await fileIdentity(uvPath)) === seen) await markVerified(uvPath, seen);
  else await assertPinnedUv(uvPath, pins, store);
}

/** @param error of `readUvVersion`. */
export function givenUvFails(uvPath: string, error: unknown): SetupError {
  const { cause } = error as SetupError;
  return new SetupError(`The program that was given with --uv does not run: ${uvPath}.`, {
    failureClass: 'platform',
    evidence: [errorMessage(cause)],
    nextSteps: ['Give the path of a uv binary, or leave --uv out'],
    cause,
  });
}

function alteredUv(uvPath: string): SetupError {
  return new SetupError(
    `The uv at ${uvPath} was altered: its sha256 is not the pinned one, so it is not run. Restore it: ktx setup --force`,
    { failureClass: 'verification', nextSteps: ['ktx setup --force'] },
  );
}

/** @throws SetupError: on a pinned platform only the pinned bytes are used, or those that the user names himself. */
export function refuseUnknownUv(uvPath: string): never {
  throw new SetupError(
    `The uv at ${uvPath} is not the uv ${MANAGED_UV_VERSION} that ktx knows, so it is not run. Delete it, then: ktx setup --force`,
    {
      failureClass: 'verification',
      evidence: ['its sha256 is not the pinned one, and ktx did not put it there'],
      nextSteps: [
        'Delete it, and ktx fetches the pinned one',
        `Use it all the same: ktx setup --uv ${uvPath}`,
      ],
    },
  );
}
