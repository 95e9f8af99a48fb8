import type { FailureReport, PlanSummary } from '../core/events.ts';
import { featuresSatisfy, type KtxRuntimeFeature } from '../core/features.ts';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import { onChecked, onCheckStopped, onDoctor, onRepaired, onRepairFailed } from './check-commands.ts';
import { availableOffers } from './choices.ts';
import { reduceCommand } from './commands.ts';
import { mended, refusedMending, typeIntoFailure } from './failure-commands.ts';
import { typeIntoSearch } from './log-scroll.ts';
import { checkFor, installFor, leave, planFor, sharedOf, stay } from './moves.ts';
import {
  panelAnswered,
  panelNoted,
  panelRefused,
  panelStopped,
  typeIntoPanelState,
} from './panel-commands.ts';
import { withoutPrune } from './panels/mending.ts';
import { isPanelBusy } from './panels/panels.ts';
import { advanceProgress, tickProgress } from './progress/progress.ts';
import type {
  FailureState,
  FeaturesState,
  PlanState,
  Shared,
  Transition,
  WizardEvent,
  WizardState,
} from './state.ts';
import { isBusy } from './state.ts';

/** Probe messages shown on the plan screen while it waits. */
const ACTIVITY_LINES = 6;

/**
 * The wizard's reducer: the next state for an event, and the effects to run. Pure; effects are data. Results
 * of an outdated run (another `runId`) change nothing.
 */
export function reduce(state: WizardState, event: WizardEvent): Transition {
  if (state.screen === 'left') return stay(state);
  if ('runId' in event && event.runId !== state.runId) return stay(state);
  switch (event.type) {
    case 'command':
      return reduceCommand({ ...state, nowMs: event.nowMs }, event);
    case 'text':
      if (state.isHelpOpen) return stay(state);
      if (state.screen === 'check') return stay(typeIntoSearch(state, event.text));
      if (state.screen === 'installing')
        return stay(state.stopQuestion || state.isStopping ? state : typeIntoSearch(state, event.text));
      if (state.screen === 'panel') return stay(typeIntoPanelState(state, event.text));
      return stay(state.screen === 'failure' ? typeIntoFailure(state, event.text) : state);
    case 'tick':
      return stay(atTime(state, event.nowMs, event.pace));
    case 'terminated':
      return terminate(state);
    case 'overview':
      return afterOverview(state, event);
    case 'planned':
      return state.screen === 'plan' ? afterPlan(state, event) : stay(state);
    case 'already-ready':
      if (state.screen !== 'plan') return stay(state);
      return checkFor({ ...state, nowMs: event.nowMs }, { result: event.result });
    case 'installed':
      if (state.screen !== 'installing') return stay(state);
      // The switch completed before the abort: report the install and keep it.
      if (state.isStopping) return leave(state, 0, { kind: 'done', result: event.result, checks: null });
      // The forced install is done: from here on show the real state.
      return checkFor(
        { ...state, nowMs: event.nowMs, logPath: event.result.logPath, shouldForce: false },
        { result: event.result, proof: state.proof, hasLog: true },
      );
    case 'checked':
      if (state.screen !== 'check') return stay(state);
      return onChecked(state, event);
    case 'undone':
      if (state.screen !== 'check') return stay(state);
      // The installed environment is no longer active.
      return checkFor({ ...state, nowMs: event.nowMs }, { undone: event.target });
    case 'doctor':
      return stay(state.screen === 'check' ? onDoctor({ ...state, nowMs: event.nowMs }, event.event) : state);
    case 'repair-planned':
      if (state.screen !== 'check' || state.repair?.phase !== 'planning') return stay(state);
      return stay({ ...state, nowMs: event.nowMs, repair: { phase: 'asking', plan: event.plan, cursor: 0 } });
    case 'repaired':
      return state.screen === 'check' ? onRepaired(state, event) : stay(state);
    case 'repairs-undone':
      if (state.screen !== 'check') return stay(state);
      return checkFor(
        { ...state, nowMs: event.nowMs },
        { costs: state.costs, repair: { phase: 'undone', repairs: event.repairs } },
      );
    case 'answer':
      if (state.screen === 'panel') return panelAnswered({ ...state, nowMs: event.nowMs }, event.answer);
      if (state.screen !== 'failure' || event.answer.type !== 'mended') return stay(state);
      return mended({ ...state, nowMs: event.nowMs }, event.answer.notice);
    case 'failed':
      if (state.screen === 'failure') return stay(refusedMending(state, event.report));
      return fail({ ...state, nowMs: event.nowMs }, event.report);
    case 'cancelled':
      if (state.screen === 'panel') return panelStopped(state);
      if (state.screen === 'check') return onCheckStopped(state);
      if (state.screen !== 'installing') return stay(state);
      return leave(state, 130, { kind: 'cancelled', logPath: state.logPath });
    case 'setup-event':
      return stay(withSetupEvent(state, event));
  }
}

