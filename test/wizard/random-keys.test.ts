import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bypassProxy,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  PROXY_LOGIN,
  SAVE_REPORT,
  USE_SYSTEM_PYTHON,
} from '../../src/support/remedies.ts';
import {
  availableOffers,
  failureChoices,
  planChoices,
  readyChoices,
  STOP_CHOICES,
} from '../../src/wizard/choices.ts';
import { commandFor, typedText } from '../../src/wizard/keys.ts';
import { panelView } from '../../src/wizard/panels/panels.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type { WizardEffect, WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { isBusy, startWizard } from '../../src/wizard/state.ts';
import { READY_OVERVIEW, REPORT, START_MS, told, VIEW } from '../fixtures/wizard-states.ts';
import {
  BROKEN_CHECKS,
  DEMO_CHECKS,
  DEMO_OVERVIEW,
  DEMO_PLAN,
  DEMO_REPAIR,
  DEMO_RESULT,
  DEMO_UNDO,
} from '../pty/demo-data.ts';
import { demoAnswer } from '../pty/demo-panels.ts';

const MENDABLE = {
  ...REPORT,
  remedies: [
    CHOOSE_CA_FILE,
    USE_SYSTEM_PYTHON,
    PROXY_LOGIN,
    SAVE_REPORT,
    CHECK_PROXY,
    bypassProxy('a.example'),
  ],
};

const KEYS = [
  ...['up', 'down', 'left', 'right', 'pageup', 'pagedown', 'home', 'end', 'enter', 'escape', 'tab', 'space'],
  ...['ctrl+c', 'q', '?', 'f', 'y', 'n', 'x', 'u', 'r', 'd', 'backspace', 'ctrl+u', '/'],
];

/** What may happen besides keys; `stale` results carry the number of an earlier run. */
const OUTSIDE = ['result', 'failed', 'cancelled', 'stale', 'tick', 'bytes', 'terminated'] as const;

const action = fc.oneof(
  // Most that happens is the way forward; otherwise random keys hardly ever get beyond the second screen.
  { weight: 9, arbitrary: fc.constantFrom('result' as const).map((outside) => ({ outside })) },
  { weight: 7, arbitrary: fc.constantFrom('enter').map((key) => ({ key })) },
  // Most menus are long, and what is beyond their first choice is worth a walk.
  { weight: 12, arbitrary: fc.constantFrom('down', 'down', 'right', 'r', 'u').map((key) => ({ key })) },
  { weight: 3, arbitrary: fc.integer({ min: 2, max: 9 }).map((times) => ({ key: 'down', times })) },
  { weight: 4, arbitrary: fc.constantFrom(...KEYS).map((key) => ({ key })) },
  { weight: 1, arbitrary: fc.constantFrom(...OUTSIDE).map((outside) => ({ outside })) },
);

/** What the running effect would answer. */
function resultOf(effect: WizardEffect, runId: number, isReady: boolean): WizardEvent[] {
  switch (effect.type) {
    case 'overview':
      return [
        { type: 'overview', runId, overview: isReady ? READY_OVERVIEW : DEMO_OVERVIEW, nowMs: START_MS },
      ];
    case 'plan':
      return [{ type: 'planned', runId, summary: DEMO_PLAN, nowMs: START_MS }];
    case 'install':
      return [{ type: 'installed', runId, result: DEMO_RESULT, nowMs: START_MS }];
    case 'check':
      return [{ type: 'checked', runId, checks: BROKEN_CHECKS, undo: DEMO_UNDO, nowMs: START_MS }];
    case 'undo':
      return [{ type: 'undone', runId, target: DEMO_UNDO, nowMs: START_MS }];
    case 'plan-repair':
      return [{ type: 'repair-planned', runId, plan: DEMO_REPAIR, nowMs: START_MS }];
    case 'repair':
      return [
        { type: 'repaired', runId, repairs: ['rebuild-environment'], checks: DEMO_CHECKS, nowMs: START_MS },
      ];
    case 'undo-repair':
      return [{ type: 'repairs-undone', runId, repairs: ['rebuild-environment'], nowMs: START_MS }];
    case 'cancel':
    case 'exit':
      return [];
    default:
      return [{ type: 'answer', runId, answer: demoAnswer(effect), nowMs: START_MS }];
  }
}

/** Each shape of a screen that has several. */
function nameOf(state: WizardState): string {
  if (state.screen === 'panel') return `panel: ${state.panel.kind}`;
  return state.screen === 'check' && state.repair ? `repair: ${state.repair.phase}` : state.screen;
}

