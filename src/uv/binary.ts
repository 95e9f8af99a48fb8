import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Artefact } from '../shipped/lock.ts';
import type { HostPlatform } from '../shipped/target.ts';
import { type ArtefactStore, hashFile } from '../store/store.ts';
import { absentAsNull, errorMessage, SetupError } from '../support/errors.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { readRegularFile } from '../support/fs/regular-file.ts';
import { otherRemedy, REBUILD, retryBecause, USE_PINNED_UV } from '../support/remedies.ts';
import { placeUvBinary, uvBinaryName } from './acquire.ts';
import { extractUvBinary, uvWheelMember } from './archive.ts';
import {
  MANAGED_UV_ARTIFACTS,
  MANAGED_UV_VERSION,
  MANAGED_UV_WHEELS,
  type ManagedUvPlatformKey,
} from './release.ts';
import { markVerified, readVerifiedMark } from './verified-mark.ts';

/** Archives have about 25 MB, binaries up to 70. */
const MAX_ARCHIVE_BYTES = 256 * 1024 * 1024;

export interface UvPins {
  archive: Artefact;
  wheel: Artefact;
  /** Digest of the binary inside the wheel. The binaries inside the archives may differ. */
  wheelBinarySha256: string;
}

/** The pins of uv for a platform; `null` when there are none. */
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
      publicPath: wheel.publicPath,
    },
    wheelBinarySha256: wheel.binarySha256,
  };
}

/**
 * Installs uv from a verified archive or wheel of the store, and marks it as verified.
 * @throws SetupError when a different binary is running there and cannot be replaced.
 */
