import { z } from 'zod';

/** Install levels, in canonical order. */
export const runtimeFeatureSchema = z.enum(['core', 'local-embeddings']);

export type KtxRuntimeFeature = z.infer<typeof runtimeFeatureSchema>;

/** `core` plus the requested features, without duplicates, in canonical order. `[]` gives `['core']`. */
export function normaliseFeatures(features: readonly KtxRuntimeFeature[]): KtxRuntimeFeature[] {
  const wanted = new Set<KtxRuntimeFeature>(['core', ...features]);
  return runtimeFeatureSchema.options.filter((feature) => wanted.has(feature));
}

/** A superset satisfies a subset. */
export function featuresSatisfy(
  installed: readonly KtxRuntimeFeature[],
  requested: readonly KtxRuntimeFeature[],
): boolean {
  return normaliseFeatures(requested).every((feature) => installed.includes(feature));
}
