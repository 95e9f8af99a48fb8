import type {
  CheckResult,
  FailureReport,
  PlanSummary,
  SetupEvent,
  SetupResult,
  SetupStep,
} from '../core/events.ts';
import { STEP_TITLES } from '../core/step-titles.ts';
import { said, t, translatable } from '../language/translate.ts';
import { CancelledError } from '../support/errors.ts';
import { columnsOf, padColumns } from '../support/text/columns.ts';
import { formatBytes, formatBytesOrUnknown, formatDuration, tildePath } from '../support/text/format.ts';
import { artefactName } from '../wizard/progress/progress.ts';
import { farewellLines, labelled } from './farewell.ts';

/** What has been printed so far, and what the next line depends on. Derived from events alone. */
export interface LineState {
  step: SetupStep | null;
  stepStartedAtMs: number;
  atMs: number;
  fetchedFiles: number;
  fileCount: number | null;
  /** Bytes so far by file, for files in transfer. */
  arriving: ReadonlyMap<string, number>;
  /** Bytes of completed files, and of all files; `null` when the plan does not say. */
  fetchedBytes: number;
  totalBytes: number | null;
}

const INITIAL_LINE_STATE: LineState = {
  step: null,
  stepStartedAtMs: 0,
  atMs: 0,
  fetchedFiles: 0,
  fileCount: null,
  arriving: new Map(),
  fetchedBytes: 0,
  totalBytes: null,
};

/** Transfers from this size on are reported at each quarter. */
const WORTH_QUARTERS_BYTES = 10_000_000;

export interface LineOptions {
  /** Printed as `~`. */
  homeDir: string;
}

/** Converts events to log lines. */
export function createLinePresenter(options: LineOptions): {
  lines(event: SetupEvent): string[];
  /** A sign of life after a long silence; `[]` when nothing runs. */
  heartbeat(nowMs?: number): string[];
} {
  let state = INITIAL_LINE_STATE;
  let toldQuarter = 0;
  return {
    lines(event) {
      state = advanceLineState(state, event);
      const lines = eventLines(event, options, state);
      if (quarterOf(state) <= toldQuarter) return lines;
      toldQuarter = quarterOf(state);
      return [...lines, quarterLine(state)];
    },
    heartbeat: (nowMs = Date.now()) => heartbeatLines(state, nowMs),
  };
}

function arrivedBytes({ fetchedBytes, arriving }: LineState): number {
  return [...arriving.values()].reduce((total, bytes) => total + bytes, fetchedBytes);
}

/** Completed quarters of the transfer, 0 to 3: the end of the step reports the last. */
function quarterOf(state: LineState): number {
  const { totalBytes } = state;
  if (totalBytes === null || totalBytes < WORTH_QUARTERS_BYTES) return 0;
  return Math.min(3, Math.floor((arrivedBytes(state) / totalBytes) * 4));
}

/** `[fetch] 50 %, 15 MB of 30 MB` */
function quarterLine(state: LineState): string {
  const total = formatBytesOrUnknown(state.totalBytes);
  return `[fetch] ${t`${quarterOf(state) * 25} %, ${formatBytes(arrivedBytes(state))} of ${total}`}`;
}

/** The next state after an event. */
function advanceLineState(state: LineState, event: SetupEvent): LineState {
  const atMs = Date.parse(event.at);
  switch (event.type) {
    case 'plan':
      return { ...state, atMs, fileCount: event.plan.fileCount, totalBytes: event.plan.downloadBytes };
    case 'step':
      return event.status === 'started'
        ? { ...state, atMs, step: event.step, stepStartedAtMs: atMs }
        : { ...state, atMs, step: null };
    case 'bytes':
      return { ...state, atMs, arriving: new Map(state.arriving).set(event.file, event.doneBytes) };
    case 'artefact': {
      const arriving = new Map(state.arriving);
      arriving.delete(event.file);
      if (event.isCached) return { ...state, atMs, arriving };
      const fetchedBytes = state.fetchedBytes + event.sizeBytes;
      return { ...state, atMs, arriving, fetchedFiles: state.fetchedFiles + 1, fetchedBytes };
    }
    case 'source': {
      const arriving = new Map(state.arriving);
      for (const { file } of event.dropped) arriving.delete(file);
      const { fileCount } = state;
      const added = event.added.length - event.dropped.length;
      return { ...state, atMs, arriving, fileCount: fileCount === null ? null : fileCount + added };
    }
    default:
      return { ...state, atMs };
  }
}

/** The lines for an event, `[]` for events not worth logging. `state` is the state after the event. */
export function eventLines(
  event: SetupEvent,
  options: LineOptions,
  state: LineState = INITIAL_LINE_STATE,
): string[] {
  switch (event.type) {
    case 'step':
      return stepLines(event);
    case 'lines':
      return event.lines.map((line) => `  ${line}`);
    case 'artefact': {
      const name = `${artefactName(event.file, event.artefactKind)} ${formatBytes(event.sizeBytes)}`;
      if (event.isCached) return [`[${event.step}] ${t`${name} already here`}`];
      const fetched = event.place ? t`${name} from ${event.place}` : name;
      return [`[${event.step}${counter(state)}] ${fetched}`];
    }
    case 'note':
      return [
        `[${event.step}] ${event.level === 'warning' ? t`warning: ${said(event.text)}` : said(event.text)}`,
      ];
    case 'plan':
      // Its notes follow as separate events.
      return planLines({ ...event.plan, notes: [] }, options);
    case 'check':
      return checkLines(event.check);
    case 'failure':
      return failureLines(event.failure, options);
    case 'dry-run':
      return [t`✓ This was a dry run: nothing was changed`];
    case 'done':
      return doneLines(event.result, options);
    case 'bytes':
    case 'uv':
    // A note reports it as text.
    case 'source':
      return [];
  }
}

