import { expect, it } from 'vitest';
import { visibleLogRows } from '../../screens/layout/log-rows.ts';
import { pressed } from '../../screens/layout/pressed.ts';
import { foundLines } from '../../src/wizard/log-scroll.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type { InstallingState, WizardState } from '../../src/wizard/state.ts';
import { installing } from '../fixtures/wizard-states.ts';

const lines = Array.from({ length: 300 }, (_, index) =>
  index % 100 === 7 ? `NumPy ${index}` : `line ${index}`,
);
const log = { version: 1, lines, hiddenCount: 1000 };
const context = { size: { columns: 80, rows: 24 }, log, homeDir: '/home/ada', nowMs: 0 };

function typed(keys: readonly string[], start: WizardState = installing()): InstallingState {
  let state = start;
  for (const key of keys) {
    const event = pressed(state, key, context);
    if (event) state = reduce(state, event).next;
  }
  if (state.screen !== 'installing') throw new Error(state.screen);
  return state;
}

it('finds the newest line first, then older ones, and newer ones again', () => {
  const found = typed([...'/numpy', 'enter']);
  expect(found.log).toEqual({ kind: 'pinned', firstLine: 1207 });
  expect(typed(['n'], found).log).toEqual({ kind: 'pinned', firstLine: 1107 });
  expect(typed(['n', 'n', 'n'], found).log).toEqual({ kind: 'pinned', firstLine: 1007 });
  expect(typed(['n', 'n', 'N'], found).log).toEqual({ kind: 'pinned', firstLine: 1107 });
});

it('takes every key for text while it is typed, and leaves with escape', () => {
  const typing = typed([...'/fqn', 'space', 'backspace']);
  expect(typing.find).toEqual({ text: 'fqn', isTyping: true });
  expect(typing.isLogFull).toBe(false);
  expect(typed(['ctrl+u'], typing).find?.text).toBe('');
  expect(typed(['escape'], typing).find).toBeNull();
  expect(typed(['enter'], typed(['/'])).find).toBeNull();
});

it('takes a pasted text, and asks whether to stop all the same', () => {
  const typing = typed(['/']);
  const pasted = reduce(typing, { type: 'text', text: 'numpy\nq' }).next as InstallingState;
  expect(pasted.find?.text).toBe('numpy');
  expect(typed(['ctrl+c'], pasted).stopQuestion).toEqual({ cursor: 0 });
  expect(typed(['ctrl+c', 'n'], pasted).stopQuestion).toBeNull();
});

it('stays where it is when there is no such line', () => {
  expect(typed([...'/pandas', 'enter']).log).toEqual({ kind: 'follow' });
  const view = { logStart: 0, logEnd: 3, logRows: 2 };
  expect(foundLines(['a', 'b', 'a'], 'a', { kind: 'pinned', firstLine: 0 }, view)).toEqual({
    above: null,
    below: 2,
  });
});

it('wraps long lines so that all of them can be read', () => {
  const long = { version: 1, lines: ['short', 'x'.repeat(25), 'end'], hiddenCount: 10 };
  const view = { logStart: 10, logEnd: 13, logRows: 4 };
  const texts = (isWrapped: boolean, kind: 'follow' | 'pinned') =>
    visibleLogRows(long, kind === 'follow' ? { kind } : { kind, firstLine: 10 }, view, 10, isWrapped).map(
      ({ text }) => text,
    );
  expect(texts(false, 'follow')).toEqual(['short', 'x'.repeat(25), 'end']);
  expect(texts(true, 'follow')).toEqual(['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5), 'end']);
  expect(texts(true, 'pinned')).toEqual(['short', 'x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)]);
  expect(typed(['w']).isWrapped).toBe(true);
});
