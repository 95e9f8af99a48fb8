import { describe, expect, it } from 'vitest';
import { failureLayout } from '../../screens/layout/failure-layout.ts';
import { pressed } from '../../screens/layout/pressed.ts';
import * as all from '../../src/support/remedies.ts';
import { remedyText } from '../../src/support/remedy.ts';
import { failureChoices } from '../../src/wizard/choices.ts';
import { movedInGrid } from '../../src/wizard/panels/command.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type { FailureState, WizardState } from '../../src/wizard/state.ts';
import {
  installing,
  overviewCame,
  plan,
  READY_OVERVIEW,
  REPORT,
  run,
  START_MS,
} from '../fixtures/wizard-states.ts';
import { DEMO_OVERVIEW } from '../pty/demo-data.ts';

function failedWith(remedies: readonly (typeof all.FREE_SPACE)[], state: WizardState): FailureState {
  const report = { ...REPORT, remedies, nextSteps: remedies.map(remedyText) };
  return run(state, ({ runId }) => ({ type: 'failed', runId, report, nowMs: START_MS })).next as FailureState;
}

describe('choices in columns', () => {
  it.each([
    [0, 'previous', 2, 0],
    [0, 'next', 2, 2],
    [0, 'right', 2, 1],
    [1, 'left', 2, 0],
    [1, 'right', 2, 1],
    [2, 'left', 2, 2],
    [3, 'next', 2, 3],
    [2, 'next', 2, 4],
    [0, 'next', 1, 1],
    [4, 'next', 1, 4],
    [0, 'right', 1, 0],
  ] as const)('from %i, %s in %i columns: %i', (cursor, command, columns, expected) => {
    expect(movedInGrid(cursor, command, 5, columns)).toBe(expected);
  });

  const six = failedWith(
    [
      all.CHOOSE_CA_FILE,
      all.USE_INDEX,
      all.SET_PROXY,
      all.USE_SYSTEM_PYTHON,
      all.OTHER_ROOT,
      all.SAVE_REPORT,
    ],
    installing(),
  );

  it('is one column where all of it fits', () => {
    expect(failureLayout(six, { columns: 100, rows: 30 })).toMatchObject({ choiceColumns: 1, isWhole: true });
    expect(failureLayout(six, { columns: 100, rows: 17 }).choiceColumns).toBe(2);
  });

  it.each([
    [17, 'down', 2],
    [17, 'right', 1],
    [30, 'down', 1],
    [30, 'right', 0],
  ] as const)('in %i rows %s leads to %i', (rows, key, cursor) => {
    const context = {
      size: { columns: 100, rows },
      log: { version: 0, lines: [], hiddenCount: 0 },
      homeDir: '/home/ada',
      nowMs: START_MS,
    };
    const event = pressed(six, key, context);
    expect(event && reduce(six, event).next).toMatchObject({ cursor });
  });
});

describe('a full disk', () => {
  const without = { ...DEMO_OVERVIEW, otherRuntimes: [] };

  it.each([
    ['offers to delete other runtimes', DEMO_OVERVIEW, 'mend free-space'],
    ['does not, where there are none', without, 'mend other-root'],
  ] as const)('%s', (_name, overview, first) => {
    const state = failedWith([all.FREE_SPACE, all.OTHER_ROOT], { ...plan(), overview } as WizardState);
    expect(failureChoices(state)[0]?.id).toBe(first);
    expect(JSON.stringify(state.report).includes('prune')).toBe(first === 'mend free-space');
    expect(state.report.nextSteps.join()).toMatch(/[Ff]ree some space/);
  });
});

describe('another folder for the runtime', () => {
  const named = run(
    failedWith([all.OTHER_ROOT], plan()),
    'confirm',
    () => ({ type: 'text', text: '/srv/ktx' }),
    'confirm',
  );
  const elsewhere = { ...DEMO_OVERVIEW, runtimeRoot: '/srv/ktx' };

  it('is examined, and the plan follows without another question', () => {
    expect(named.effects).toMatchObject([{ type: 'overview' }]);
    expect(run(named.next, overviewCame(elsewhere))).toMatchObject({
      next: { screen: 'plan', feature: 'core', overview: { runtimeRoot: '/srv/ktx' } },
      effects: [{ type: 'plan', features: ['core'] }],
    });
  });

  it('says so when a runtime is there', () => {
    const { next } = run(named.next, overviewCame({ ...READY_OVERVIEW, runtimeRoot: '/srv/ktx' }));
    expect(next).toMatchObject({ screen: 'ready', notice: expect.stringContaining('already has a runtime') });
  });
});
