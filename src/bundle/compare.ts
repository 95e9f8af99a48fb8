import type { BundleContents, BundleMember } from './archive/bundle-schema.ts';

/**
 * The difference between two bundles. Members are matched by path; one with a different digest is changed.
 */
export interface BundleDifference {
  added: readonly BundleMember[];
  removed: readonly BundleMember[];
  changed: readonly { before: BundleMember; after: BundleMember }[];
  /** Bytes that the older bundle does not contain. */
  newBytes: number;
}

/** Compares the lists of two bundles. Pure. */
export function compareBundles(older: BundleContents, newer: BundleContents): BundleDifference {
  const before = new Map(older.members.map((member) => [member.path, member]));
  const after = new Map(newer.members.map((member) => [member.path, member]));
  const added = newer.members.filter(({ path }) => !before.has(path));
  const removed = older.members.filter(({ path }) => !after.has(path));
  const changed = newer.members.flatMap((member) => {
    const earlier = before.get(member.path);
    return earlier && earlier.sha256 !== member.sha256 ? [{ before: earlier, after: member }] : [];
  });
  const held = new Set(older.members.map(({ sha256 }) => sha256));
  const newBytes = newer.members
    .filter(({ sha256 }) => !held.has(sha256))
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { added, removed, changed, newBytes };
}
