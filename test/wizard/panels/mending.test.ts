import { describe, expect, it } from 'vitest';
import { remedyFor } from '../../../src/core/invocation.ts';
import { givenInstead } from '../../../src/network/settings/given-instead.ts';
import * as all from '../../../src/support/remedies.ts';
import {
  addLogin,
  allowHosts,
  bypassProxy,
  CHECK_CLOCK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  GO_ONLINE,
  makeWritable,
  moveAway,
  OTHER_ROOT,
  otherPython,
  PROXY_LOGIN,
  REBUILD,
  RETRY,
  SAVE_REPORT,
  SET_CLIENT_CERTIFICATE,
  SET_PROXY,
  setupAgain,
  USE_INDEX,
  USE_PYTHON_MIRROR,
  USE_SYSTEM_PYTHON,
  writeProxyAs,
} from '../../../src/support/remedies.ts';
import { REMEDY_IDS, type Remedy, remedyText } from '../../../src/support/remedy.ts';
import { failureChoices } from '../../../src/wizard/choices.ts';
import { fieldProblem, openField, typeIntoField } from '../../../src/wizard/panels/field.ts';
import { mendingOf, stepsByHand } from '../../../src/wizard/panels/mending.ts';
import { reduce } from '../../../src/wizard/reduce.ts';
import type { FailureState, WizardEvent, WizardState } from '../../../src/wizard/state.ts';
import { installing, REPORT, run, START_MS } from '../../fixtures/wizard-states.ts';

const ALL = [CHOOSE_CA_FILE, USE_INDEX, CHECK_CLOCK, RETRY];

function failedWith(remedies: readonly Remedy[] = ALL): FailureState {
  const report = { ...REPORT, remedies, nextSteps: remedies.map(remedyText) };
  const { next } = run(installing(), ({ runId }) => ({ type: 'failed', runId, report, nowMs: START_MS }));
  return next as FailureState;
}

const type = (text: string) => () => ({ type: 'text' as const, text });
const done = ({ runId }: WizardState): WizardEvent => ({
  type: 'answer',
  runId,
  answer: { type: 'mended', notice: 'It is done.' },
  nowMs: START_MS,
});

/** Chooses the first remedy, types the values, and gives what the wizard does then. */
function choose(remedy: Remedy, values: readonly string[] = []) {
  const asked = run(failedWith([remedy]), 'confirm');
  const typed = values.flatMap((text) => [type(text), 'confirm' as const]);
  return typed.length === 0 ? asked : run(asked.next, ...typed);
}

