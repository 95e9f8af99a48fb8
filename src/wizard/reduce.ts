import type { FailureReport, PlanSummary } from '../core/events.ts';
import { featuresSatisfy } from '../core/features.ts';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import { availableOffers } from './choices.ts';
import { reduceCommand, typeFind } from './commands.ts';
import { refusedSetting, tryAgain, typeText } from './failure-commands.ts';
import { checkFor, installFor, leave, sharedOf, stay } from './moves.ts';
import { advanceProgress, tickProgress } from './progress.ts';
import type { FailureState, PlanState, Shared, Transition, WizardEvent, WizardState } from './state.ts';
import { isBusy } from './state.ts';

/** Lines of probing that the plan screen shows while it waits. */
const ACTIVITY_LINES = 6;

/**
 * The wizard as a function: what happens in a state, and what is to be done about it. Pure; effects are data.
 * Results of a run that is no longer waited for (another `runId`) change nothing.
 */
export function reduce(state: WizardState, event: WizardEvent): Transition {
  if (state.screen === 'left') return stay(state);
  if ('runId' in event && event.runId !== state.runId) return stay(state);
  switch (event.type) {
    case 'command':
      return reduceCommand({ ...state, nowMs: event.nowMs }, event);
    case 'text':
      return state.screen === 'installing' ? stay(typeFind(state, event.text)) : typeText(state, event.text);
    case 'tick':
      return stay(atTime(state, event.nowMs));
    case 'terminated':
      return terminate(state);
    case 'overview':
      return afterOverview(state, event);
    case 'planned':
      return state.screen === 'plan' ? afterPlan(state, event) : stay(state);
    case 'already-ready':
      if (state.screen !== 'plan') return stay(state);
      return checkFor({ ...state, nowMs: event.nowMs }, event.result);
    case 'installed':
      if (state.screen !== 'installing') return stay(state);
      // The switch won against the stop: what is true is said, and the work is kept.
      if (state.isStopping) return leave(state, 0, { kind: 'done', result: event.result, checks: null });
      // What was forced is done: who looks around afterwards sees what is there.
      return checkFor(
        { ...state, nowMs: event.nowMs, logPath: event.result.logPath, shouldForce: false },
        event.result,
      );
    case 'checked':
      if (state.screen !== 'check') return stay(state);
      return stay({
        ...state,
        nowMs: event.nowMs,
        isRunning: false,
        checks: event.checks,
        undo: event.undo,
        durationMs: event.nowMs - state.startedAtMs,
      });
    case 'undone':
      if (state.screen !== 'check') return stay(state);
      // What was installed is not in force any more.
      return checkFor({ ...state, nowMs: event.nowMs }, null, event.target);
    case 'setting-stored':
      return state.screen === 'failure' ? tryAgain({ ...state, nowMs: event.nowMs }) : stay(state);
    case 'failed':
      if (state.screen === 'failure') return stay(refusedSetting(state, event.report));
      return fail({ ...state, nowMs: event.nowMs }, event.report);
    case 'cancelled':
      if (state.screen !== 'installing') return stay(state);
      return leave(state, 130, { kind: 'cancelled', logPath: state.logPath });
    case 'setup-event':
      return stay(withSetupEvent(state, event));
  }
}

function atTime(state: WizardState, nowMs: number): WizardState {
  if (state.screen !== 'installing') return { ...state, nowMs };
  return { ...state, nowMs, progress: tickProgress(state.progress, nowMs) };
}

function afterOverview(state: WizardState, event: Extract<WizardEvent, { type: 'overview' }>): Transition {
  if (state.screen !== 'loading') return stay(state);
  const { overview } = event;
  const isReady =
    overview.status.kind === 'ready' &&
    featuresSatisfy(overview.status.features, state.isFeatureRequired ? [state.feature] : []);
  const layout = managedPythonRuntimeLayout({
    cliVersion: overview.cliVersion,
    runtimeRoot: overview.runtimeRoot,
  });
  const shared: Shared = { ...state, nowMs: event.nowMs, overview, logPath: layout.installLogPath };
  if (isReady && !state.shouldForce) return stay({ ...shared, screen: 'ready', overview, cursor: 0 });
  const offers = availableOffers(shared);
  const isOffered = offers.some((offer) => offer.feature === state.feature);
  return stay({
    ...shared,
    screen: 'features',
    overview,
    feature: isOffered ? state.feature : (offers[0]?.feature ?? state.feature),
  });
}

