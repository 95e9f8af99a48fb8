import { readFile, writeFile } from 'node:fs/promises';
import { fileIdentity } from '../support/fs/file-identity.ts';

/** `<uvPath>.verified`: two lines, the identity of the binary and its sha256, written by an install that has verified it. */
interface VerifiedMark {
  identity: string;
  sha256: string;
}

function markPath(uvPath: string): string {
  return `${uvPath}.verified`;
}

/**
 * Remembers what the pinned binary is: its archive may leave the store. A failure is none yet: as long as the archive is there, it
 * says the same.
 * @param identity its `fileIdentity` from before it was hashed; `null` when it had gone.
 */
export async function markVerified(uvPath: string, identity: string | null, sha256: string): Promise<void> {
  if (identity !== null) await writeFile(markPath(uvPath), `${identity}\n${sha256}\n`).catch(() => {});
}

/** What an install wrote down, or `null`: nothing, or nothing whole. */
export async function readVerifiedMark(uvPath: string): Promise<VerifiedMark | null> {
  const text = await readFile(markPath(uvPath), 'utf8').catch(() => '');
  const [, identity, sha256] = /^(.+)\n([0-9a-f]{64})\n$/.exec(text) ?? [];
  return identity !== undefined && sha256 !== undefined ? { identity, sha256 } : null;
}

/** The binary is the one that an install has verified, unchanged since. No hash, so a hint about accidents and no proof. */
export async function isMarkedVerified(uvPath: string): Promise<boolean> {
  const [identity, mark] = await Promise.all([fileIdentity(uvPath), readVerifiedMark(uvPath)]);
  return identity !== null && mark?.identity === identity;
}
