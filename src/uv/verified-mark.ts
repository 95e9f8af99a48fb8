import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

/**
 * `<uvPath>.verified`: two lines, the identity of the binary and its sha256, written by the install that
 * verified it.
 */
interface VerifiedMark {
  identity: string;
  sha256: string;
}

const MAX_BYTES = 4096;

function markPath(uvPath: string): string {
  return `${uvPath}.verified`;
}

/**
 * Records the digest of the pinned binary, since its archive may leave the store. A failure is ignored: as
 * long as the archive is there, it serves the same purpose.
 * @param identity its `fileIdentity` from before it was hashed; `null` when it had gone.
 */
export async function markVerified(uvPath: string, identity: string | null, sha256: string): Promise<void> {
  if (identity !== null)
    await writeFileAtomic(markPath(uvPath), `${identity}\n${sha256}\n`, 0o644, { isDurable: false }).catch(
      () => {},
    );
}

/** The record of an install; `null` if it is missing or incomplete. */
export async function readVerifiedMark(uvPath: string): Promise<VerifiedMark | null> {
  const text = await readRegularText(markPath(uvPath), { maxBytes: MAX_BYTES }).catch(() => '');
  const [, identity, sha256] = /^(.+)\n([0-9a-f]{64})\n$/.exec(text) ?? [];
  return identity !== undefined && sha256 !== undefined ? { identity, sha256 } : null;
}

/**
 * Whether the binary is unchanged since an install verified it. Does not hash, so it detects accidents but
 * proves nothing.
 */
export async function isMarkedVerified(uvPath: string): Promise<boolean> {
  const [identity, mark] = await Promise.all([fileIdentity(uvPath), readVerifiedMark(uvPath)]);
  return identity !== null && mark?.identity === identity;
}
