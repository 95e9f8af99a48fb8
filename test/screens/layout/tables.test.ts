import { expect, it } from 'vitest';
import { checkRows } from '../../../screens/layout/check-rows.ts';
import { failureLayout } from '../../../screens/layout/failure-layout.ts';
import {
  bodyRows,
  contentColumns,
  isAiry,
  isTiny,
  logRows,
  type Size,
  transferRows,
} from '../../../screens/layout/layout.ts';
import { panelLayout } from '../../../screens/layout/panel-layout.ts';
import { planRoom } from '../../../screens/layout/plan-layout.ts';
import { repairingRows, repairQuestionLayout } from '../../../screens/layout/repair-layout.ts';
import { undoLayout } from '../../../screens/layout/undo-layout.ts';
import { viewSize } from '../../../screens/layout/view-size.ts';
import {
  CHECK_CLOCK,
  GO_ONLINE,
  OTHER_ROOT,
  otherRemedy,
  RETRY,
  SET_PROXY,
  USE_INDEX,
} from '../../../src/support/remedies.ts';
import type { FailureState, WizardState } from '../../../src/wizard/state.ts';
import { STATES } from '../../fixtures/screen-states.ts';
import { VARIANTS } from '../../fixtures/screen-variants.ts';

/** Both sides of every boundary of width and height. */
const SIZES: Size[] = [
  { columns: 40, rows: 10 },
  { columns: 63, rows: 16 },
  { columns: 64, rows: 17 },
  { columns: 65, rows: 22 },
  { columns: 80, rows: 24 },
  { columns: 110, rows: 40 },
];
const HOME = '/home/ada';
const LOG = { version: 1, hiddenCount: 0, lines: Array.from({ length: 50 }, (_, index) => `line ${index}`) };

/** Words of one letter fill any width, so that each column too many or too few shows. */
const LONG = 'a '.repeat(120).trim();
const failure = STATES['failure'] as FailureState;
const byHand = (label: string) => otherRemedy(label);
const filled = (change: Partial<FailureState['report']>): FailureState => ({
  ...failure,
  report: { ...failure.report, title: LONG, untouched: LONG, ...change },
});
const FILLED: Record<string, WizardState> = {
  'failure with long texts': filled({
    evidence: [LONG, 'short', LONG, 'short', 'short'],
    remedies: [byHand(LONG), byHand('Short'), SET_PROXY, USE_INDEX],
  }),
  'failure with short texts': filled({
    title: 'Short.',
    untouched: '',
    evidence: ['short'],
    remedies: undefined as never,
    nextSteps: [LONG, LONG, 'Short'],
  }),
  'failure with labels as wide as two columns take': filled({
    evidence: Array(30).fill('short'),
    remedies: [RETRY, GO_ONLINE, CHECK_CLOCK, SET_PROXY, USE_INDEX, OTHER_ROOT],
  }),
};

/** What was laid out of a state: of texts their number and the widest, of everything else the value. */
function layoutOf(state: WizardState, size: Size): object {
  const common = {
    view: viewSize(state, size, LOG, HOME),
    rows: [bodyRows(size), contentColumns(size), logRows(state, size), transferRows(state, size)],
  };
  switch (state.screen) {
    case 'failure':
      return { ...common, ...failureLayout(state, size) };
    case 'panel': {
      const { view: _, ...layout } = panelLayout(state, size);
      return { ...common, ...layout };
    }
    case 'plan': {
      const place = { runtimeRoot: state.overview.runtimeRoot, homeDir: HOME };
      return { ...common, ...(state.summary && planRoom(state.summary, place, size)) };
    }
    case 'check': {
      const { repair } = state;
      if (repair?.phase === 'asking') return { ...common, ...repairQuestionLayout(repair, size) };
      if (repair?.phase === 'running') return { ...common, repairing: repairingRows(repair, size) };
      return { ...common, checks: checkRows(state, size.columns, HOME) };
    }
    case 'ready':
      return { ...common, ...(state.overview.undo && undoLayout(state.overview.undo, size)) };
    default:
      return common;
  }
}

function brief(value: unknown): string {
  if (typeof value === 'string') return String(value.length);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each === 'number')) return value.join(' ');
    const texts = value.map((each) =>
      typeof each === 'object' && each !== null && 'text' in each ? each.text : each,
    );
    if (texts.every((each) => typeof each === 'string'))
      return `${texts.length}x${Math.max(0, ...texts.map((each) => each.length))}`;
    return `[${texts.map(brief).join(' ')}]`;
  }
  if (typeof value === 'object' && value !== null) return partsOf(value).join(', ');
  return String(value);
}

const partsOf = (value: object): string[] =>
  Object.entries(value).flatMap(([name, each]) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? partsOf(each)
      : [`${name} ${brief(each)}`],
  );

/** At the first size all, at the next ones what is different there. */
function linesOf(state: WizardState): string[] {
  const layouts = SIZES.map((size) => partsOf(layoutOf(state, size)));
  return layouts.flatMap((parts, index) => {
    const changed = parts.filter((part) => !layouts[index - 1]?.includes(part));
    const { columns, rows } = SIZES[index]!;
    return changed.length === 0 ? [] : [`  ${columns} x ${rows}: ${changed.join(', ')}`];
  });
}

it('every screen at every size that is laid out differently', async () => {
  const states = Object.entries({ ...STATES, ...VARIANTS, ...FILLED });
  // States that are laid out alike stand together.
  const alike = Map.groupBy(states, ([, state]) => linesOf(state).join('\n'));
  const text = [...alike]
    .map(([lines, of]) => `${of.map(([name]) => name).join(' | ')}\n${lines}\n`)
    .join('');
  await expect(text).toMatchFileSnapshot('tables/layouts.txt');
});

it.each([
  [39, 10, true, false],
  [40, 9, true, false],
  [40, 10, false, false],
  [200, 100, false, true],
])('%i x %i: tiny %s, airy %s', (columns, rows, tiny, airy) => {
  expect([isTiny({ columns, rows }), isAiry({ columns, rows })]).toEqual([tiny, airy]);
});
