import type { FailureReport, SetupEvent, SetupEventBody } from '../../src/support/events.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import type {
  Command,
  StartOptions,
  Transition,
  ViewSize,
  WizardEvent,
  WizardState,
} from '../../src/wizard/state.ts';
import { startWizard } from '../../src/wizard/state.ts';
import { DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';

export const START_MS = Date.parse('2026-11-21T10:00:00Z');

export const VIEW: ViewSize = { logStart: 0, logEnd: 100, logRows: 10, overflowRows: 5 };

export const REPORT: FailureReport = {
  step: 'fetch',
  failureClass: 'network',
  title: 'numpy could not be fetched',
  evidence: ['pypi.acme.internal: self-signed certificate in chain'],
  nextSteps: ['Set SSL_CERT_FILE'],
  untouched: 'Nothing was changed.',
  logPath: null,
};

export const READY_OVERVIEW = {
  ...DEMO_OVERVIEW,
  status: { kind: 'ready' as const, detail: 'ready', features: ['core' as const] },
};

/** An event of the library, `afterMs` after the start. */
export function told(body: SetupEventBody, afterMs = 0): SetupEvent {
  return { at: new Date(START_MS + afterMs).toISOString(), ...body } as SetupEvent;
}

export function command(name: Command, view = VIEW): WizardEvent {
  return { type: 'command', command: name, view, nowMs: START_MS };
}

/** Runs events one after the other; a string is a command. Gives the last transition. */
export function run(
  state: WizardState,
  ...events: (Command | ((state: WizardState) => WizardEvent))[]
): Transition {
  let transition: Transition = { next: state, effects: [] };
  for (const event of events) {
    const { next } = transition;
    transition = reduce(next, typeof event === 'string' ? command(event) : event(next));
  }
  return transition;
}

export const overviewCame =
  (overview = DEMO_OVERVIEW) =>
  ({ runId }: WizardState): WizardEvent => ({ type: 'overview', runId, overview, nowMs: START_MS });
export const planned = ({ runId }: WizardState): WizardEvent => ({
  type: 'planned',
  runId,
  summary: DEMO_PLAN,
  nowMs: START_MS,
});
export const installed = ({ runId }: WizardState): WizardEvent => ({
  type: 'installed',
  runId,
  result: DEMO_RESULT,
  nowMs: START_MS,
});
export const failed = ({ runId }: WizardState): WizardEvent => ({
  type: 'failed',
  runId,
  report: REPORT,
  nowMs: START_MS,
});
export const cancelled = ({ runId }: WizardState): WizardEvent => ({ type: 'cancelled', runId });
export const terminated = (): WizardEvent => ({ type: 'terminated' });

export function loading(options: Partial<StartOptions> = {}): WizardState {
  return startWizard({ nowMs: START_MS, ...options }).next;
}

export const features = () => run(loading(), overviewCame()).next;
export const ready = () => run(loading(), overviewCame(READY_OVERVIEW)).next;
export const probing = () => run(features(), 'confirm').next;
export const plan = () => run(probing(), planned).next;
export const installing = () => run(plan(), 'confirm').next;
export const failure = () => run(installing(), failed).next;
export const checking = () => run(installing(), installed).next;
