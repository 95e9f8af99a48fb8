import { createHash } from 'node:crypto';
import type { RuntimeLock } from '../shipped/lock.ts';
import { CancelledError } from '../support/errors.ts';
import { nodePins } from './app-members.ts';
import { BundleError, type BundleRefusal } from './archive/bundle-error.ts';
import { type BundleFile, openBundleFile } from './archive/bundle-file.ts';
import {
  type BundleContents,
  type BundleMember,
  CONTENTS_PATH,
  DIGEST_PATH,
  digestLine,
  MAX_CONTENTS_BYTES,
  MAX_SIGNATURE_BYTES,
  SIGNATURE_PATH,
} from './archive/bundle-schema.ts';
import { parseContents } from './archive/parse-contents.ts';
import { alteredParts } from './archive/part-sums.ts';
import { type ArchiveMember, readArchive } from './archive/read-archive.ts';
import { pinnedArtefacts, storePathOf } from './pins.ts';
import { judgeSignature, type SignatureVerdict, type TrustedKey } from './signature.ts';

/** Documents are for people and never run; only this name is allowed, at the top level. */
const DOCUMENT = /^sbom\.cdx\.json$/;

/** What this program requires of bundles: its own pins, and the user's trusted signers. */
export interface BundleTrust {
  lock: RuntimeLock;
  lockSha256: string;
  wheelSha256: string;
  cliVersion: string;
  /** Digests of this program's files by their path in a bundle; called only for bundles that contain them. */
  appFiles: () => Promise<ReadonlyMap<string, string>>;
  /** Keys from the trust file; `null` without one. */
  signers: readonly TrustedKey[] | null;
  isSignatureRequired: boolean;
}

export interface VerifiedBundle {
  contents: BundleContents;
  /** sha256 of `bundle.json`, which covers everything else. */
  contentsSha256: string;
  sizeBytes: number;
  /** `null` when the bundle is not signed, or no trust file was given. */
  signature: SignatureVerdict | null;
}

export interface VerifyOptions {
  signal?: AbortSignal;
  onBytes?: (doneBytes: number, totalBytes: number) => void;
  /** Receives the content of each member; its bytes have not been verified yet. */
  onMember?: (member: BundleMember, body: AsyncIterable<Buffer>) => Promise<void>;
}

/**
 * Reads a bundle once from start to end and checks every byte against `bundle.json`, and `bundle.json`
 * against what this program has pinned. Runs and changes nothing.
 * @throws BundleError for the first problem; CancelledError; the file system's error.
 */
export async function verifyBundle(
  path: string,
  trust: BundleTrust,
  options: VerifyOptions = {},
): Promise<VerifiedBundle> {
  const file = await openBundleFile(path);
  try {
    return await verifyFile(file, trust, options);
  } catch (error) {
    throw await withAlteredParts(error, file, options.signal);
  } finally {
    await file.close();
  }
}

/**
 * Faults that another copy may fix. A bundle that is intact but not acceptable is refused without reading all
 * of it.
 */
const COPY_FAULTS: readonly BundleRefusal[] = ['truncated', 'structure', 'contents', 'digest'];

/** Names the parts to copy again, if that can be determined. @throws CancelledError. */
async function withAlteredParts(
  error: unknown,
  { path, segments }: BundleFile,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const isSplit = segments.length > 1 && segments.every((segment) => 'path' in segment);
  if (!(error instanceof BundleError) || !isSplit || !COPY_FAULTS.includes(error.refusal)) return error;
  const altered = await alteredParts(path, signal).catch((problem: unknown) => {
    if (problem instanceof CancelledError) throw problem;
    return [];
  });
  if (altered.length > 0) error.explain(altered, []);
  return error;
}

/**
 * The contents as stated by the bundle, before its structure and digests are checked. @throws as
 * `verifyBundle`.
 */
export async function readBundleContents(path: string, signal?: AbortSignal): Promise<BundleContents> {
  const file = await openBundleFile(path);
  try {
    for await (const member of readArchive(file, signal)) return parseContents(await contentsOf(member));
    throw notABundle('it is empty');
  } finally {
    await file.close();
  }
}

