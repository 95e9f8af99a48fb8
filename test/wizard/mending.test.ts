import { describe, expect, it } from 'vitest';
import { remedyFor } from '../../src/core/invocation.ts';
import {
  addLogin,
  allowHosts,
  bypassProxy,
  CHECK_CLOCK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  GO_ONLINE,
  moveAway,
  OTHER_ROOT,
  PROXY_LOGIN,
  RETRY,
  SET_PROXY,
  USE_INDEX,
  USE_SYSTEM_PYTHON,
  writeProxyAs,
} from '../../src/support/remedies.ts';
import { remedyText } from '../../src/support/remedy.ts';
import { failureChoices } from '../../src/wizard/choices.ts';
import { fieldProblem, mendingOf, stepsByHand } from '../../src/wizard/mending.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type { FailureState, WizardState } from '../../src/wizard/state.ts';
import { installing, REPORT, run, START_MS } from '../fixtures/wizard-states.ts';

const ALL = [CHOOSE_CA_FILE, USE_INDEX, CHECK_CLOCK, RETRY];

function failedWith(remedies = ALL): FailureState {
  const report = { ...REPORT, remedies, nextSteps: remedies.map(remedyText) };
  const { next } = run(installing(), ({ runId }) => ({ type: 'failed', runId, report, nowMs: START_MS }));
  return next as FailureState;
}

const type = (text: string) => () => ({ type: 'text' as const, text });

describe('what the wizard can do about a failure by itself', () => {
  it.each([
    ['an index', USE_INDEX, 'https://i.example/simple', { indexUrl: 'https://i.example/simple' }],
    ['a system Python', USE_SYSTEM_PYTHON, '', { python: 'system' }],
    ['another folder', OTHER_ROOT, '/big/ktx', { runtimeRoot: '/big/ktx' }],
    ['hosts', allowHosts(['a.example', 'b.example']), '', { allowedHosts: ['a.example', 'b.example'] }],
    ['the network', GO_ONLINE, '', { isOffline: false }],
  ])('%s is a change of the next attempt', (_name, remedy, typed, changes) => {
    expect(mendingOf(remedy)?.changes(typed)).toEqual(changes);
  });

  it.each([
    ['a proxy', SET_PROXY, { name: 'proxy', value: null }],
    ['a certificate file', CHOOSE_CA_FILE, { name: 'ca-file', value: null }],
    ['a host without proxy', bypassProxy('a.example'), { name: 'no-proxy', value: 'a.example' }],
    [
      'the scheme of a proxy',
      writeProxyAs('http', 'p.example:3128'),
      { name: 'proxy', value: 'http://p.example:3128' },
    ],
  ])('%s is a setting that is stored', (_name, remedy, setting) => {
    expect(mendingOf(remedy)).toMatchObject({ setting });
  });

  it('is the same however the program was started, and whatever flags it was given', () => {
    const invocation = {
      program: ['npx', 'ktx-setup'],
      args: [
        'setup',
        '--feature',
        'core',
        '--plain',
        '--runtime-root',
        '/full',
        '--index-url=https://old.example/x',
      ],
    };
    const mending = (remedy: typeof USE_INDEX) => mendingOf(remedyFor(remedy, invocation), invocation);
    expect(mending(USE_INDEX)?.changes('https://i.example/simple')).toEqual({
      indexUrl: 'https://i.example/simple',
    });
    expect(mending(OTHER_ROOT)?.changes('/big/ktx')).toEqual({ runtimeRoot: '/big/ktx' });
    expect(mending(CHOOSE_CA_FILE)).toMatchObject({ setting: { name: 'ca-file', value: null } });
    expect(mending(RETRY)).toBeNull();
    // A command of somebody else is never taken for ours.
    expect(mending(moveAway('/in/the/way'))).toBeNull();
  });

  it.each([
    ['a person', CHECK_CLOCK],
    ['a look', CHECK_PROXY],
    ['a secret', PROXY_LOGIN],
    ['a line in a file', addLogin('a.example')],
    ['the same again', RETRY],
  ])('%s is none', (_name, remedy) => {
    expect(mendingOf(remedy)).toBeNull();
  });

  it('is a choice, and no step to do by hand', () => {
    const state = failedWith();
    expect(failureChoices(state).map(({ label }) => label)).toEqual([
      'Choose a certificate file …',
      'Use another package index …',
      'Try again',
      'Back to the plan',
      'Show the log',
      'Quit',
    ]);
    expect(stepsByHand(state.report)).toEqual([remedyText(CHECK_CLOCK)]);
  });
});

