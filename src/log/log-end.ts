import { openRegularFile } from '../support/fs/regular-file.ts';

/**
 * The end of a log, where the failure is, in whole lines: half of a line could hold half of a secret, which no pattern
 * recognises.
 * @returns whether something was cut off in `isCut`
 * @throws when the file is absent, or is not a regular file
 */
export async function readLogEnd(path: string, maxBytes: number): Promise<{ text: string; isCut: boolean }> {
  const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY });
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - maxBytes);
    const buffer = Buffer.alloc(size - from);
    await handle.read(buffer, 0, buffer.length, from);
    const text = buffer.toString('utf8');
    const isCut = from > 0;
    return { text: isCut ? text.slice(text.indexOf('\n') + 1) : text, isCut };
  } finally {
    await handle.close();
  }
}
