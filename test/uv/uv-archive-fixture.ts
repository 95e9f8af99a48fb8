import { gzipSync } from 'node:zlib';

/** Bytes that no text handling survives. */
export const BINARY = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7) % 256));

/** An uncompressed ustar archive; `null` content is a folder. */
export function tar(
  entries: readonly (readonly [name: string, content: Buffer | null])[],
  fileType = '0',
): Buffer {
  const blocks = entries.flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000755\0', 100);
    header.write(`${(content?.length ?? 0).toString(8).padStart(11, '0')}\0`, 124);
    header.write(content === null ? '5' : fileType, 156);
    header.write('ustar\0', 257);
    const padding = Buffer.alloc((512 - ((content?.length ?? 0) % 512)) % 512);
    return content === null ? [header] : [header, content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function tarGz(entries: readonly (readonly [name: string, content: Buffer | null])[]): Buffer {
  return gzipSync(tar(entries));
}
