import { afterAll, describe, expect, it } from 'vitest';
import { isBusy, type WizardState } from '../../src/wizard/state.ts';
import { openScreen } from '../fixtures/screen.ts';
import { STATES } from '../fixtures/screen-states.ts';

/** What a slow line carries without anybody noticing. */
const MAX_FRAME_BYTES = 200;

const size = { columns: 80, rows: 24 };
const later = (state: WizardState, seconds: number): WizardState => ({
  ...state,
  nowMs: state.nowMs + 1000 * seconds,
});

/** Bytes of each tick of the clock, and of each screen that was shown again unchanged. */
const ticks: number[] = [];
const repeats: number[] = [];
// The figures, not only that they are within the limit.
afterAll(() => {
  console.log(
    `${repeats.length} screens at rest: ${Math.max(...repeats)} bytes when nothing changes; a tick of the clock writes ${Math.min(...ticks)} to ${Math.max(...ticks)} bytes (at most ${MAX_FRAME_BYTES})`,
  );
});

describe('a screen at rest', () => {
  it.each(Object.entries(STATES))('writes nothing when nothing changes: %s', async (_name, state) => {
    const screen = await openScreen(state, size);
    const before = screen.bytes();
    await screen.show(state);
    await screen.show({ ...state });
    const after = screen.bytes();
    screen.close();
    repeats.push(after - before);
    expect(after - before).toBe(0);
  });

  it.each(Object.entries(STATES).filter(([, state]) => isBusy(state)))(
    'writes little when only the clock ticks: %s',
    async (_name, state) => {
      const screen = await openScreen(later(state, 1), size);
      const written: number[] = [];
      for (const seconds of [2, 3, 4, 5]) {
        const before = screen.bytes();
        await screen.show(later(state, seconds));
        written.push(screen.bytes() - before);
      }
      screen.close();
      ticks.push(...written);
      expect(Math.max(...written)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    },
  );
});