function atTime(state: WizardState, nowMs: number, pace?: number): WizardState {
  if (state.screen !== 'installing') return { ...state, nowMs };
  return { ...state, nowMs, progress: tickProgress(state.progress, nowMs, pace) };
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
  const { isPlanNext = false, ...loaded } = state;
  const shared: Shared = { ...loaded, nowMs: event.nowMs, overview, logPath: layout.installLogPath };
  if (isReady && !state.shouldForce) {
    const notice = isPlanNext ? { notice: 'This folder already has a runtime that is complete.' } : {};
    return stay({ ...shared, screen: 'ready', overview, cursor: 0, ...notice });
  }
  // Check a broken runtime first: a repair is quicker than an installation, and keeps more.
  if (overview.status.kind === 'broken' && !state.shouldForce && !state.isFeatureRequired) {
    return checkFor({ ...shared, screen: 'features', overview });
  }
  const offers = availableOffers(shared);
  const begun: FeaturesState = { ...shared, screen: 'features', overview };
  if (
    isPlanNext &&
    overview.status.kind === 'missing' &&
    offers.some(({ feature }) => feature === state.feature)
  )
    return planFor(begun, overview);
  const isOffered = (feature: KtxRuntimeFeature) => offers.some((offer) => offer.feature === feature);
  // An update keeps the features of the old version.
  const older = state.isFeatureRequired ? undefined : overview.otherRuntimes[0];
  const before = older?.features.find((feature) => feature !== 'core');
  const wanted = before && isOffered(before) ? before : state.feature;
  return stay({
    ...shared,
    screen: 'features',
    overview,
    feature: isOffered(wanted) ? wanted : (offers[0]?.feature ?? wanted),
    featureReason: wanted === before ? `ktx ${older?.cliVersion} has it, too` : state.featureReason,
  });
}

function afterPlan(
  state: PlanState,
  { summary, pace = 1, nowMs }: Extract<WizardEvent, { type: 'planned' }>,
): Transition {
  const { confirmed, overview } = state;
  if (confirmed && asksNoMore(summary, confirmed))
    return installFor({ ...state, nowMs, pace }, overview, summary);
  return stay({ ...state, nowMs, summary, pace, cursor: 0 });
}

/**
 * The new plan needs no new host, no other Python and no larger download: the earlier confirmation covers it.
 */
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
    const proof = event.type === 'check' ? [...state.proof, event.check] : state.proof;
    return { ...state, nowMs, report, proof, progress: advanceProgress(state.progress, event) };
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
  if (state.screen === 'panel' && event.type === 'note') return panelNoted({ ...state, nowMs }, event.text);
  return state;
}

function fail(state: WizardState, failed: FailureReport): Transition {
  const told = fitting(state, failed);
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
      mendingId: null,
      panel: null,
      notice: null,
      ...more,
    });
  switch (state.screen) {
    case 'loading':
      return at('overview', told);
    case 'plan':
      return at('plan', told, { elapsedMs: state.nowMs - state.startedAtMs });
    case 'installing': {
      // Aborted children report their own errors; the user knows why they stopped.
      if (state.isStopping) return leave(state, 130, { kind: 'cancelled', logPath: state.logPath });
      const report = state.report ? fitting(state, state.report) : told;
      return at('install', report, {
        elapsedMs: state.nowMs - state.progress.startedAtMs,
        summary: state.summary,
        progress: state.progress,
        hasLog: true,
        logPath: report.logPath,
      });
    }
    case 'check': {
      const stopped = onRepairFailed(state, told);
      if (stopped) return stopped;
      return at('check', told, { elapsedMs: state.nowMs - state.startedAtMs });
    }
    case 'panel': {
      const refused = panelRefused(state, told);
      if (refused) return stay(refused);
      return at('panel', told, { elapsedMs: state.nowMs - state.startedAtMs, panel: state });
    }
    default:
      return stay(state);
  }
}

/** Only remedies that can help here. */
function fitting({ overview }: WizardState, report: FailureReport): FailureReport {
  return overview?.otherRuntimes.length === 0 ? withoutPrune(report) : report;
}

function terminate(state: WizardState): Transition {
  if (state.screen === 'installing') {
    return {
      next: { ...state, isStopping: true, stopQuestion: null, isHelpOpen: false },
      effects: [{ type: 'cancel' }],
    };
  }
  if (state.screen === 'panel') return leave(state, isPanelBusy(state.panel) ? 130 : 0, { kind: 'left' });
  if (state.screen === 'failure') return leave(state, 1, { kind: 'failed', report: state.report });
  return leave(state, 130, isBusy(state) ? { kind: 'cancelled', logPath: state.logPath } : { kind: 'left' });
}
