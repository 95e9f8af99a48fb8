/** JSON lines, or a numpy array. */
export const VECTOR_FORMATS = ['jsonl', 'npy'] as const;
export type VectorFormat = (typeof VECTOR_FORMATS)[number];