describe('what the wizard can do about a failure by itself', () => {
  it.each([
    ['an index', USE_INDEX, ['https://i.example/simple'], { indexUrl: 'https://i.example/simple' }],
    ['a system Python', USE_SYSTEM_PYTHON, [], { python: 'system' }],
    ['a Python by its path', otherPython('Choose'), ['/opt/python3'], { python: { path: '/opt/python3' } }],
    ['a Python by its version', otherPython('Choose'), ['3.12'], { python: { version: '3.12' } }],
    ['another folder', OTHER_ROOT, ['/big/ktx'], { runtimeRoot: '/big/ktx' }],
    ['hosts', allowHosts(['a.example', 'b.example']), [], { allowedHosts: ['a.example', 'b.example'] }],
    ['the network', GO_ONLINE, [], { isOffline: false }],
    ['a bundle that lies here', all.installFromBundle('/b'), [], { bundlePath: '/b' }],
    ['a copied store', all.COPY_STORE, [], { isOffline: true }],
    ['a rebuild', REBUILD, [], { shouldForce: true }],
    ['a full disk', setupAgain('Try anyway', ['--ignore-disk']), [], { shouldIgnoreDisk: true }],
    ['less features', setupAgain('Without embeddings', ['--feature', 'core']), [], { feature: 'core' }],
    [
      'a mirror of Python',
      USE_PYTHON_MIRROR,
      ['https://m.example'],
      { env: { UV_PYTHON_INSTALL_MIRROR: 'https://m.example' } },
    ],
    [
      'a client certificate',
      SET_CLIENT_CERTIFICATE,
      ['/home/ada/me.pem'],
      { env: { SSL_CLIENT_CERT: '/home/ada/me.pem' } },
    ],
    [
      'a login at the proxy',
      PROXY_LOGIN,
      ['ada', 'p@ss:/ word', 'proxy.example:3128'],
      { env: { HTTPS_PROXY: 'http://ada:p%40ss%3A%2F%20word@proxy.example:3128' } },
    ],
  ])('%s is a change of the next attempt', (_name, remedy, values, changes) => {
    const { next, effects } = choose(remedy, values);
    expect(next).toMatchObject({ changes });
    expect(['plan', 'loading']).toContain(next.screen);
    expect(effects).toHaveLength(1);
  });

  it.each([
    ['a proxy', SET_PROXY, ['p.example:1'], { kind: 'store-setting', name: 'proxy', value: 'p.example:1' }],
    ['a certificate file', CHOOSE_CA_FILE, ['/ca'], { kind: 'store-setting', name: 'ca-file', value: '/ca' }],
    ['a host', bypassProxy('a.example'), [], { kind: 'store-setting', name: 'no-proxy', value: 'a.example' }],
    [
      'the scheme of a proxy',
      writeProxyAs('http', 'p.example:3128'),
      [],
      { kind: 'store-setting', name: 'proxy', value: 'http://p.example:3128' },
    ],
    [
      'the scheme of an unknown proxy',
      writeProxyAs('https'),
      ['p.example:3128'],
      { kind: 'store-setting', name: 'proxy', value: 'https://p.example:3128' },
    ],
    [
      'a login',
      addLogin('a.example'),
      ['ada', 's3cret'],
      { kind: 'append-line', file: '~/.netrc', line: 'machine a.example login ada password s3cret' },
    ],
    ['what is in the way', moveAway('/a'), [], { kind: 'move-away', from: '/a', to: '/a.old' }],
    ['a full disk', all.FREE_SPACE, [], { kind: 'prune' }],
    ['a folder', makeWritable('/a'), [], { kind: 'change-mode', mode: 'u+rwx', path: '/a' }],
  ])('%s is dealt with first, then it is tried again', (_name, remedy, values, task) => {
    const { next, effects } = choose(remedy, values);
    expect(effects).toMatchObject([{ type: 'mend', task }]);
    expect(run(next, done).effects).toMatchObject([{ type: 'plan' }]);
  });

  it('a report is saved, and the failure stays with a word of it', () => {
    const { next, effects } = choose(SAVE_REPORT, ['']);
    expect(effects).toMatchObject([{ type: 'mend', task: { kind: 'save-report', path: 'ktx-report.txt' } }]);
    expect(run(next, done)).toMatchObject({
      next: { screen: 'failure', notice: 'It is done.' },
      effects: [],
    });
  });

  it('a look at the settings comes back to the failure', () => {
    const { next, effects } = choose(CHECK_PROXY);
    expect(effects).toMatchObject([{ type: 'read-page', page: 'network' }]);
    expect(run(next, 'back').next).toMatchObject({ screen: 'failure', report: { title: REPORT.title } });
  });

  it('is the same however the program was started, and whatever flags it was given', () => {
    const invocation = {
      program: ['npx', 'ktx-setup'],
      args: [
        ...['setup', '--feature', 'core', '--plain', '--runtime-root', '/full'],
        '--index-url=https://ada:s3cret@old.example/x',
      ],
    };
    const mending = (remedy: Remedy) => mendingOf(remedyFor(remedy, invocation), invocation);
    const url = 'https://i.example/simple';
    expect(mending(USE_INDEX)?.changes([url])).toEqual({ indexUrl: url });
    expect(mending(OTHER_ROOT)?.changes(['/big/ktx'])).toEqual({ runtimeRoot: '/big/ktx' });
    expect(mending(OTHER_ROOT)?.fields.map(({ id }) => id)).toEqual(['runtime-root']);
    expect(mending(CHOOSE_CA_FILE)?.task(['/ca'])).toEqual({
      kind: 'store-setting',
      name: 'ca-file',
      value: '/ca',
    });
    expect(mending(RETRY)).toBeNull();
    expect(mending(CHECK_PROXY)?.next).toBe('network');
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

/** A remedy of each id. What is left to a person has no command that changes anything, and is tried again by `Try again`. */
const OF_EACH_ID: Readonly<Record<(typeof REMEDY_IDS)[number], Remedy>> = {
  retry: RETRY,
  'go-online': GO_ONLINE,
  'check-address': all.checkAddress('a.example'),
  'check-network': all.CHECK_NETWORK,
  'check-clock': CHECK_CLOCK,
  'set-proxy': SET_PROXY,
  'check-proxy': CHECK_PROXY,
  'translating-proxy': all.TRANSLATING_PROXY,
  'set-client-certificate': SET_CLIENT_CERTIFICATE,
  'check-settings': all.SHOW_SETTINGS,
  'give-setting': givenInstead('HTTPS_PROXY', 'proxy')[0]!,
  'proxy-login': PROXY_LOGIN,
  'bypass-proxy': bypassProxy('a.example'),
  'ask-for-access': all.askForAccess('a.example'),
  'choose-ca-file': CHOOSE_CA_FILE,
  'use-index': USE_INDEX,
  'copy-store': all.COPY_STORE,
  'use-bundle': all.installFromBundle(null),
  'use-system-python': USE_SYSTEM_PYTHON,
  'choose-python': otherPython('Choose another Python'),
  'add-login': addLogin('a.example'),
  'allow-host': allowHosts(['a.example']),
  'sign-in': all.signInAt('https://a.example'),
  'ask-the-owner': all.askTheOwner('a.example', 'to renew it'),
  'free-space': all.FREE_SPACE,
  'free-memory': all.FREE_MEMORY,
  'raise-limit': all.LIFT_FILE_LIMIT,
  'move-away': moveAway('/a'),
  rebuild: REBUILD,
  'other-root': OTHER_ROOT,
  'make-writable': makeWritable('/a'),
  'exclude-from-antivirus': all.excludeFromAntivirus('/a'),
  'reinstall-package': all.REINSTALL_PACKAGE,
  'save-report': SAVE_REPORT,
  other: all.otherRemedy('Ask somebody'),
};

const BY_HAND = new Set<string>([
  ...['retry', 'check-address', 'check-network', 'check-clock', 'ask-for-access', 'sign-in', 'ask-the-owner'],
  ...['free-memory', 'raise-limit', 'exclude-from-antivirus', 'reinstall-package', 'other'],
]);

it.each(REMEDY_IDS)('%s can be followed without leaving the wizard', (id) => {
  const remedy = OF_EACH_ID[id];
  expect(remedy.id).toBe(id);
  const state = failedWith([remedy]);
  const first = failureChoices(state)[0];
  if (BY_HAND.has(id)) {
    expect(mendingOf(remedy)).toBeNull();
    expect(first?.id).toBe('retry');
    if (id !== 'retry') expect(stepsByHand(state.report)).toEqual([remedyText(remedy)]);
    expect(run(state, 'confirm').next.screen).toBe('plan');
    return;
  }
  const mending = mendingOf(remedy);
  expect(first?.id).toBe(mending?.id);
  expect(stepsByHand(state.report)).toEqual([]);
  const values = (mending?.fields ?? []).map((spec) =>
    spec.type === 'url' ? 'https://a.example' : spec.type === 'host' ? 'a.example:1' : '/a',
  );
  const { next, effects } = choose(remedy, values);
  expect(effects).toHaveLength(1);
  expect(next.screen).not.toBe('left');
});

describe('a field', () => {
  const opened = () => run(failedWith(), 'next', 'confirm').next;
  const fieldOf = (state: WizardState) => (state as FailureState).field?.field;

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
    expect(fieldOf(next)?.problem).toEqual(expect.any(String));
  });

  it('takes the first line of a paste, without what a terminal obeys', () => {
    const { next } = run(opened(), type('\u001b[31mhttps://i.example\r\nq\r'));
    expect(fieldOf(next)?.text).toBe('[31mhttps://i.example');
  });

  it('erases whole characters, and all', () => {
    const one = run(opened(), type('a😀'), 'erase').next;
    expect(fieldOf(one)?.text).toBe('a');
    expect(fieldOf(run(one, 'erase-all').next)?.text).toBe('');
  });

  it('leaves with Esc, and changes nothing', () => {
    const { next, effects } = run(opened(), type('https://i.example'), 'back');
    expect(next).toMatchObject({ screen: 'failure', field: null, changes: {} });
    expect(effects).toEqual([]);
  });

  it('goes back to the value before with Esc', () => {
    const second = run(failedWith([PROXY_LOGIN]), 'confirm', type('ada'), 'confirm').next;
    expect(fieldOf(second)?.spec.id).toBe('proxy-password');
    expect(fieldOf(run(second, 'back').next)?.spec.id).toBe('proxy-user');
  });

  it('is no place for text where none is open', () => {
    const state = failedWith();
    expect(run(state, type('q')).next).toBe(state);
  });

  it('takes the quotes of a shell off a path', () => {
    const { effects } = run(failedWith(), 'confirm', type("'/home/ada/my ca.pem' "), 'confirm');
    expect(effects).toMatchObject([{ type: 'mend', task: { value: '/home/ada/my ca.pem' } }]);
  });
});

describe('a setting that a remedy stores', () => {
  const storing = () => run(failedWith(), 'confirm', type('/ca.pem'), 'confirm').next;

  it('is stored before the next attempt', () => {
    expect(storing()).toMatchObject({ screen: 'failure', mendingId: 'mend choose-ca-file' });
    expect(run(storing(), done).effects).toMatchObject([{ type: 'plan' }]);
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
      mendingId: null,
      field: { field: { text: '/ca.pem', problem: '/ca.pem holds no certificate' } },
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
  ['python', '3.13', true],
  ['python', 'python3.12.1', true],
  ['python', './python', true],
  ['python', '2.7', false],
  ['python', 'pypy', false],
] as const)('a field for a %s takes %j: %s', (fieldType, text, isTaken) => {
  const field = typeIntoField(openField({ id: 'x', name: 'X', type: fieldType }), text);
  expect(fieldProblem(field) === null).toBe(isTaken);
});
