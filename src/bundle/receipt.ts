import { hostname } from 'node:os';
import { formatBytes } from '../support/text/format.ts';
import type { VerifiedBundle } from './verify.ts';

/** A record for auditors: that this bundle was checked, by which program, when, and what it contains. */
export interface BundleReceipt {
  schemaVersion: 1;
  type: 'bundle-receipt';
  bundle: string;
  sizeBytes: number;
  /** Covers every member by digest: the same value means the same content. */
  contentsSha256: string;
  checkedAt: string;
  checkedBy: string;
  host: string;
  signedBy: { principals: string; fingerprint: string } | null;
  cliVersion: string;
  platforms: readonly string[];
  features: readonly string[];
  members: readonly { path: string; sha256: string; sizeBytes: number; licence: string }[];
}

/** @param now when the check ended */
export function receiptOf(
  path: string,
  verified: VerifiedBundle,
  programVersion: string,
  now: Date,
): BundleReceipt {
  const { contents, contentsSha256, sizeBytes, signature } = verified;
  return {
    schemaVersion: 1,
    type: 'bundle-receipt',
    bundle: path,
    sizeBytes,
    contentsSha256,
    checkedAt: now.toISOString(),
    checkedBy: `ktx ${programVersion}`,
    host: hostname(),
    signedBy: signature?.isTrusted
      ? { principals: signature.principals, fingerprint: signature.fingerprint }
      : null,
    cliVersion: contents.cliVersion,
    platforms: contents.platforms,
    features: contents.features,
    members: contents.members
      .filter(({ isOmitted }) => !isOmitted)
      .map(({ path: name, sha256, sizeBytes: bytes, licence }) => ({
        path: name,
        sha256,
        sizeBytes: bytes,
        licence,
      })),
  };
}

/** The receipt for people. */
export function receiptLines(receipt: BundleReceipt): string[] {
  const { signedBy } = receipt;
  return [
    `✓ ${receipt.bundle} is whole: ${receipt.members.length} files, ${formatBytes(receipt.sizeBytes)}, every byte as listed and pinned`,
    `  contents  sha256 ${receipt.contentsSha256}`,
    `  made for  ktx ${receipt.cliVersion}, ${receipt.features.join(' and ')}, ${receipt.platforms.join(', ')}`,
    signedBy
      ? `  signed by ${signedBy.principals} (${signedBy.fingerprint})`
      : '  its signature was not checked',
    `  checked   ${receipt.checkedAt} by ${receipt.checkedBy} on ${receipt.host}`,
  ];
}