export async function installUvFrom(store: ArtefactStore, artefact: Artefact, uvPath: string): Promise<void> {
  const binary = await binaryOf(store, artefact);
  const wanted = sha256Of(binary);
  const isPlaced = await placeUvBinary(uvPath, binary);
  const identity = await fileIdentity(uvPath);
  if (!isPlaced && (await hashFile(uvPath)) !== wanted) throw alteredUv(uvPath);
  await markVerified(uvPath, identity, wanted);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function binaryOf(store: ArtefactStore, artefact: Artefact): Promise<Uint8Array> {
  const binaryName = uvBinaryName();
  const member = artefact.file.endsWith('.whl') ? uvWheelMember(MANAGED_UV_VERSION, binaryName) : undefined;
  return extractUvBinary(
    await readRegularFile(store.pathOf(artefact), { maxBytes: MAX_ARCHIVE_BYTES, links: 'follow' }),
    { file: artefact.file, binaryName, member },
  );
}

export interface InspectedUv {
  /**
   * The pinned bytes; a binary installed by ktx and altered since, which may be fetched again; or an unknown
   * binary, such as one placed manually.
   */
  state: 'missing' | 'pinned' | 'altered' | 'unknown';
  /** Digest of the file; `null` when it is missing, or nothing is pinned. */
  sha256: string | null;
}

/**
 * Examines the installed uv. A binary from a wheel has a pinned digest. For one from an archive only the
 * archive's digest is pinned, so the binary in the stored archive is compared; if that archive has left the
 * store, the binary cannot be verified and is fetched again.
 */
export async function inspectUvBinary(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
): Promise<InspectedUv> {
  if (!pins) return { state: (await pathExists(uvPath)) ? 'unknown' : 'missing', sha256: null };
  // A folder cannot be hashed, and reading a pipe may never end.
  const status = await stat(uvPath).catch(absentAsNull);
  if (status?.isFile() === false) return { state: 'unknown', sha256: null };
  // Do not hash it all: it may be a sparse file of any size.
  const isTooLong = status !== null && status.size > MAX_ARCHIVE_BYTES;
  const sha256 = isTooLong ? null : await store.digestOf(uvPath);
  if (sha256 === null && !isTooLong) return { state: 'missing', sha256 };
  if (sha256 === pins.wheelBinarySha256) return { state: 'pinned', sha256 };
  const kept = await keptBinary(store, pins.archive);
  if (kept && sha256 === sha256Of(kept)) return { state: 'pinned', sha256 };
  // A mark is not a pin: whoever can plant the binary can plant the mark. It only shows that an install put
  // something there.
  const isOurs = kept !== null || (await readVerifiedMark(uvPath)) !== null || (await store.has(pins.wheel));
  return { state: isOurs ? 'altered' : 'unknown', sha256 };
}

/** `null` when the archive is not in the store, or another run removed it meanwhile. */
async function keptBinary(store: ArtefactStore, archive: Artefact): Promise<Uint8Array | null> {
  if ((await store.verify(archive)) !== 'ok') return null;
  return binaryOf(store, archive).catch(absentAsNull);
}

/**
 * Verifies the uv that is about to run. Without a pin there is nothing to compare with.
 * @returns its digest, `null` when none is pinned.
 * @throws SetupError unless it is the pinned one, of class verification if its bytes differ; it must not be
 * run then.
 */
export async function assertPinnedUv(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
): Promise<string | null> {
  if (!pins) return null;
  const { state, sha256 } = await inspectUvBinary(uvPath, pins, store);
  if (state === 'missing') throw vanishedUv(uvPath);
  if (state === 'altered') throw alteredUv(uvPath);
  if (state === 'unknown') refuseUnknownUv(uvPath);
  return sha256;
}

/**
 * Like `assertPinnedUv`, and marks the binary as verified. For an install, because hours may have passed
 * since the plan.
 */
export async function acceptPinnedUv(
  uvPath: string,
  pins: UvPins | null,
  store: ArtefactStore,
): Promise<void> {
  const identity = await fileIdentity(uvPath);
  const sha256 = await assertPinnedUv(uvPath, pins, store);
  if (sha256 !== null) await markVerified(uvPath, identity, sha256);
}

/** @param error of `readUvVersion`. */
export function givenUvFails(uvPath: string, error: unknown): SetupError {
  const { cause } = error as SetupError;
  return wrongGivenUv(`does not run: ${uvPath}.`, errorMessage(cause), cause);
}

/**
 * @param version output of the program given with `--uv`. @throws SetupError when it is not uv, for example
 * uvx.
 */
export function assertUv(uvPath: string, version: string): void {
  if (!/^uv \d/.test(version))
    throw wrongGivenUv(
      `is not uv: ${uvPath}.`,
      version === '' ? 'uv --version prints nothing' : `uv --version prints: ${version}`,
    );
}

function wrongGivenUv(predicate: string, evidence: string, cause?: unknown): SetupError {
  return new SetupError(`The program that was given with --uv ${predicate}`, {
    failureClass: 'platform',
    evidence: [evidence],
    remedies: [USE_PINNED_UV, otherRemedy('Or give the path of a uv binary')],
    cause,
  });
}

function vanishedUv(uvPath: string): SetupError {
  return new SetupError(`The uv at ${uvPath} disappeared while it was in use.`, {
    failureClass: 'conflict',
    evidence: [`nothing is at ${uvPath} any more`],
    remedies: [retryBecause('uv is fetched then')],
  });
}

function alteredUv(uvPath: string): SetupError {
  return new SetupError(
    `The uv at ${uvPath} was altered: its sha256 is not the pinned one, so it is not run. Restore it: ktx setup --force`,
    { failureClass: 'verification', remedies: [REBUILD] },
  );
}

/** @throws SetupError: on a platform with a pin only the pinned bytes are used, or those given with `--uv`. */
export function refuseUnknownUv(uvPath: string): never {
  throw new SetupError(
    `The uv at ${uvPath} is not the uv ${MANAGED_UV_VERSION} that ktx knows, so it is not run. Delete it, then: ktx setup --force`,
    {
      failureClass: 'verification',
      evidence: ['its sha256 is not the pinned one, and ktx did not put it there'],
      remedies: [
        otherRemedy('Delete it, and ktx fetches the pinned one'),
        otherRemedy(`Use it all the same`, { argv: ['ktx', 'setup', '--uv', uvPath] }),
      ],
    },
  );
}
