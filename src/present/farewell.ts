import { dirname } from 'node:path';
import type { CheckResult, FailureReport, SetupResult } from '../core/events.ts';
import { managedRuntimeRoot } from '../core/layout.ts';
import { saidRemedy, saidStep } from '../language/remedies.ts';
import { said, t, translatable } from '../language/translate.ts';
import { programName } from '../support/program-name.ts';
import { commandLine } from '../support/remedy.ts';
import { columnsOf, padColumns } from '../support/text/columns.ts';
import { formatBytes, formatCount, formatDuration, tildePath } from '../support/text/format.ts';
import { wrapStep, wrapWords } from '../support/text/wrap-words.ts';
import type { Farewell } from '../wizard/state.ts';

/** Colours a word, if the caller's stream supports it. */
export type Paint = (tone: 'good' | 'bad' | 'warning' | 'faint' | 'bold', text: string) => string;

export interface FarewellOptions {
  homeDir: string;
  columns: number;
  paint: Paint;
  /** For a terminal: wraps text and puts commands on lines of their own. A log gets one line each. */
  shouldWrap?: boolean;
  /** The caller's environment: determines where later commands look for the runtime. */
  env?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
}

/** The lines left in the terminal after the wizard closes the alternate screen; `[]` for none. */
export function farewellLines(farewell: Farewell, options: FarewellOptions): string[] {
  const { paint, homeDir } = options;
  switch (farewell.kind) {
    case 'left':
      return [];
    case 'done': {
      const checks = farewell.checks ?? [];
      const told = farewell.told ? farewellLines({ kind: 'told', ...farewell.told }, options) : [];
      // What was done last says itself where the daemon is.
      const next = farewell.told?.isOk ? [] : nextLines(farewell.result, options, daemonAddress(checks));
      return [
        ...doneLines(farewell.result, options),
        ...next,
        ...keptRoot(farewell.result, options),
        ...told,
        ...checkLines(checks, options),
      ];
    }
    case 'checked': {
      const lines = checkLines(farewell.checks, options);
      return lines.length > 0
        ? lines
        : [`${paint('good', '✓')} ${t`${formatCount(farewell.checks.length, 'check')}: everything works`}`];
    }
    case 'told':
      return [
        `${farewell.isOk ? paint('good', '✓') : paint('bad', '✗')} ${paint('bold', said(farewell.title))}`,
        ...farewell.lines.flatMap((fact) => factLines(shortHome(said(fact), homeDir), options)),
      ];
    case 'cancelled':
      return [
        t`Setup cancelled. Nothing was changed.`,
        ...(farewell.logPath === null ? [] : [labelled('log', tildePath(farewell.logPath, homeDir))]),
        labelled('next', `${programName()} setup`),
      ];
    case 'failed': {
      const { report } = farewell;
      return [
        `${paint('bad', '✗')} ${paint('bold', said(report.title))}`,
        ...[...report.evidence, report.untouched].flatMap((fact) => factLines(said(fact), options)),
        ...(report.logPath === null ? [] : [labelled('log', tildePath(report.logPath, homeDir))]),
        ...(report.nextSteps.length === 0 ? [`${programName()} setup`] : report.nextSteps)
          .flatMap((step) => stepLines(step, report, options))
          .map((line, index) => labelled(index === 0 ? 'next' : '', line)),
      ];
    }
  }
}

/** Continuation lines are indented like the first. */
function factLines(fact: string, { columns, shouldWrap }: FarewellOptions): string[] {
  const lines = shouldWrap && columnsOf(fact) > columns - 2 ? wrapWords(fact, columns - 4) : [fact];
  return lines.map((line, index) => `${index === 0 ? '  ' : '    '}${line}`);
}

const LABELS = [
  translatable('log'),
  translatable('next'),
  translatable('daemon'),
  translatable('python'),
  translatable('used'),
  translatable('class'),
  '',
] as const;

/** Width of the label column: two spaces, the longest label, a gap. */
function labelColumns(): number {
  return Math.max(11, ...LABELS.map((label) => columnsOf(said(label)) + 4));
}

/** `  log      ~/.ktx/runtime/install.log` */
export function labelled(label: (typeof LABELS)[number], text: string): string {
  return `${padColumns(`  ${said(label)}`, labelColumns())}${text}`;
}

function stepLines(step: string, report: FailureReport, { columns, shouldWrap }: FarewellOptions): string[] {
  const remedies = report.remedies ?? [];
  const words = saidStep(step, remedies);
  return shouldWrap ? wrapStep(words, remedies.map(saidRemedy), columns - labelColumns()) : [words];
}

