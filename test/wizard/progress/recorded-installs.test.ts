import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { honestyOf, type Recording, readRecordings } from '../../bench/honesty.ts';

/** Events of real installs, with and without embeddings, over links of known speeds, on a machine with little else to do (12 MB/s) and under changing load (4 MB/s). */
const recordings = readRecordings(join(import.meta.dirname, '../../fixtures/installs'));
const all = [...recordings.values()].flat();

const shareWithin = (runs: readonly Recording[]): number => {
  const results = runs.map(honestyOf);
  const sum = (key: 'samples' | 'within') => results.reduce((total, result) => total + result[key], 0);
  return sum('within') / sum('samples');
};

describe('the time left, in recorded installs', () => {
  it.each([...recordings])(
    'over %d bytes a second is within 30 %% of the truth for 80 %% of the time',
    (_, runs) => {
      expect(shareWithin(runs)).toBeGreaterThanOrEqual(0.8);
    },
  );

  it('is shown from two seconds on', () => {
    for (const recording of all) {
      const { shown, samples } = honestyOf(recording);
      expect(shown).toBe(samples);
    }
  });

  it('never makes the bar go back', () => {
    for (const recording of all) expect(honestyOf(recording).hasGoneBack).toBe(false);
  });
});