async function verifyFile(
  file: BundleFile,
  trust: BundleTrust,
  { signal, onBytes, onMember }: VerifyOptions,
): Promise<VerifiedBundle> {
  const members = readArchive(counted(file, onBytes), signal);
  try {
    const first = await members.next();
    if (first.done) throw notABundle('it is empty');
    const bytes = await contentsOf(first.value);
    const contentsSha256 = createHash('sha256').update(bytes).digest('hex');
    await assertDigest(await members.next(), contentsSha256);
    const contents = parseContents(bytes);
    assertMadeForThis(contents, trust);
    assertPinned(contents, trust.lock);
    await assertOwnApp(contents, trust);
    let next = await members.next();
    let signature: SignatureVerdict | null = null;
    if (!next.done && next.value.path === SIGNATURE_PATH) {
      const text = await wholeBody(next.value, MAX_SIGNATURE_BYTES);
      signature = trust.signers && judgeSignature(bytes, text.toString('latin1'), trust.signers);
      next = await members.next();
    } else if (trust.isSignatureRequired) {
      throw new BundleError('not-signed', 'The bundle is not signed, and a signature is required');
    }
    assertSignature(signature, trust);
    for (const wanted of contents.members.filter(({ isOmitted }) => !isOmitted)) {
      if (next.done) throw unexpected(`it ends before ${wanted.path}`);
      await assertMember(next.value, wanted, onMember);
      next = await members.next();
    }
    if (!next.done) throw unexpected(`${next.value.path} is not in its list, or not in that place`);
    return { contents, contentsSha256, sizeBytes: file.sizeBytes, signature };
  } finally {
    await members.return(undefined);
  }
}

function counted(file: BundleFile, onBytes: VerifyOptions['onBytes']): BundleFile {
  if (!onBytes) return file;
  let doneBytes = 0;
  return {
    ...file,
    async read(maxBytes) {
      const piece = await file.read(maxBytes);
      doneBytes += piece.length;
      onBytes(doneBytes, file.sizeBytes);
      return piece;
    },
  };
}

async function contentsOf(member: ArchiveMember): Promise<Buffer> {
  if (member.path !== CONTENTS_PATH) throw notABundle(`it begins with ${member.path}`);
  return wholeBody(member, MAX_CONTENTS_BYTES);
}

