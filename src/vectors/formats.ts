/** JSON lines, or a table of numpy's. */
export const VECTOR_FORMATS = ['jsonl', 'npy'] as const;
export type VectorFormat = (typeof VECTOR_FORMATS)[number];
