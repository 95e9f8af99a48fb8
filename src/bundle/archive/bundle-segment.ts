/** Bytes of a bundle that follow each other: a file, or what stands between two files of a folder. */
export type BundleSegment = { readonly sizeBytes: number } & (
  | { readonly bytes: Buffer }
  | { readonly path: string; readonly within?: string }
);