async function wholeBody(member: ArchiveMember, maxBytes: number): Promise<Buffer> {
  if (member.sizeBytes > maxBytes)
    throw new BundleError('structure', `${member.path} of the bundle is too large`, [
      `${member.sizeBytes} bytes`,
    ]);
  const pieces: Buffer[] = [];
  for await (const piece of member.body()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** Detects accidents only; anyone who rewrites one can rewrite the other. */
async function assertDigest(next: IteratorResult<ArchiveMember>, contentsSha256: string): Promise<void> {
  if (next.done || next.value.path !== DIGEST_PATH) throw unexpected(`${DIGEST_PATH} is missing`);
  const line = await wholeBody(next.value, MAX_SIGNATURE_BYTES);
  if (line.toString('latin1') === digestLine(contentsSha256)) return;
  throw new BundleError('digest', `${CONTENTS_PATH} of the bundle was altered`, [
    `found sha256 ${contentsSha256}`,
    `${DIGEST_PATH} says ${line.toString('latin1').trim()}`,
  ]);
}

function assertMadeForThis(contents: BundleContents, trust: BundleTrust): void {
  if (contents.lockSha256 === trust.lockSha256 && contents.wheelSha256 === trust.wheelSha256) return;
  throw new BundleError('other-version', 'The bundle was made by another version of ktx', [
    `it was made by ktx ${contents.cliVersion} for lock ${contents.lockSha256.slice(0, 12)}…`,
    `this is ktx ${trust.cliVersion} with lock ${trust.lockSha256.slice(0, 12)}…`,
  ]);
}

/** A bundle cannot vouch for itself: this program knows the digest of everything that an install uses. */
function assertPinned({ members }: BundleContents, lock: RuntimeLock): void {
  const pinned = pinnedArtefacts(lock);
  const nodes = nodePins();
  for (const member of members) {
    const problem = pinProblem(member, pinned, nodes);
    if (problem !== null) throw notPinned(member, problem);
  }
}

const UNKNOWN = 'its digest is not among those that this program carries';

function pinProblem(
  { kind, path, sha256, sizeBytes }: BundleMember,
  pinned: ReturnType<typeof pinnedArtefacts>,
  nodes: ReturnType<typeof nodePins>,
): string | null {
  if (kind === 'app') return null;
  if (kind === 'document')
    return DOCUMENT.test(path) ? null : 'it claims to be a document, and has no name of one';
  const node = kind === 'node' ? nodes.get(sha256) : undefined;
  const artefact = kind === 'node' ? undefined : pinned.get(sha256);
  const known = node
    ? { kind, path: node.path, sizeBytes: node.pin.binarySizeBytes }
    : artefact && { ...artefact, path: storePathOf(artefact) };
  if (!known) return UNKNOWN;
  if (known.kind !== kind) return `it claims to be of kind ${kind}, and is of kind ${known.kind}`;
  if (known.path !== path) return `it is known as ${known.path}`;
  if (known.sizeBytes !== null && known.sizeBytes !== sizeBytes)
    return `it claims to have ${sizeBytes} bytes, and has ${known.sizeBytes}`;
  return null;
}

/** The program in a bundle must match the running one: each version has exactly one build. */
async function assertOwnApp({ members }: BundleContents, { appFiles }: BundleTrust): Promise<void> {
  const carried = members.filter(({ kind }) => kind === 'app');
  if (carried.length === 0) return;
  const own = await appFiles();
  for (const member of carried) {
    const known = own.get(member.path);
    if (known === undefined) throw notPinned(member, 'this program has no such file');
    if (known !== member.sha256) throw notPinned(member, 'this program has another file there');
  }
}

function notPinned({ path, sha256 }: BundleMember, problem: string): BundleError {
  return new BundleError('not-pinned', `This ktx does not know ${path} of the bundle`, [
    problem,
    `its sha256 is ${sha256}`,
  ]);
}

function assertSignature(signature: SignatureVerdict | null, trust: BundleTrust): void {
  if (signature !== null && !signature.isTrusted)
    throw new BundleError('signature', 'The signature of the bundle is not accepted', [signature.reason]);
  if (trust.isSignatureRequired && signature === null)
    throw new BundleError('not-signed', 'A signature is required, and no trust file names the signers', [
      'Name one with --trust <file>, in the format of allowed_signers',
    ]);
}

async function assertMember(
  member: ArchiveMember,
  wanted: BundleMember,
  onMember: VerifyOptions['onMember'],
): Promise<void> {
  if (member.path !== wanted.path) throw unexpected(`${member.path} stands where ${wanted.path} should`);
  if (member.sizeBytes !== wanted.sizeBytes)
    throw new BundleError('digest', `${wanted.path} of the bundle has another size than its list says`, [
      `${member.sizeBytes} bytes, listed ${wanted.sizeBytes}`,
    ]);
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const piece of member.body()) {
      hash.update(piece);
      yield piece;
    }
  };
  if (onMember) await onMember(wanted, hashed());
  else for await (const _ of hashed());
  const actual = hash.digest('hex');
  if (actual === wanted.sha256) return;
  throw new BundleError('digest', `${wanted.path} of the bundle was altered`, [
    `expected sha256 ${wanted.sha256}`,
    `found sha256 ${actual}`,
  ]);
}

function unexpected(what: string): BundleError {
  return new BundleError('structure', 'The bundle does not hold what it lists', [what]);
}

function notABundle(what: string): BundleError {
  return new BundleError('not-a-bundle', 'This file is not a ktx bundle', [what]);
}
