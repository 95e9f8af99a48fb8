import { readFile, writeFile } from 'node:fs/promises';
import { fileIdentity } from '../support/file-identity.ts';

/** `<uvPath>.verified`: written by an install that has hashed the binary, read by who cannot wait for that. */
function markPath(uvPath: string): string {
  return `${uvPath}.verified`;
}

/** Remembers that the binary of this identity is the pinned one. Without the mark it is hashed again, so a failure is none. */
export async function markVerified(uvPath: string, identity: string | null): Promise<void> {
  if (identity !== null) await writeFile(markPath(uvPath), `${identity}\n`).catch(() => {});
}

/** The binary is the one that an install has verified, unchanged since. No hash, so a hint about accidents and no proof. */
export async function isMarkedVerified(uvPath: string): Promise<boolean> {
  const [identity, mark] = await Promise.all([
    fileIdentity(uvPath),
    readFile(markPath(uvPath), 'utf8').catch(() => null),
  ]);
  return identity !== null && mark === `${identity}\n`;
}
