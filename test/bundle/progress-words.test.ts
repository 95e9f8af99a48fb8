import { expect, it } from 'vitest';
import { progressTeller, progressWords } from '../../src/bundle/progress-words.ts';

it('says bytes, speed and time left', () => {
  expect(progressWords(1_600_000_000, 4_000_000_000, 2000)).toBe(
    '40 %, 1.6 GB of 4.0 GB, 800 MB/s, 3.0 s left',
  );
  expect(progressWords(4_000_000_000, 4_000_000_000, 5000)).toBe('100 %, 4.0 GB of 4.0 GB, 800 MB/s');
  expect(progressWords(512, 4_000_000_000, 9)).toBe('0 %, 512 B of 4.0 GB, 57 kB/s');
  expect(progressWords(0, 4_000_000_000, 0)).toBe('0 %, 0 B of 4.0 GB');
});

it('says it at every tenth, at most once a second, and at the end', () => {
  let nowMs = 0;
  const said: string[] = [];
  const tell = progressTeller(
    (text) => said.push(text),
    () => nowMs,
  );
  for (let doneBytes = 0; doneBytes <= 1000; doneBytes += 10, nowMs += 25) tell(doneBytes, 1000);
  expect(said.map((text) => text.split(',')[0])).toEqual(['40 %', '80 %', '100 %']);
});

it('says it every ten seconds where little arrives', () => {
  let nowMs = 0;
  const said: string[] = [];
  const tell = progressTeller(
    (text) => said.push(text),
    () => nowMs,
  );
  for (; nowMs < 35_000; nowMs += 100) tell(5, 1000);
  expect(said).toHaveLength(3);
});