function checkState(state: WizardState): void {
  // Plain: a hundred thousand of them are made.
  const inside = (cursor: number, count: number) => {
    if (cursor < 0 || cursor >= Math.max(1, count)) throw new Error(`${cursor} of ${count}: ${state.screen}`);
  };
  if (state.screen === 'ready') inside(state.cursor, readyChoices(state).length);
  if (state.screen === 'plan') inside(state.cursor, planChoices(state).length);
  if (state.screen === 'failure') inside(state.cursor, failureChoices(state).length);
  if (state.screen === 'features') {
    expect(availableOffers(state).map((offer) => offer.feature)).toContain(state.feature);
  }
  if (state.screen === 'installing' && state.stopQuestion)
    inside(state.stopQuestion.cursor, STOP_CHOICES.length);
  if (state.screen === 'check') inside(state.firstRow, VIEW.overflowRows + 1);
  if (state.screen === 'panel') {
    const view = panelView(state.panel);
    inside(view.cursor, view.choices.length);
    inside(state.firstRow, VIEW.overflowRows + 1);
  }
  if (state.screen === 'left') expect([0, 1, 130]).toContain(state.exitCode);
}

it('no sequence of keys and results throws or reaches an impossible state', () => {
  const screens = new Set<string>();
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100, size: 'max' }), fc.boolean(), (actions, isReady) => {
      const first = startWizard({ nowMs: START_MS, hasProject: isReady });
      let state = first.next;
      let running: WizardEffect | null = first.effects[0] ?? null;
      const single = actions.flatMap((one) =>
        'times' in one ? Array.from({ length: one.times }, () => ({ key: one.key })) : [one],
      );
      for (const one of single) {
        const before = state;
        const events: WizardEvent[] = [];
        if ('key' in one) {
          const text = typedText(state, one.key);
          const command = text === null ? commandFor(state, one.key) : null;
          if (text !== null) events.push({ type: 'text', text });
          if (command) events.push({ type: 'command', command, view: VIEW, nowMs: START_MS });
        } else {
          const { runId } = state;
          if (one.outside === 'result' && running) events.push(...resultOf(running, runId, isReady));
          if (one.outside === 'stale' && running) events.push(...resultOf(running, runId - 1, isReady));
          if (one.outside === 'failed')
            events.push({ type: 'failed', runId, report: MENDABLE, nowMs: START_MS });
          if (one.outside === 'cancelled') events.push({ type: 'cancelled', runId });
          if (one.outside === 'tick') events.push({ type: 'tick', nowMs: START_MS + 1000 });
          if (one.outside === 'terminated') events.push({ type: 'terminated' });
          if (one.outside === 'bytes') {
            const event = told({
              type: 'bytes',
              step: 'fetch',
              file: 'a.whl',
              artefactKind: 'wheel',
              doneBytes: 1,
              totalBytes: null,
            });
            events.push({ type: 'setup-event', runId, event });
          }
        }
        for (const event of events) {
          const { next, effects } = reduce(state, event);
          const started = effects.find((effect) => effect.type !== 'cancel' && effect.type !== 'exit');
          if (started) running = started;
          // An installation only ever follows a plan that was shown and confirmed, or its own failure.
          if (started?.type === 'install') {
            expect(['plan', 'failure']).toContain(before.screen);
          }
          if (next.screen === 'left' && state.screen !== 'left') {
            expect(effects.map((effect) => effect.type)).toEqual(['cancel', 'exit']);
          }
          // An installation that runs is never left behind: it ends first.
          if (state.screen === 'installing' && next.screen === 'left') {
            expect(['cancelled', 'failed', 'installed']).toContain(event.type);
          }
          state = next;
          checkState(state);
          screens.add(nameOf(state));
          if (isBusy(state) && running === null) throw new Error('busy with nothing');
        }
      }
    }),
    { numRuns: 1200, seed: 20261121 },
  );
  expect([...screens].sort()).toEqual([
    'check',
    'failure',
    'features',
    'installing',
    'left',
    'loading',
    'panel: action',
    'panel: bundle',
    'panel: host',
    'panel: model',
    'panel: page',
    'panel: sources',
    'plan',
    'ready',
    'repair: asking',
    'repair: done',
    'repair: failed',
    'repair: planning',
    'repair: running',
    'repair: undoing',
    'repair: undone',
  ]);
});
