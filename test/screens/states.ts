import type { UndoTarget } from '../../src/wizard/functions.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { DEMO_CHECKS, DEMO_FILES, DEMO_OVERVIEW, DEMO_UNDO } from '../pty/demo-data.ts';
import {
  checking,
  failure,
  features,
  installing,
  loading,
  overviewCame,
  plan,
  planned,
  probing,
  ready,
  run,
  START_MS,
  told,
} from '../wizard/given.ts';

const brokenChecks = DEMO_CHECKS.map((check) =>
  check.id === 'environment'
    ? {
        ...check,
        status: 'fail' as const,
        detail: 'Python 3.13.14 is gone: envs/7f3c/bin/python points to a file that does not exist',
        fix: 'ktx setup --force',
      }
    : check,
);

const checked = (checks: typeof DEMO_CHECKS, undo: UndoTarget | null = null) =>
  run(checking(), ({ runId }) => ({ type: 'checked', runId, checks, undo, nowMs: START_MS + 1200 })).next;

function undone(): WizardState {
  const forward: UndoTarget = { direction: 'forward', from: DEMO_UNDO.to, to: DEMO_UNDO.from };
  return run(
    checked(DEMO_CHECKS, DEMO_UNDO),
    'undo',
    ({ runId }) => ({ type: 'undone', runId, target: DEMO_UNDO, nowMs: START_MS }),
    ({ runId }) => ({ type: 'checked', runId, checks: DEMO_CHECKS, undo: forward, nowMs: START_MS }),
  ).next;
}

/** Half of the files are here, one is on its way. */
function halfway(): WizardState {
  const events = DEMO_FILES.slice(0, 6).map((file) =>
    told({ type: 'artefact', step: 'fetch', ...file, isCached: false }, 3000),
  );
  const current = DEMO_FILES[6]!;
  return run(
    installing(),
    ...[
      told({ type: 'step', step: 'fetch', status: 'started' }),
      ...events,
      told(
        {
          type: 'bytes',
          step: 'fetch',
          file: current.file,
          artefactKind: current.artefactKind,
          doneBytes: 5_000_000,
          totalBytes: current.sizeBytes,
        },
        9100,
      ),
    ].map((event) => ({ runId }: WizardState) => ({ type: 'setup-event' as const, runId, event })),
  ).next;
}

const wideOverview = {
  ...DEMO_OVERVIEW,
  runtimeRoot: '/home/ada/プロジェクト/データ分析/とても長いフォルダーの名前/été/日本語のパス/.ktx/runtime',
  otherRuntimes: [],
};

/** Every screen in the shapes that it has. */
export const STATES: Record<string, WizardState> = {
  loading: loading(),
  features: features(),
  'features with a reason': run(
    loading({ feature: 'core', featureReason: 'orders_dbt uses Looker identifier parsing' }),
    overviewCame(),
  ).next,
  'features in a folder of wide characters': run(loading(), overviewCame(wideOverview)).next,
  ready: ready(),
  probing: probing(),
  plan: plan(),
  'plan with wide characters': run(probing(), (state) => {
    const event = planned(state);
    if (event.type !== 'planned') throw new Error(event.type);
    const rows = event.summary.rows.map((row) => ({ ...row, place: wideOverview.runtimeRoot }));
    return { ...event, summary: { ...event.summary, rows, notes: [wideOverview.runtimeRoot] } };
  }).next,
  installing: halfway(),
  'full log': run(halfway(), 'toggle-log').next,
  'stop question': run(halfway(), 'interrupt').next,
  'stop question over the full log': run(halfway(), 'toggle-log', 'interrupt').next,
  stopping: run(halfway(), 'interrupt', 'interrupt').next,
  failure: failure(),
  'log of a failure': run(failure(), 'toggle-log').next,
  checking: checking(),
  checked: checked(DEMO_CHECKS),
  'checked with details': run(checked(DEMO_CHECKS), 'toggle-details').next,
  'checked after an update': checked(DEMO_CHECKS, DEMO_UNDO),
  'checked after an undo': undone(),
  broken: checked(brokenChecks),
  help: run(halfway(), 'help').next,
  left: run(features(), 'quit').next,
};
