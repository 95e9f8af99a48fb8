import { describe, expect, it } from 'vitest';
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

describe('a screen at rest', () => {
  it.each(Object.entries(STATES))('writes nothing when nothing changes: %s', async (_name, state) => {
    const screen = await openScreen(state, size);
    const before = screen.bytes();
    await screen.show(state);
    await screen.show({ ...state });
    const after = screen.bytes();
    screen.close();
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
      expect(Math.max(...written)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    },
  );
});
