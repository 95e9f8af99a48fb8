import { expect, it } from 'vitest';
import { commandFor, typedText } from '../../src/wizard/keys.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type { Transition, WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { differences } from '../fixtures/differences.ts';
import { STATES } from '../fixtures/screen-states.ts';
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

/**
 * What every key and every answer does on every screen, written down: a change of one line of a table is a change that a
 * person meets, and is looked at as such.
 */
const KEYS = [
  ...['up', 'down', 'left', 'right', 'pageup', 'pagedown', 'home', 'end', 'tab', 'enter', 'escape', 'space'],
  ...[
    'backspace',
    'ctrl+c',
    'ctrl+u',
    '?',
    '/',
    'a',
    'd',
    'f',
    'n',
    'o',
    'q',
    'r',
    's',
    'u',
    'w',
    'x',
    'y',
    '1',
  ],
];

const MAX_CHARS = 100;
/** Longer than what a line can say. */
const text = (value: unknown): string => {
  const found = JSON.stringify(value) ?? 'nothing';
  return found.length > MAX_CHARS ? `${found.slice(0, MAX_CHARS)}…` : found;
};

/** Clocks, and the estimates that have tests of their own. */
const LEFT_OUT = new Set(['nowMs', 'startedAtMs', 'progress']);

function outcome(state: WizardState, { next, effects }: Transition): string | null {
  const isSame = next.screen === state.screen;
  const changed = [...differences(state, next, text, LEFT_OUT)].filter(
    // What a new screen begins with says nothing of the key, and what is behind a panel is what was there.
    (each) =>
      isSame || !/ = (?:nothing|null|false|0|\[\]|\{\})$|^(?:screen|overview|checks|behind) /.test(each),
  );
  const lines = [
    ...(isSame ? [] : [`to ${next.screen}`]),
    ...changed,
    ...effects.map((effect) => `> ${text(effect)}`),
  ];
  return lines.length === 0 ? null : lines.join('; ');
}

const table = (rows: (state: WizardState) => readonly (readonly [string, string | null])[]): string =>
  Object.entries(STATES)
    .flatMap(([name, state]) => [
      `== ${name}`,
      ...rows(state).flatMap(([what, found]) => (found === null ? [] : [`${what.padEnd(10)} ${found}`])),
      '',
    ])
    .join('\n');

it('what every key does on every screen', async () => {
  const found = table((state) =>
    KEYS.map((key) => {
      const typed = typedText(state, key);
      const command = commandFor(state, key);
      if (typed === null && command === null) return [key, null];
      const event: WizardEvent =
        typed === null
          ? { type: 'command', command: command!, view: VIEW, nowMs: START_MS }
          : { type: 'text', text: typed };
      return [key, `${command ?? 'types'}: ${outcome(state, reduce(state, event)) ?? 'nothing'}`];
    }),
  );
  await expect(found).toMatchFileSnapshot('tables/keys.txt');
});

const LATER_MS = START_MS + 61_000;
const EVENTS: Record<string, (runId: number) => WizardEvent> = {
  tick: () => ({ type: 'tick', nowMs: LATER_MS }),
  pace: () => ({ type: 'tick', nowMs: LATER_MS, pace: 3 }),
  paste: () => ({ type: 'text', text: 'a b\n' }),
  terminated: () => ({ type: 'terminated' }),
  missing: (runId) => ({ type: 'overview', runId, overview: DEMO_OVERVIEW, nowMs: LATER_MS }),
  ready: (runId) => ({ type: 'overview', runId, overview: READY_OVERVIEW, nowMs: LATER_MS }),
  broken: (runId) => ({
    type: 'overview',
    runId,
    overview: { ...READY_OVERVIEW, status: { ...READY_OVERVIEW.status, kind: 'broken' } },
    nowMs: LATER_MS,
  }),
  planned: (runId) => ({ type: 'planned', runId, summary: DEMO_PLAN, nowMs: LATER_MS }),
  there: (runId) => ({ type: 'already-ready', runId, result: DEMO_RESULT, nowMs: LATER_MS }),
  installed: (runId) => ({ type: 'installed', runId, result: DEMO_RESULT, nowMs: LATER_MS }),
  passed: (runId) => ({ type: 'checked', runId, checks: DEMO_CHECKS, undo: DEMO_UNDO, nowMs: LATER_MS }),
  failures: (runId) => ({ type: 'checked', runId, checks: BROKEN_CHECKS, undo: null, nowMs: LATER_MS }),
  undone: (runId) => ({ type: 'undone', runId, target: DEMO_UNDO, nowMs: LATER_MS }),
  checks: (runId) => ({
    type: 'doctor',
    runId,
    event: {
      type: 'checks',
      checks: [DEMO_CHECKS[0]!, { ...DEMO_CHECKS[0]!, id: 'new' }].map(({ id, label }) => ({
        id,
        group: 'Tools',
        label,
        why: '',
        cost: 'offline',
        dependsOn: [],
      })),
    },
    nowMs: LATER_MS,
  }),
  starts: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'check-started', id: DEMO_CHECKS[1]!.id },
    nowMs: LATER_MS,
  }),
  waits: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'check-waiting', id: DEMO_CHECKS[1]!.id, text: 'for a host' },
    nowMs: LATER_MS,
  }),
  check: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'check', check: { ...DEMO_CHECKS[1]!, detail: 'again' } as never },
    nowMs: LATER_MS,
  }),
  repairing: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'repair-started', id: 'replace-uv' },
    nowMs: LATER_MS,
  }),
  noted: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'repair-note', id: 'replace-uv', level: 'warning', text: 'careful' },
    nowMs: LATER_MS,
  }),
  repairs: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'repair-finished', id: 'replace-uv', durationMs: 1500 },
    nowMs: LATER_MS,
  }),
  breaks: (runId) => ({
    type: 'doctor',
    runId,
    event: { type: 'repair-failed', id: 'replace-uv', detail: 'no room', isRestored: false },
    nowMs: LATER_MS,
  }),
  'to repair': (runId) => ({ type: 'repair-planned', runId, plan: DEMO_REPAIR, nowMs: LATER_MS }),
  repaired: (runId) => ({
    type: 'repaired',
    runId,
    repairs: ['replace-uv'],
    checks: DEMO_CHECKS.slice(0, 2),
    nowMs: LATER_MS,
  }),
  'as before': (runId) => ({ type: 'repairs-undone', runId, repairs: ['replace-uv'], nowMs: LATER_MS }),
  failed: (runId) => ({ type: 'failed', runId, report: REPORT, nowMs: LATER_MS }),
  cancelled: (runId) => ({ type: 'cancelled', runId }),
  step: (runId) => ({
    type: 'setup-event',
    runId,
    event: told({ type: 'step', step: 'packages', status: 'started' }, 61_000),
  }),
  note: (runId) => ({
    type: 'setup-event',
    runId,
    event: told({ type: 'note', step: 'fetch', level: 'warning', text: 'slow' }, 61_000),
  }),
};

it('what every answer does on every screen, and one that comes too late does nothing', async () => {
  const found = table((state) =>
    Object.entries(EVENTS).map(([name, eventOf]) => {
      const late = eventOf(state.runId - 1);
      if ('runId' in late) expect([name, outcome(state, reduce(state, late))]).toEqual([name, null]);
      return [name, outcome(state, reduce(state, eventOf(state.runId)))];
    }),
  );
  await expect(found).toMatchFileSnapshot('tables/answers.txt');
});
