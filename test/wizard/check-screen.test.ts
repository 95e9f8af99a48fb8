import { describe, expect, it } from 'vitest';
import { keySentence } from '../../screens/layout/key-help.ts';
import type { CheckResult } from '../../src/core/events.ts';
import { keyBindings, keyHints, typedText } from '../../src/wizard/keys.ts';
import type { CheckState, WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { STATES } from '../fixtures/screen-states.ts';
import { overviewCame, READY_OVERVIEW, ready, run, START_MS } from '../fixtures/wizard-states.ts';
import { DEMO_CHECKS, DEMO_RESULT } from '../pty/demo-data.ts';

const atEnd = STATES['the proof of an installation'] as CheckState;
const daemon: CheckResult = {
  id: 'daemon-health',
  group: 'Daemon',
  label: 'Recorded daemon answers',
  status: 'pass',
  detail: 'http://127.0.0.1:41234',
  durationMs: 5,
};
const checked =
  (checks: readonly CheckResult[]) =>
  ({ runId }: WizardState): WizardEvent => ({
    type: 'checked',
    runId,
    checks,
    undo: null,
    nowMs: START_MS,
  });
const started = ({ runId }: WizardState): WizardEvent => ({
  type: 'answer',
  runId,
  nowMs: START_MS,
  answer: {
    type: 'action-done',
    outcome: { isOk: true, title: 'The ktx daemon is running', lines: ['http://127.0.0.1:41234'] },
  },
});
const hintOf = (state: WizardState, label: string) =>
  keyBindings(state).find((binding) => binding.label === label)?.hint;

describe('the daemon on the check screen', () => {
  const back = run(atEnd, 'start', started, 'confirm');
  const running = run(back.next, checked([...DEMO_CHECKS, daemon])).next;

  it('is checked again after it was started', () => {
    expect(back.effects.map(({ type }) => type)).toEqual(['cancel', 'check']);
    expect(back.next).toMatchObject({ screen: 'check', result: DEMO_RESULT, hasLog: true, isRunning: true });
  });

  it('can be stopped, not started, while it runs', () => {
    expect(hintOf(atEnd, 's')).toBe('start the daemon');
    expect(hintOf(running, 's')).toBe('stop the daemon');
    expect(run(running, 'start').next.screen).toBe('check');
    expect(run(running, 'stop').effects).toMatchObject([{ type: 'run-action', action: 'stop' }]);
  });

  it('is named at the end, also when the panel is left at once', () => {
    expect(run(running, 'confirm').next).toMatchObject({
      farewell: { kind: 'done', checks: expect.arrayContaining([daemon]) },
    });
    expect(run(atEnd, 'start', started, 'quit').next).toMatchObject({
      exitCode: 0,
      farewell: { kind: 'done', result: DEMO_RESULT, told: { title: 'The ktx daemon is running' } },
    });
  });
});

describe('the log of an installation that is over', () => {
  it.each([
    ['f', 'toggle-log'],
    ['/', 'find'],
  ] as const)('%s opens it, as it did a moment ago', (label, command) => {
    expect(hintOf(atEnd, label)).toBeDefined();
    const open = run(atEnd, command).next;
    expect(open).toMatchObject({ screen: 'check', isLogOpen: true });
    expect(typedText(open, 'x')).toBe(command === 'find' ? 'x' : null);
  });

  it('is searched, and closed by f or Esc', () => {
    const found = run(atEnd, 'find', () => ({ type: 'text', text: 'numpy' }), 'confirm').next;
    expect(found).toMatchObject({ find: { text: 'numpy', isTyping: false } });
    expect(run(found, 'back').next).toMatchObject({ isLogOpen: true, find: null });
    expect(run(found, 'back', 'back').next).toMatchObject({ isLogOpen: false });
    expect(run(found, 'toggle-log').next).toMatchObject({ isLogOpen: false });
  });

  it('is not offered where nothing was installed', () => {
    const alone = run(ready(), 'confirm', checked(DEMO_CHECKS)).next;
    expect(hintOf(alone, 'f')).toBeUndefined();
    expect(run(alone, 'toggle-log').next).toMatchObject({ isLogOpen: false });
  });
});

describe('more checks', () => {
  const open = run(atEnd, 'toggle-details').next;
  const index = { ...daemon, id: 'index', group: 'Network' };

  it.each(['network', 'deep'] as const)('%s keeps the details open, and its key', (command) => {
    const next = run(open, command, checked([...DEMO_CHECKS, index])).next as CheckState;
    expect(next).toMatchObject({ areDetailsOpen: true, hasLog: true, costs: [command] });
    expect(next.known).toEqual(DEMO_CHECKS.map(({ id }) => id));
    for (const label of ['d', 'n']) expect(hintOf(next, label)).toBe(hintOf(open, label));
    // Asked for again, the same group stays first.
    expect(run(next, command).next).toMatchObject({ known: next.known });
  });
});

describe('Esc after an installation', () => {
  it('leads to the menu, and the summary is still printed', () => {
    const menu = run(atEnd, 'back', overviewCame(READY_OVERVIEW)).next;
    expect(menu.screen).toBe('ready');
    expect(run(menu, 'quit').next).toMatchObject({ farewell: { kind: 'done', result: DEMO_RESULT } });
    expect(run(ready(), 'quit').next).toMatchObject({ farewell: { kind: 'left' } });
  });
});

it('has a sentence for every key of every screen', () => {
  for (const [name, state] of Object.entries(STATES))
    for (const key of keyHints(state, 'help'))
      expect(keySentence(key), `${name}: ${key.label} ${key.hint}`).toMatch(/^[A-Z].*\.$/);
});