function afterPlan(
  state: PlanState,
  { summary, nowMs }: Extract<WizardEvent, { type: 'planned' }>,
): Transition {
  const { confirmed, overview } = state;
  if (confirmed && asksNoMore(summary, confirmed)) return installFor({ ...state, nowMs }, overview, summary);
  return stay({ ...state, nowMs, summary, cursor: 0 });
}

/** Neither a new host nor another Python nor more to download: what was confirmed covers it. */
function asksNoMore(summary: PlanSummary, confirmed: PlanSummary): boolean {
  return (
    summary.hosts.every((host) => confirmed.hosts.includes(host)) &&
    summary.python.kind === confirmed.python.kind &&
    summary.python.version === confirmed.python.version &&
    (summary.downloadBytes ?? Number.POSITIVE_INFINITY) <=
      (confirmed.downloadBytes ?? Number.POSITIVE_INFINITY)
  );
}

function withSetupEvent(
  state: WizardState,
  { event }: Extract<WizardEvent, { type: 'setup-event' }>,
): WizardState {
  const nowMs = Math.max(state.nowMs, Date.parse(event.at));
  if (state.screen === 'installing') {
    const report = event.type === 'failure' ? event.failure : state.report;
    return { ...state, nowMs, report, progress: advanceProgress(state.progress, event) };
  }
  if (state.screen === 'plan' && state.summary === null) {
    const text = event.type === 'note' ? event.text : event.type === 'step' ? (event.detail ?? null) : null;
    if (text === null) return state;
    return {
      ...state,
      nowMs,
      activity: [...state.activity.filter((it) => it !== text), text].slice(-ACTIVITY_LINES),
    };
  }
  if (state.screen === 'check' && state.isRunning && event.type === 'check') {
    return { ...state, nowMs, checks: [...state.checks, event.check] };
  }
  return state;
}

function fail(state: WizardState, told: FailureReport): Transition {
  const at = (
    retry: FailureState['retry'],
    report: FailureReport,
    more?: Partial<FailureState>,
  ): Transition =>
    stay({
      ...sharedOf(state),
      screen: 'failure',
      report,
      elapsedMs: 0,
      retry,
      summary: null,
      progress: null,
      cursor: 0,
      log: null,
      hasLog: false,
      field: null,
      isMending: false,
      ...more,
    });
  switch (state.screen) {
    case 'loading':
      return at('overview', told);
    case 'plan':
      return at('plan', told, { elapsedMs: state.nowMs - state.startedAtMs });
    case 'installing': {
      // Children that are stopped fail in their own words; the person knows why.
      if (state.isStopping) return leave(state, 130, { kind: 'cancelled', logPath: state.logPath });
      const report = state.report ?? told;
      return at('install', report, {
        elapsedMs: state.nowMs - state.progress.startedAtMs,
        summary: state.summary,
        progress: state.progress,
        hasLog: true,
        logPath: report.logPath,
      });
    }
    case 'check':
      return at('check', told, { elapsedMs: state.nowMs - state.startedAtMs });
    default:
      return stay(state);
  }
}

function terminate(state: WizardState): Transition {
  if (state.screen === 'installing') {
    return {
      next: { ...state, isStopping: true, stopQuestion: null, isHelpOpen: false },
      effects: [{ type: 'cancel' }],
    };
  }
  if (state.screen === 'failure') return leave(state, 1, { kind: 'failed', report: state.report });
  return leave(state, 130, isBusy(state) ? { kind: 'cancelled', logPath: state.logPath } : { kind: 'left' });
}