describe('a field', () => {
  const opened = () => run(failedWith(), 'next', 'confirm').next;

  it('takes text, and the next attempt has it', () => {
    const { next, effects } = run(opened(), type('https://i.example/sim'), type('ple\n'), 'confirm');
    expect(next.screen).toBe('plan');
    expect(next.changes).toEqual({ indexUrl: 'https://i.example/simple' });
    expect(effects).toMatchObject([{ type: 'plan' }]);
  });

  it('keeps what was changed through a second failure', () => {
    const { next } = run(
      opened(),
      type('https://i.example/simple'),
      'confirm',
      ({ runId }) => ({ type: 'failed', runId, report: REPORT, nowMs: START_MS }),
      'confirm',
    );
    expect(next).toMatchObject({ screen: 'plan', changes: { indexUrl: 'https://i.example/simple' } });
  });

  it.each(['', '   ', 'i.example', 'ftp://i.example'])('tries nothing with %j', (text) => {
    const { next, effects } = run(opened(), type(text), 'confirm');
    expect(effects).toEqual([]);
    expect((next as FailureState).field?.problem).toEqual(expect.any(String));
  });

  it('takes the first line of a paste, without what a terminal obeys', () => {
    const { next } = run(opened(), type('\u001b[31mhttps://i.example\r\nq\r'));
    expect((next as FailureState).field?.text).toBe('[31mhttps://i.example');
  });

  it('erases whole characters, and all', () => {
    const one = run(opened(), type('a😀'), 'erase').next as FailureState;
    expect(one.field?.text).toBe('a');
    expect((run(one, 'erase-all').next as FailureState).field?.text).toBe('');
  });

  it('leaves with Esc, and changes nothing', () => {
    const { next, effects } = run(opened(), type('https://i.example'), 'back');
    expect(next).toMatchObject({ screen: 'failure', field: null, changes: {} });
    expect(effects).toEqual([]);
  });

  it('is no place for text where none is open', () => {
    const state = failedWith();
    expect(run(state, type('q')).next).toBe(state);
  });

  it('takes the quotes of a shell off a path', () => {
    const { effects } = run(failedWith(), 'confirm', type("'/home/ada/my ca.pem' "), 'confirm');
    expect(effects).toMatchObject([{ type: 'store-setting', name: 'ca-file', value: '/home/ada/my ca.pem' }]);
  });
});

describe('a setting that a remedy stores', () => {
  const storing = () => run(failedWith(), 'confirm', type('/ca.pem'), 'confirm').next;
  const stored = ({ runId }: WizardState) => ({ type: 'setting-stored' as const, runId, nowMs: START_MS });

  it('is stored before the next attempt', () => {
    expect(storing()).toMatchObject({ screen: 'failure', isMending: true });
    expect(run(storing(), stored).effects).toMatchObject([{ type: 'plan' }]);
  });

  it('that is refused says why in its field', () => {
    const refusal = { ...REPORT, title: '/ca.pem holds no certificate' };
    const { next } = run(storing(), ({ runId }) => ({
      type: 'failed',
      runId,
      report: refusal,
      nowMs: START_MS,
    }));
    expect(next).toMatchObject({
      screen: 'failure',
      isMending: false,
      field: { text: '/ca.pem', problem: '/ca.pem holds no certificate' },
      report: { title: REPORT.title },
    });
  });

  it('is left with Ctrl+C', () => {
    expect(reduce(storing(), { type: 'terminated' }).next).toMatchObject({ screen: 'left', exitCode: 1 });
  });
});

it.each([
  ['host', 'proxy.example:3128', true],
  ['host', 'http://proxy.example:3128', true],
  ['host', 'not a host', false],
  ['file', '~/ca.pem', true],
  ['file', '/etc/ssl/', false],
  ['folder', '/data/', true],
] as const)('a field for a %s takes %j: %s', (fieldType, text, isTaken) => {
  expect(fieldProblem({ name: 'x', type: fieldType }, text) === null).toBe(isTaken);
});
