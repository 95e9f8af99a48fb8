import { describe, expect, it } from 'vitest';
import { readyChoices } from '../../src/wizard/choices.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { openScreen } from '../fixtures/screen.ts';
import { STATES } from '../fixtures/screen-states.ts';
import { DEMO_UNDO } from '../pty/demo-data.ts';

const SMALL = { columns: 40, rows: 12 };

async function linesAt(state: WizardState, size: { columns: number; rows: number }): Promise<string[]> {
  const screen = await openScreen(state, size);
  const lines = screen.lines();
  screen.close();
  return lines;
}

describe('in a small window', () => {
  it.each(Object.keys(STATES).filter((name) => !/^(left|loading|help)/.test(name)))(
    'the help cuts no hint: %s',
    async (name) => {
      const lines = await linesAt({ ...STATES[name]!, isHelpOpen: true } as WizardState, SMALL);
      expect(lines.filter((line) => line.includes('\u2026'))).toEqual([]);
    },
  );

  it('a whole note is shown, or the last one ends with a mark', async () => {
    const lines = await linesAt(STATES['features with a reason']!, SMALL);
    expect(lines.slice(6, 10)).toEqual([
      'orders_dbt uses Looker identifier',
      'parsing',
      'Already here: uv 0.11.21 \u2713 \u00b7 not yet: \u2026',
      'ktx 0.2.0 (core) stays as it is.',
    ]);
  });

  it('the mark of more choices leaves a long choice whole', async () => {
    const lines = await linesAt(STATES['ready']!, SMALL);
    expect(lines[9]).toBe('  Undo or redo the last installation   \u2193');
  });

  it('the question before an undo names both environments', async () => {
    const text = (await linesAt(STATES['asked to undo on the checks']!, SMALL))
      .join(' ')
      .replace(/\s+/g, ' ');
    expect(text).toContain('Go back to the environment of 2026-10-01 08:30?');
    expect(text).toContain('in \u2026/envs/7f3c0000');
    expect(text).toContain('in \u2026/envs/5b2a0000');
  });

  it('after a repair u undoes it, and no row promises another undo', async () => {
    const state = { ...STATES['repaired']!, undo: DEMO_UNDO } as WizardState;
    const text = (await linesAt(state, { columns: 80, rows: 24 })).join('\n');
    expect(text).toContain('(u undoes it)');
    expect(text).not.toContain('u goes back');
  });

  it('why a group is skipped is whole', async () => {
    const text = (await linesAt(STATES['checked']!, { columns: 64, rows: 24 })).join(' ');
    expect(text.replace(/\s+/g, ' ')).toContain('1 check · skipped: feature not installed');
  });

  it('a title takes the whole width where nothing stands beside it', async () => {
    expect((await linesAt(STATES['started']!, SMALL))[1]).toBe('\u2713 The ktx daemon is running');
  });
});

it.each([
  [undefined, 'shows both environments first'],
  [null, 'no other environment is kept'],
  [DEMO_UNDO, 'back to the one of 2026-10-01 08:30'],
  [{ ...DEMO_UNDO, direction: 'forward' as const }, 'forward to the one of 2026-10-01 08:30'],
])('the menu names where an undo leads, at the pointer', async (undo, words) => {
  const ready = STATES['ready']!;
  if (ready.screen !== 'ready') throw new Error(ready.screen);
  const cursor = readyChoices(ready).findIndex(({ id }) => id === 'undo');
  const shown = { ...ready, cursor, overview: { ...ready.overview, undo } };
  const lines = await linesAt(shown, { columns: 80, rows: 24 });
  expect(lines.find((line) => line.includes('Undo or redo'))).toContain(words);
});