function counter({ fetchedFiles, fileCount }: LineState): string {
  if (fetchedFiles === 0) return '';
  return fileCount === null ? ` ${fetchedFiles}` : ` ${fetchedFiles}/${fileCount}`;
}

function stepLines(event: Extract<SetupEvent, { type: 'step' }>): string[] {
  const duration = event.durationMs === undefined ? null : formatDuration(event.durationMs);
  const detail = event.detail ? `: ${said(event.detail)}` : '';
  switch (event.status) {
    case 'started':
      return [`[${event.step}] ${said(STEP_TITLES[event.step])}${detail}`];
    case 'finished':
      return [`[${event.step}] ${duration === null ? t`done` : t`done in ${duration}`}${detail}`];
    case 'failed':
      // A cancellation is not an error.
      if (event.detail === CANCELLED)
        return [`[${event.step}] ${duration === null ? t`stopped` : t`stopped in ${duration}`}`];
      return [`[${event.step}] ${duration === null ? t`failed` : t`failed in ${duration}`}${detail}`];
  }
}

const CANCELLED = new CancelledError().message;

function heartbeatLines(state: LineState, nowMs: number): string[] {
  if (state.step === null) return [];
  const arriving = [...state.arriving.keys()].at(-1);
  const what = said(STEP_TITLES[state.step]);
  const time = formatDuration(nowMs - state.stepStartedAtMs);
  const still =
    arriving === undefined
      ? t`still ${what} after ${time}`
      : t`still ${what} after ${time}, waiting for ${arriving}`;
  return [`[${state.step}] ${still}`];
}

/** The complete plan, for later comparison with what was installed. */
export function planLines(plan: PlanSummary, { homeDir }: LineOptions): string[] {
  const told = new Set<string>();
  const rows = plan.rows.flatMap((row) => {
    // A host that is closed to one row is often closed to the next.
    const rejected = row.rejected.filter((reason) => !told.has(reason));
    for (const reason of rejected) told.add(reason);
    const size =
      row.action === 'fetch'
        ? said(formatBytesOrUnknown(row.downloadBytes))
        : row.action === 'make' && row.diskBytes !== null
          ? t`${formatBytes(row.diskBytes)} on disk`
          : '';
    const source = [said(row.from), tildePath(row.place, homeDir)].filter(Boolean).join(', ');
    return [
      `  ${padColumns(said(PLAN_ACTIONS[row.action]), actionColumns())} ${[said(row.label), source, size].filter(Boolean).join(' | ')}`,
      ...rejected.map((reason) => `    ${t`passed over: ${said(reason)}`}`),
    ];
  });
  const named = plan.hosts.length === 0 ? t`none` : plan.hosts.join(', ');
  const hosts = plan.hasOpenHosts ? [...plan.hosts, t`those that uv finds by itself`].join(', ') : named;
  return [
    t`Plan: ${plan.features.join(', ')} for ${plan.target}`,
    ...rows,
    `  ${t`hosts that will be contacted: ${hosts}`}`,
    `  ${t`to download: ${formatBytesOrUnknown(plan.downloadBytes)}, on disk: ${formatBytesOrUnknown(plan.diskBytes)}, free: ${formatBytesOrUnknown(plan.freeBytes)}`}`,
    ...plan.notes.map((note) => `  ${t`note: ${said(note)}`}`),
  ];
}

const PLAN_ACTIONS = {
  here: translatable('here'),
  fetch: translatable('fetch'),
  make: translatable('make'),
} as const;

function actionColumns(): number {
  return Math.max(...Object.values(PLAN_ACTIONS).map((action) => columnsOf(said(action))));
}

const CHECK_WORDS: Record<CheckResult['status'], string> = {
  pass: translatable('PASS'),
  warn: translatable('WARN'),
  fail: translatable('FAIL'),
  'could-not-check': translatable('COULD NOT CHECK'),
  skipped: translatable('SKIPPED'),
};

export function checkLines(check: CheckResult): string[] {
  return [
    `${said(CHECK_WORDS[check.status])} ${said(check.label)}: ${said(check.detail)}`,
    ...(check.fix ? [`     ${t`Fix: ${said(check.fix)}`}`] : []),
  ];
}

/** Uses the same texts as the wizard. */
const FAREWELL = { columns: 80, paint: (_tone: unknown, text: string) => text };

export function failureLines(failure: FailureReport, { homeDir }: LineOptions): string[] {
  const step = failure.step === null ? '' : `, ${t`while ${said(STEP_TITLES[failure.step])}`}`;
  return [
    ...farewellLines({ kind: 'failed', report: failure }, { ...FAREWELL, homeDir }),
    labelled('class', `${said(failure.failureClass)}${step}`),
  ];
}

/** The summary of a successful setup. Includes the Python that was chosen, because no one was asked. */
export function doneLines(result: SetupResult, { homeDir }: LineOptions): string[] {
  return [
    ...farewellLines({ kind: 'done', result, checks: null }, { ...FAREWELL, homeDir }),
    labelled('used', said(result.pythonLabel)),
  ];
}
