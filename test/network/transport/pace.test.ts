import { expect, it } from 'vitest';
import { createPacer, paceWindowOf } from '../../../src/network/transport/pace.ts';

const kilobytes = (count: number) => new Uint8Array(count * 1000);

/** A clock that chunks move: each takes its seconds. */
function clock() {
  let nowMs = 0;
  return {
    now: () => nowMs,
    async *body(chunks: readonly [seconds: number, bytes: Uint8Array][]) {
      for (const [seconds, bytes] of chunks) {
        nowMs += seconds * 1000;
        yield bytes;
      }
    },
  };
}

async function slowWindows(chunks: readonly [number, Uint8Array][]): Promise<[number, number][]> {
  const { now, body } = clock();
  const seen: [number, number][] = [];
  const pacer = createPacer(paceWindowOf({ idleTimeoutMs: null }), now);
  for await (const _ of pacer.paced(body(chunks), (bytes, ms) => void seen.push([bytes, ms])));
  return seen;
}

it('a source must send 20 kB in 20 seconds', async () => {
  expect(await slowWindows([[20, kilobytes(19)]])).toEqual([[19_000, 20_000]]);
  expect(await slowWindows([[20, kilobytes(20)]])).toEqual([]);
  expect(await slowWindows([[19, kilobytes(1)]])).toEqual([]);
  expect(await slowWindows([[40, kilobytes(39)]])).toEqual([[39_000, 40_000]]);
});

it('each window counts for itself', async () => {
  const chunks: [number, Uint8Array][] = [
    [20, kilobytes(500)],
    [20, kilobytes(1)],
    [20, kilobytes(30)],
  ];
  expect(await slowWindows(chunks)).toEqual([[1000, 20_000]]);
});

it('who is told to be less patient with silence is less patient with this too', () => {
  expect(paceWindowOf({ idleTimeoutMs: null })).toBe(20_000);
  expect(paceWindowOf({ idleTimeoutMs: 5000 })).toBe(5000);
  expect(paceWindowOf({ idleTimeoutMs: 60_000 })).toBe(20_000);
});

/** Two bodies that take turns on one line. */
async function slowOfTwo(one: Uint8Array, other: Uint8Array): Promise<string[]> {
  let nowMs = 0;
  const pacer = createPacer(20_000, () => nowMs);
  const slow: string[] = [];
  const turns = (name: string, bytes: Uint8Array) =>
    pacer
      .paced(
        (async function* () {
          for (let count = 0; count < 3; count++) yield bytes;
        })(),
        () => void slow.push(name),
      )
      [Symbol.asyncIterator]();
  const [first, second] = [turns('first', one), turns('second', other)];
  await Promise.all([first.next(), second.next()]);
  nowMs += 20_000;
  await Promise.all([first.next(), second.next()]);
  await Promise.all([first.next(), second.next()]);
  return slow;
}

it('a line that many share is slow, not those who share it', async () => {
  expect(await slowOfTwo(kilobytes(12), kilobytes(12))).toEqual([]);
});

it('who is too slow beside others that do is slow', async () => {
  expect(await slowOfTwo(kilobytes(1), kilobytes(900))).toEqual(['first']);
  expect(await slowOfTwo(kilobytes(1), kilobytes(1))).toEqual(['first', 'second']);
});
