import { describe, expect, it } from 'vitest';
import { choiceGap, scrollWords } from '../../../screens/layout/choices-around.ts';
import { fittingHints, separatorOf } from '../../../screens/layout/footer.ts';
import { columnsOf } from '../../../src/support/text/columns.ts';

const choices = (...labels: string[]) => labels.map((label) => ({ id: label, label }));
const ABOVE_AND_BELOW = { hasMoreAbove: true, hasMoreBelow: true };

describe('choices in a row', () => {
  it.each([
    [80, 4],
    [50, 3],
    [43, 1],
    [38, 0],
    [20, 0],
  ])('stand closer in %i columns: a gap of %i', (columns, gap) => {
    expect(choiceGap(choices('Installieren', 'Quellen', 'Bündel', 'Zurück'), columns, 4)).toBe(gap);
  });
});

describe('the mark of more choices', () => {
  it('is a word where the last label leaves room for it', () => {
    expect(scrollWords({ choices: choices('Back'), ...ABOVE_AND_BELOW }, 40)).toBe('↑ ↓ more');
  });

  it('is the arrows beside a label that needs the room', () => {
    expect(scrollWords({ choices: choices('a'.repeat(30)), ...ABOVE_AND_BELOW }, 40)).toBe('↑ ↓');
  });

  it('is nothing where all choices are visible', () => {
    const all = { choices: choices('Back'), hasMoreAbove: false, hasMoreBelow: false };
    expect(scrollWords(all, 40)).toBe('');
  });
});

describe('the hints of a footer', () => {
  const hints = ['s Daemon starten', 'space Details', 'enter fertig', 'esc Menü', '? Hilfe', 'q beenden'].map(
    (text) => ({ label: text.slice(0, text.indexOf(' ')), hint: text.slice(text.indexOf(' ') + 1) }),
  );

  it.each([75, 78, 79, 80])('stand closer before one is dropped: %i columns', (columns) => {
    const separator = separatorOf(hints, columns);
    expect(fittingHints(hints, columns)).toEqual(hints);
    const line = hints.map(({ label, hint }) => `${label} ${hint}`).join(separator);
    expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  });

  it('has one less where even that is too wide', () => {
    expect(fittingHints(hints, 74).length).toBe(hints.length - 1);
  });
});
