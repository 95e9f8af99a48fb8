import { afterEach, expect, it, vi } from 'vitest';
import { openScreen } from '../fixtures/screen.ts';
import { STATES } from '../fixtures/screen-states.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('answers a key at once, also when the log has just caused a frame', async () => {
  const { installing } = STATES;
  const states = ['smaller', 'full'].map((_, index) => ({ ...installing!, isLogFull: index === 0 }));
  let shown = 0;
  const screen = await openScreen(installing!, {
    columns: 80,
    rows: 24,
    answer: () => states[shown++ % 2] as typeof installing & object,
  });
  // No frame that is put off is ever shown.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  expect(await screen.press('f')).toContain('smaller log');
  expect(await screen.press('f')).toContain('full log');
  vi.useRealTimers();
  screen.close();
});
