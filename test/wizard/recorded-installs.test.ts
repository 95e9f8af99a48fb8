import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { honestyOf, type Recording, readRecordings } from '../bench/honesty.ts';

/** Events of real installs, over links of known speeds, on a machine with nothing else to do and under changing load. */
const recordings = readRecordings(join(import.meta.dirname, '../fixtures/installs'));
const all = [...recordings.values()].flat();

const shareWithin = (runs: readonly Recording[]): number => {
  const results = runs.map(honestyOf);
  const sum = (key: 'samples' | 'within') => results.reduce((total, result) => total + result[key], 0);
  return sum('within') / sum('samples');
};
const factorOfLoad = ({ samples, load }: Recording): number =>
  (samples.reduce((sum, { runnable }) => sum + runnable, 0) || load) / Math.max(1, samples.length);

describe('the time left, in recorded installs', () => {
  it('is within 30 % of the truth for 80 % of the time where nothing else runs', () => {
    const quiet = all.filter((recording) => factorOfLoad(recording) <= 2);
    expect(quiet.length).toBeGreaterThan(0);
    expect(shareWithin(quiet)).toBeGreaterThanOrEqual(0.8);
  });

  it('is within 30 % of the truth for most of the time under changing load', () => {
    const busy = all.filter((recording) => factorOfLoad(recording) > 2);
    expect(busy.length).toBeGreaterThan(0);
    expect(shareWithin(busy)).toBeGreaterThanOrEqual(0.7);
  });

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
