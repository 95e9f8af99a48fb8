/** Install levels, in canonical order. */
export const RUNTIME_FEATURES = ['core', 'local-embeddings'] as const;

export type KtxRuntimeFeature = (typeof RUNTIME_FEATURES)[number];

/** `core` plus the requested features, without duplicates, in canonical order. `[]` gives `['core']`. */
export function normaliseFeatures(features: readonly KtxRuntimeFeature[]): KtxRuntimeFeature[] {
  const wanted = new Set<KtxRuntimeFeature>(['core', ...features]);
  return RUNTIME_FEATURES.filter((feature) => wanted.has(feature));
}

/** A superset satisfies a subset. */
export function featuresSatisfy(
  installed: readonly KtxRuntimeFeature[],
  requested: readonly KtxRuntimeFeature[],
): boolean {
  return normaliseFeatures(requested).every((feature) => installed.includes(feature));
}
