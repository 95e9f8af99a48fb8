import { describe, expect, it } from 'vitest';
import { failureChoices, readyChoices } from '../../src/wizard/choices.ts';
import type { UndoTarget } from '../../src/wizard/functions.ts';
import { commandFor } from '../../src/wizard/keys.ts';
import type { Command, FailureState, ReadyState, WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { startWizard } from '../../src/wizard/state.ts';
import {
  cancelled,
  checking,
  failed,
  failure,
  features,
  installed,
  installing,
  loading,
  overviewCame,
  plan,
  planned,
  probing,
  READY_OVERVIEW,
  REPORT,
  ready,
  run,
  START_MS,
  terminated,
  told,
} from '../fixtures/wizard-states.ts';
import {
  BROKEN_CHECKS,
  DEMO_CHECKS,
  DEMO_OVERVIEW,
  DEMO_PLAN,
  DEMO_RESULT,
  DEMO_UNDO,
} from '../pty/demo-data.ts';

const checked =
  (checks = DEMO_CHECKS, undo: UndoTarget | null = null) =>
  ({ runId }: WizardState): WizardEvent => ({ type: 'checked', runId, checks, undo, nowMs: START_MS });
const brokenChecks = DEMO_CHECKS.map((check) =>
  check.id === 'daemon' ? { ...check, status: 'fail' as const } : check,
);
const checkedState = () => run(checking(), checked()).next;
const brokenState = () => run(checking(), checked(brokenChecks)).next;
const planFailure = () => run(probing(), failed).next;
const overviewFailure = () => run(loading(), failed).next;
/** A choice of the menu of a working runtime. */
function chosen(id: string, state: WizardState = ready()) {
  const index = readyChoices(state as ReadyState).findIndex((choice) => choice.id === id);
  return run(state, ...Array.from({ length: index }, () => 'next' as const), 'confirm');
}

const stopAsked = () => run(installing(), 'interrupt').next;
const stopping = () => run(installing(), 'interrupt', 'interrupt').next;

it('begins by looking at what is there', () => {
  expect(startWizard({ nowMs: START_MS }).effects).toEqual([{ type: 'overview', runId: 1 }]);
});

describe('the way from the first screen to the last', () => {
  const steps: [string, WizardState, Parameters<typeof run>[1], string, object[]][] = [
    ['overview', loading(), overviewCame(), 'features', []],
    [
      'continue',
      features(),
      'confirm',
      'plan',
      [{ type: 'plan', runId: 2, features: ['core'], shouldForce: false }],
    ],
    ['planned', probing(), planned, 'plan', []],
    ['install', plan(), 'confirm', 'installing', [{ type: 'install', runId: 3 }]],
    [
      'installed',
      installing(),
      installed,
      'check',
      [{ type: 'check', runId: 4, costs: [], isProven: false }],
    ],
    ['checked', checking(), checked(), 'check', []],
    ['done', checkedState(), 'confirm', 'left', [{ type: 'cancel' }, { type: 'exit', code: 0 }]],
  ];
  it.each([
    ['when all is well', checkedState(), 0],
    ['when a check failed', run(checking(), checked(brokenChecks)).next, 1],
    ['while checks run', checking(), 130],
  ] as const)('Ctrl+C leaves the checks %s', (_name, state, code) => {
    const { next, effects } = run(state, 'interrupt');
    expect(next.screen).toBe('left');
    expect(effects).toContainEqual({ type: 'exit', code });
  });

  it.each(steps)('%s', (_name, state, event, screen, effects) => {
    const transition = run(state, event);
    expect(transition.next.screen).toBe(screen);
    expect(transition.effects).toEqual(effects);
  });

  it('plans what was chosen', () => {
    expect(run(features(), 'next', 'confirm').effects).toMatchObject([{ features: ['local-embeddings'] }]);
  });

  it('goes straight to the check when there is nothing to install', () => {
    const transition = run(probing(), ({ runId }) => ({
      type: 'already-ready',
      runId,
      result: DEMO_RESULT,
      nowMs: START_MS,
    }));
    expect(transition.next).toMatchObject({ screen: 'check', result: DEMO_RESULT });
  });
});

describe('undo, from the check', () => {
  const updated = () => run(checking(), checked(DEMO_CHECKS, DEMO_UNDO)).next;
  const undone = ({ runId }: WizardState): WizardEvent => ({
    type: 'undone',
    runId,
    target: DEMO_UNDO,
    nowMs: START_MS,
  });

  it('is offered where there is an environment to go to, once the check has ended', () => {
    expect(commandFor(updated(), 'u')).toBe('undo');
    expect(commandFor(checkedState(), 'u')).toBeNull();
    expect(commandFor(checking(), 'u')).toBeNull();
    expect(run(checkedState(), 'undo').effects).toEqual([]);
  });

  it('goes there once, checks again, and then knows where it is', () => {
    const asking = run(updated(), 'undo');
    expect(asking).toMatchObject({ effects: [], next: { undoQuestion: { cursor: 0 } } });
    expect(run(asking.next, 'back').next).toMatchObject({ undoQuestion: null, undone: null });
    expect(run(asking.next, 'next', 'confirm')).toMatchObject({ effects: [], next: { undoQuestion: null } });
    const going = run(asking.next, 'confirm');
    expect(going.effects).toMatchObject([{ type: 'undo' }]);
    expect(going.next).toMatchObject({ screen: 'check', isRunning: true, checks: [], undone: DEMO_UNDO });
    expect(run(going.next, 'undo').effects).toEqual([]);
    const gone = run(going.next, undone);
    expect(gone.effects).toMatchObject([{ type: 'check' }]);
    expect(gone.next).toMatchObject({ screen: 'check', undone: DEMO_UNDO, undo: null });
  });

  it('does not say goodbye with the installation that it took back', () => {
    const state = run(updated(), 'undo', 'confirm', undone, checked()).next;
    expect(run(state, 'quit').next).toMatchObject({ farewell: { kind: 'checked' } });
    expect(run(run(updated(), 'undo', 'confirm').next, 'quit').next).toMatchObject({
      farewell: { kind: 'left' },
    });
  });

  it('that is stopped ends first, and says what is active', () => {
    const stopping = run(updated(), 'undo', 'confirm', 'interrupt');
    expect(stopping).toMatchObject({ next: { isStopping: true }, effects: [{ type: 'cancel' }] });
    expect(run(stopping.next, 'interrupt').effects).toEqual([]);
    const stopped = run(stopping.next, cancelled);
    expect(stopped.effects).toMatchObject([{ type: 'check' }]);
    expect(stopped.next).toMatchObject({
      screen: 'check',
      undone: null,
      notice: expect.stringContaining('Nothing was'),
    });
    // The switch was quicker than the stop: what is true is said.
    expect(run(stopping.next, undone).next).toMatchObject({ undone: DEMO_UNDO });
  });

  it('that fails says why, and the way on is another check', () => {
    const state = run(updated(), 'undo', 'confirm', failed).next;
    expect(state).toMatchObject({ screen: 'failure', retry: 'check' });
  });
});

describe('the first screen', () => {
  it('is the menu when a working runtime has what is wanted', () => {
    expect(ready().screen).toBe('ready');
  });
  it.each([
    ['the wanted feature is missing', { feature: 'local-embeddings' as const }, READY_OVERVIEW],
    ['it shall be made anew', { shouldForce: true }, READY_OVERVIEW],
    [
      'a broken runtime shall be made anew',
      { shouldForce: true },
      { ...READY_OVERVIEW, status: { ...READY_OVERVIEW.status, kind: 'broken' as const } },
    ],
  ])('asks for the features when %s', (_name, options, overview) => {
    expect(run(loading(options), overviewCame(overview)).next.screen).toBe('features');
  });
  it('is the doctor when the runtime is broken, with the features behind it', () => {
    const overview = { ...READY_OVERVIEW, status: { ...READY_OVERVIEW.status, kind: 'broken' as const } };
    const { next, effects } = run(loading(), overviewCame(overview));
    expect(next).toMatchObject({ screen: 'check', result: null });
    expect(effects).toMatchObject([{ type: 'check', costs: [], isProven: false }]);
    const found = run(next, checked(BROKEN_CHECKS)).next;
    expect(commandFor(found, 'r')).toBe('repair');
    expect(run(found, 'back').next.screen).toBe('features');
  });
  it('keeps what could be done before an update', () => {
    const older = [{ cliVersion: '0.2.0', features: ['core' as const, 'local-embeddings' as const] }];
    const overview = { ...DEMO_OVERVIEW, otherRuntimes: older };
    expect(run(loading(), overviewCame(overview)).next).toMatchObject({
      screen: 'features',
      feature: 'local-embeddings',
      featureReason: 'ktx 0.2.0 has it, too',
    });
    // What was asked for goes first.
    expect(run(loading({ feature: 'core' }), overviewCame(overview)).next).toMatchObject({ feature: 'core' });
  });
  it('never preselects what this machine cannot have', () => {
    const offers = DEMO_OVERVIEW.offers.map((offer) =>
      offer.feature === 'core' ? offer : { ...offer, unavailableReason: 'no build for musl' },
    );
    const state = run(
      loading({ feature: 'local-embeddings' }),
      overviewCame({ ...DEMO_OVERVIEW, offers }),
    ).next;
    expect(state.feature).toBe('core');
    expect(run(state, 'next').next.feature).toBe('core');
  });
});

describe('Esc goes back where nothing runs', () => {
  it.each<[string, WizardState, string]>([
    ['from the probes', probing(), 'features'],
    ['from the plan', plan(), 'features'],
    ['from a failed installation', failure(), 'plan'],
    ['from a failed plan', planFailure(), 'features'],
    ['from a check by itself', run(ready(), 'confirm', checked()).next, 'loading'],
    ['from features that were reached by the menu', chosen('change').next, 'ready'],
    ['but not from an installation', installing(), 'installing'],
    ['nor from the first screen', features(), 'features'],
    ['from a check after an installation', checkedState(), 'loading'],
  ])('%s', (_name, state, screen) => {
    expect(run(state, 'back').next.screen).toBe(screen);
  });

  it('stops the probes that it leaves, and does not hear of them again', () => {
    const left = probing();
    const { next, effects } = run(left, 'back');
    expect(effects).toEqual([{ type: 'cancel' }]);
    expect(run(next, () => planned(left)).next).toBe(next);
    // Nor when the same screen waits for another plan.
    const again = run(next, 'confirm').next;
    expect(run(again, () => planned(left)).next).toBe(again);
  });
});

describe('leaving', () => {
  const rows: [string, WizardState, Command, number, string][] = [
    ['the features with q', features(), 'quit', 0, 'left'],
    ['the features with Ctrl+C', features(), 'interrupt', 0, 'left'],
    ['the menu', ready(), 'interrupt', 0, 'left'],
    ['the plan', plan(), 'interrupt', 0, 'left'],
    ['running probes with q', probing(), 'quit', 0, 'left'],
    ['running probes with Ctrl+C', probing(), 'interrupt', 130, 'cancelled'],
    ['a failure', failure(), 'quit', 1, 'failed'],
    ['a failure with Ctrl+C', failure(), 'interrupt', 1, 'failed'],
    ['a failed plan', planFailure(), 'quit', 1, 'failed'],
    ['a failed overview', overviewFailure(), 'quit', 1, 'failed'],
    ['a running check with q', checking(), 'quit', 0, 'done'],
    ['a running check with Ctrl+C', checking(), 'interrupt', 130, 'done'],
    ['a passed check', checkedState(), 'quit', 0, 'done'],
    ['a failed check', brokenState(), 'confirm', 1, 'done'],
    ['a failed check with q', brokenState(), 'quit', 1, 'done'],
    [
      'a failed check by itself',
      run(ready(), 'confirm', checked(brokenChecks)).next,
      'confirm',
      1,
      'checked',
    ],
  ];
  it.each(rows)('%s', (_name, state, command, exitCode, kind) => {
    const { next, effects } = run(state, command);
    expect(next).toMatchObject({ screen: 'left', exitCode, farewell: { kind } });
    expect(effects).toEqual([{ type: 'cancel' }, { type: 'exit', code: exitCode }]);
  });
});

describe('stopping an installation', () => {
  it('asks first, and an Enter that was meant for something else keeps on', () => {
    expect(stopAsked()).toMatchObject({
      screen: 'installing',
      stopQuestion: { cursor: 0 },
      isStopping: false,
    });
    expect(run(stopAsked(), 'confirm')).toMatchObject({
      next: { stopQuestion: null, isStopping: false },
      effects: [],
    });
  });
  it.each<[string, Command[]]>([
    ['a second Ctrl+C', ['interrupt']],
    ['y', ['stop-yes']],
    ['Enter on Stop', ['next', 'confirm']],
  ])('%s stops now', (_name, commands) => {
    const { next, effects } = run(stopAsked(), ...commands);
    expect(next).toMatchObject({ screen: 'installing', isStopping: true });
    expect(effects).toEqual([{ type: 'cancel' }]);
  });
  it.each<[Command]>([['stop-no'], ['back']])('%s keeps on', (command) => {
    expect(run(stopAsked(), command)).toMatchObject({ next: { stopQuestion: null }, effects: [] });
  });
  it('ends with 130, and only when everything has ended', () => {
    expect(run(stopping(), 'interrupt').effects).toEqual([]);
    expect(run(stopping(), cancelled).next).toMatchObject({ screen: 'left', exitCode: 130 });
    expect(run(stopping(), failed).next).toMatchObject({ exitCode: 130, farewell: { kind: 'cancelled' } });
  });
  it('tells of the success when the switch was quicker', () => {
    expect(run(stopping(), installed).next).toMatchObject({ exitCode: 0, farewell: { kind: 'done' } });
  });
});

describe('SIGTERM, SIGHUP, a terminal that is gone', () => {
  it('stops an installation without a question', () => {
    const { next, effects } = run(installing(), terminated);
    expect(next).toMatchObject({ isStopping: true });
    expect(effects).toEqual([{ type: 'cancel' }]);
  });
  it.each<[string, WizardState, number]>([
    ['the features', features(), 130],
    ['running probes', probing(), 130],
    ['a running check', checking(), 130],
    ['a failure', failure(), 1],
  ])('leaves %s', (_name, state, exitCode) => {
    expect(run(state, terminated).next).toMatchObject({ screen: 'left', exitCode });
  });
});

it('what was forced is forced once: the way back from the check leads to what is there', () => {
  const done = run({ ...installing(), shouldForce: true }, installed).next;
  expect(done).toMatchObject({ screen: 'check', shouldForce: false });
});

describe('a failure', () => {
  it('shows what the installation itself told rather than the bare error', () => {
    const report = { ...REPORT, title: 'told by the installation' };
    const state = run(
      installing(),
      ({ runId }) => ({ type: 'setup-event', runId, event: told({ type: 'failure', failure: report }) }),
      failed,
    ).next;
    expect(state).toMatchObject({ screen: 'failure', report: { title: 'told by the installation' } });
  });
  it('has the log that the report names: what fails before there is one has none', () => {
    expect(failure()).toMatchObject({ logPath: null });
    const logPath = '/home/ada/.ktx/runtime/0.3.0/install.log';
    const state = run(installing(), ({ runId }) => ({
      type: 'failed',
      runId,
      nowMs: 0,
      report: { ...REPORT, logPath },
    })).next;
    expect(state).toMatchObject({ screen: 'failure', logPath });
  });
  it.each<[string, WizardState, string[]]>([
    ['of the installation', failure(), ['retry', 'plan', 'log', 'quit']],
    ['of the plan', planFailure(), ['retry', 'features', 'quit']],
    ['of the overview', overviewFailure(), ['retry', 'quit']],
    ['of the checks', run(checking(), failed).next, ['retry', 'quit']],
  ])('%s offers only what works', (_name, state, ids) => {
    expect(failureChoices(state as FailureState).map((choice) => choice.id)).toEqual(ids);
  });
  it.each<[string, WizardState, string]>([
    ['the installation', failure(), 'plan'],
    ['the plan', planFailure(), 'plan'],
    ['the overview', overviewFailure(), 'overview'],
    ['the checks', run(checking(), failed).next, 'check'],
  ])('tries %s again', (_name, state, type) => {
    expect(run(state, 'confirm').effects).toMatchObject([{ type }]);
  });
  describe('of an installation, tried again,', () => {
    const again = () => run(failure(), 'confirm').next;
    const plannedAs =
      (changes: Partial<typeof DEMO_PLAN>) =>
      ({ runId }: WizardState): WizardEvent => ({
        type: 'planned',
        runId,
        summary: { ...DEMO_PLAN, ...changes },
        nowMs: START_MS,
      });
    it.each<[string, Partial<typeof DEMO_PLAN>]>([
      ['the same plan', {}],
      ['a plan that has less to fetch', { downloadBytes: 5, hosts: DEMO_PLAN.hosts.slice(1) }],
    ])('installs by %s without another question', (_name, changes) => {
      expect(run(again(), plannedAs(changes)).effects).toMatchObject([{ type: 'install' }]);
    });
    it.each<[string, Partial<typeof DEMO_PLAN>]>([
      ['another host', { hosts: [...DEMO_PLAN.hosts, 'other.example'] }],
      ['more bytes', { downloadBytes: (DEMO_PLAN.downloadBytes ?? 0) + 1 }],
      ['a size nobody knows', { downloadBytes: null }],
      ['another Python', { python: { kind: 'system', version: '3.11.2', path: '/usr/bin/python3' } }],
    ])('asks again when the plan has %s', (_name, changes) => {
      const { next, effects } = run(again(), plannedAs(changes));
      expect(next).toMatchObject({ screen: 'plan', summary: changes });
      expect(effects).toEqual([]);
    });
  });
  it('shows its log and comes back', () => {
    const shown = run(failure(), 'next', 'next', 'confirm').next;
    expect(shown).toMatchObject({ screen: 'failure', log: { kind: 'follow' } });
    expect(run(shown, 'back').next).toMatchObject({ screen: 'failure', log: null });
  });
});

describe('the menu of a working runtime', () => {
  it('offers another feature only where there is one', () => {
    const offers = DEMO_OVERVIEW.offers.slice(0, 1);
    const state = run(loading(), overviewCame({ ...READY_OVERVIEW, offers })).next as ReadyState;
    expect(readyChoices(state).map((choice) => choice.id)).not.toContain('change');
    expect(readyChoices(ready() as ReadyState).map((choice) => choice.id)).toEqual([
      ...['check', 'repair', 'start', 'change', 'reinstall', 'undo', 'prune', 'remove', 'quit'],
    ]);
  });
  it('offers what concerns a project only where there is one', () => {
    const state = run(loading({ hasProject: true }), overviewCame(READY_OVERVIEW)).next as ReadyState;
    expect(readyChoices(state).map((choice) => choice.id)).toEqual(expect.arrayContaining(['model', 'host']));
  });
  it('checks', () => {
    expect(run(ready(), 'confirm').effects).toMatchObject([{ type: 'check' }]);
  });
  it('installs again what is there, although it would do', () => {
    const status = { ...READY_OVERVIEW.status, features: ['core' as const, 'local-embeddings' as const] };
    const state = run(loading(), overviewCame({ ...READY_OVERVIEW, status })).next;
    expect(chosen('reinstall', state).effects).toMatchObject([
      { type: 'plan', features: ['local-embeddings'], shouldForce: true },
    ]);
  });
});

describe('results that nobody waits for any more', () => {
  it.each<[string, WizardState, (state: WizardState) => WizardEvent]>([
    ['planned', probing(), planned],
    ['installed', installing(), installed],
    ['failed', installing(), failed],
    ['cancelled', installing(), cancelled],
    ['checked', checking(), checked()],
  ])('%s of another run changes nothing', (_name, state, event) => {
    const stale = { ...event(state), runId: state.runId - 1 } as WizardEvent;
    expect(run(state, () => stale).next).toBe(state);
  });
});

describe('help', () => {
  it('opens and any key but Ctrl+C only closes it', () => {
    const open = run(plan(), 'help').next;
    expect(open.isHelpOpen).toBe(true);
    expect(run(open, 'confirm').next).toMatchObject({ screen: 'plan', isHelpOpen: false });
    expect(run(open, 'help').next.isHelpOpen).toBe(false);
    expect(run(open, 'interrupt').next.screen).toBe('left');
  });
});
