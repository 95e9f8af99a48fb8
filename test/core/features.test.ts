import { describe, expect, it } from 'vitest';
import { runtimeFeatureSchema } from '../../src/core/feature-schema.ts';
import { featuresSatisfy, normaliseFeatures } from '../../src/core/features.ts';

describe('features', () => {
  it.each([
    [[], ['core']],
    [['core'], ['core']],
    [['local-embeddings'], ['core', 'local-embeddings']],
    [
      ['local-embeddings', 'core', 'local-embeddings'],
      ['core', 'local-embeddings'],
    ],
  ] as const)('%j becomes %j', (given, expected) => {
    expect(normaliseFeatures(given)).toEqual(expected);
  });

  it('a superset satisfies a subset and not the other way round', () => {
    expect(featuresSatisfy(['core', 'local-embeddings'], ['core'])).toBe(true);
    expect(featuresSatisfy(['core'], ['local-embeddings'])).toBe(false);
    expect(featuresSatisfy(['local-embeddings'], [])).toBe(false);
  });

  it('the schema keeps the canonical order', () => {
    expect(runtimeFeatureSchema.options).toEqual(['core', 'local-embeddings']);
    expect(() => runtimeFeatureSchema.parse('gpu')).toThrow();
  });
});