/** The daemon that answered the checks; `null` for none. */
function daemonAddress(checks: readonly CheckResult[]): string | null {
  return checks.find(({ id, status }) => id === 'daemon-health' && status === 'pass')?.detail ?? null;
}

function doneLines(result: SetupResult, options: FarewellOptions): string[] {
  const { columns, homeDir, paint } = options;
  const features = result.features.map((it) => said(it.replace('-', ' '))).join(', ');
  const what = t`${programName()} ${result.cliVersion} is ready: ${features}`;
  const cost = costWords(result);
  const gap = Math.max(2, columns - 2 - columnsOf(what) - columnsOf(cost));
  return [
    `${paint('good', '✓')} ${paint('bold', what)}${' '.repeat(gap)}${paint('faint', cost)}`,
    labelled('python', tildePath(result.pythonPath, homeDir)),
    labelled('log', tildePath(result.logPath, homeDir)),
  ];
}

/** @param daemon address of the running one; `null` for none. */
function nextLines(result: SetupResult, options: FarewellOptions, daemon: string | null): string[] {
  if (daemon === null) return [labelled('next', startCommand(result, options))];
  return [
    labelled('daemon', t`running at ${daemon}`),
    labelled('next', whereItIs(result, options, `${programName()} admin runtime status`)),
  ];
}

/** How later commands find a runtime in another folder; nothing for the usual one. */
function keptRoot(
  { manifestPath }: SetupResult,
  { homeDir, env = process.env, platform = process.platform }: Place,
) {
  const root = dirname(dirname(manifestPath));
  if (platform === 'win32' || root === usualRoot({ env, homeDir })) return [];
  return [
    labelled(
      '',
      t`so that ${programName()} finds it each time, put into your shell profile: export KTX_RUNTIME_ROOT=${commandLine([root])}`,
    ),
  ];
}

function shortHome(text: string, homeDir: string): string {
  return homeDir.length > 1 ? text.replaceAll(`${homeDir}/`, '~/') : text;
}

type Place = Pick<FarewellOptions, 'homeDir' | 'env' | 'platform'>;

/** The command that starts the daemon of a runtime. */
export function startCommand(result: SetupResult, place: Place): string {
  const feature = result.features.includes('local-embeddings') ? ' --feature local-embeddings' : '';
  return whereItIs(result, place, `${programName()} admin runtime start${feature}`);
}

/** A command that finds this runtime: only `ktx setup` has a flag for another location. */
function whereItIs(
  { manifestPath }: SetupResult,
  { homeDir, env = process.env, platform = process.platform }: Place,
  command: string,
): string {
  const root = dirname(dirname(manifestPath));
  if (root === usualRoot({ env, homeDir })) return command;
  if (platform === 'win32') return t`with KTX_RUNTIME_ROOT=${root} set: ${command}`;
  return `KTX_RUNTIME_ROOT=${commandLine([root])} ${command}`;
}

/** `null` when there is none, as for a user without a home. */
function usualRoot(options: Parameters<typeof managedRuntimeRoot>[0]): string | null {
  try {
    return managedRuntimeRoot(options);
  } catch {
    return null;
  }
}

/** `21.4 s · 176 MB from 4 hosts` */
function costWords(result: SetupResult): string {
  const duration = formatDuration(result.durationMs);
  if (result.status === 'ready') return t`was there already`;
  // Counts files like the plan; index pages are in the egress record.
  if (result.downloadedBytes === 0) return t`${duration} · nothing downloaded`;
  const [first, ...others] = result.egress;
  // By its name: "1 host" beside the two that a plan may ask raises a question.
  const hosts = first && others.length === 0 ? first.host : said(formatCount(result.egress.length, 'host'));
  return t`${duration} · ${formatBytes(result.downloadedBytes)} from ${hosts}`;
}

/** The checks that did not pass. */
function checkLines(
  checks: Extract<Farewell, { kind: 'checked' }>['checks'],
  { paint }: FarewellOptions,
): string[] {
  return checks
    .filter((check) => check.status === 'fail' || check.status === 'warn')
    .flatMap((check) => [
      `${check.status === 'fail' ? paint('bad', '✗') : paint('warning', '!')} ${said(check.label)}: ${said(check.detail)}`,
      ...(check.fix ? [labelled('next', said(check.fix))] : []),
    ]);
}
