import type { CheckResult, SetupEvent } from '../../core/events.ts';
import { STEP_TITLES } from '../../core/step-titles.ts';
import type { RepairId } from '../../doctor/checks/check.ts';
import type { DoctorEvent } from '../../doctor/events.ts';
import type { RepairPlan } from '../../doctor/repairs/repair.ts';
import { said, t } from '../../language/translate.ts';
import { formatBytesOrUnknown } from '../../support/text/format.ts';
import type { PanelLine } from './panel.ts';

export type { RepairPlan } from '../../doctor/repairs/repair.ts';

/** A run of repairs on the check screen, from preview to result. */
export type RepairRun =
  | { phase: 'planning' }
  | { phase: 'asking'; plan: RepairPlan; cursor: number }
  | {
      phase: 'running';
      plan: RepairPlan;
      finished: readonly RepairId[];
      /** `null` before the first repair, and while checks run again. */
      current: RepairId | null;
      /** What the current repair is doing. */
      detail: string;
      isStopping: boolean;
    }
  | { phase: 'failed'; title: string; isRestored: boolean }
  | { phase: 'done'; repairs: readonly RepairId[] }
  | { phase: 'undoing'; repairs: readonly RepairId[] }
  | { phase: 'undone'; repairs: readonly string[] };

export const REPAIR_CHOICES = [
  { id: 'repair', label: 'Repair' },
  { id: 'back', label: 'Leave it as it is' },
] as const;

/** Whether a repair would fix a failure, or a warning other than one whose repair deletes downloads. */
export function isRepairable(checks: readonly CheckResult[]): boolean {
  return checks.some(({ status, repairs: [first] = [] }) => {
    return first !== undefined && (status === 'fail' || first !== 'free-space');
  });
}

export function isRepairBusy(repair: RepairRun | null): boolean {
  return repair?.phase === 'planning' || repair?.phase === 'running' || repair?.phase === 'undoing';
}

/** The state after an event of the doctor. */
export function onRepairEvent(repair: RepairRun, event: DoctorEvent): RepairRun {
  if (repair.phase !== 'running') return repair;
  switch (event.type) {
    case 'repair-plan':
      return { ...repair, plan: event.plan };
    case 'repair-started':
      return { ...repair, current: event.id, detail: '' };
    case 'repair-note':
      return { ...repair, detail: event.text };
    case 'repair-progress':
      return { ...repair, detail: progressWords(event.event) ?? repair.detail };
    case 'repair-finished':
      return { ...repair, finished: [...repair.finished, event.id], current: null, detail: '' };
    case 'repair-failed':
      return { phase: 'failed', title: event.detail, isRestored: event.isRestored };
    default:
      return repair;
  }
}

function progressWords(event: SetupEvent): string | null {
  switch (event.type) {
    case 'step':
      return event.status === 'started' ? (event.detail ?? STEP_TITLES[event.step]) : null;
    case 'note':
      return event.text;
    case 'artefact':
      return `fetched ${event.file}`;
    default:
      return null;
  }
}

/** Preview of what the repairs will change. */
export function repairPlanLines({ steps }: RepairPlan): PanelLine[] {
  return steps.flatMap((step, index): PanelLine[] => {
    const { label, what, paths, downloadBytes, hosts, worksOffline, canUndo } = step;
    const size = formatBytesOrUnknown(downloadBytes);
    const download =
      hosts.length > 0 ? t`${size} to download from ${hosts.join(', ')}` : t`${size} to download`;
    const network = worksOffline ? t`works offline` : download;
    return [
      { text: label, tone: 'bold', mark: 'later' },
      { text: what },
      { text: `${network} · ${canUndo ? t`can be undone` : t`cannot be undone`}` },
      ...paths.map((path): PanelLine => ({ text: t`changes ${path}`, tone: 'faint' })),
      ...(index < steps.length - 1 ? [{ text: '' }] : []),
    ];
  });
}

/** The repairs of a run, each with its state. */
export function repairStepLines(run: Extract<RepairRun, { phase: 'running' }>): PanelLine[] {
  const { plan, finished, current, detail } = run;
  const isOver = current === null && finished.length >= plan.steps.length;
  return [
    ...plan.steps.map(({ id, label }): PanelLine => {
      if (finished.includes(id)) return { text: label, mark: 'done' };
      if (id !== current) return { text: label, mark: 'later', tone: 'faint' };
      return { text: detail === '' ? label : `${said(label)}: ${said(detail)}`, mark: 'running' };
    }),
    { text: 'Checking again', ...(isOver ? { mark: 'running' } : { mark: 'later', tone: 'faint' }) },
  ];
}

/** The line above the checks on the check screen; `null` for none. */
export function repairNews(run: RepairRun | null): PanelLine | null {
  switch (run?.phase) {
    case 'planning':
      return { text: 'Working out what a repair would do', mark: 'running' };
    case 'undoing':
      return { text: 'Putting back what was there before the repair', mark: 'running' };
    case 'undone':
      return { text: 'The repair was undone: everything is as it was before.', mark: 'done' };
    case 'done':
      return run.repairs.length === 0
        ? { text: 'There was nothing to repair.', mark: 'done' }
        : {
            text: t`Repaired: ${run.repairs.map((id) => repairWords(id)).join(', ')} (u undoes it)`,
            mark: 'done',
          };
    case 'failed': {
      const end = run.isRestored
        ? t`Everything was put back as it was.`
        : t`Not everything could be put back.`;
      const title = said(run.title.replace(/[.\s]+$/, ''));
      return { text: t`${title}. ${end}`, mark: 'failed' };
    }
    default:
      return null;
  }
}

/** `Rebuild environment` */
function repairWords(id: string): string {
  const words = said(id.replaceAll('-', ' '));
  return words.charAt(0).toUpperCase() + words.slice(1);
}
