/** A run of bytes in a bundle: a file, or the archive data between two files of a folder. */
export type BundleSegment = { readonly sizeBytes: number } & (
  | { readonly bytes: Buffer }
  | { readonly path: string; readonly within?: string }
);
