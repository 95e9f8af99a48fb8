import { join } from 'node:path';
import { sharedLayout } from './layout.ts';

/** The model of `local-embeddings`, pinned by revision because its vectors are compared with references. */
export const EMBEDDINGS_MODEL = {
  repository: 'sentence-transformers/all-MiniLM-L6-v2',
  name: 'all-MiniLM-L6-v2',
  revision: '1110a243fdf4706b3f48f1d95db1a4f5529b4d41',
} as const;

/**
 * The model's folder, `<runtimeRoot>/uv/models/<name>@<revision>`. The daemon reads the model from nowhere
 * else.
 */
export function embeddingsModelDir(runtimeRoot: string): string {
  return join(sharedLayout(runtimeRoot).modelsDir, `${EMBEDDINGS_MODEL.name}@${EMBEDDINGS_MODEL.revision}`);
}
