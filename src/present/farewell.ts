import { dirname } from 'node:path';
import type { FailureReport, SetupResult } from '../core/events.ts';
import { managedRuntimeRoot } from '../core/layout.ts';
import { programName } from '../support/program-name.ts';
import { commandLine } from '../support/remedy.ts';
import { formatBytes, formatCount, formatDuration, tildePath } from '../support/text/format.ts';
import { wrapStep, wrapWords } from '../support/text/wrap-words.ts';
import type { Farewell } from '../wizard/state.ts';

/** Colours a word, or leaves it: the caller knows the stream. */
export type Paint = (tone: 'good' | 'bad' | 'warning' | 'faint' | 'bold', text: string) => string;

export interface FarewellOptions {
  homeDir: string;
  columns: number;
  paint: Paint;
  /** For a terminal: what to do in words that are not cut, and the command on a line of its own. A log has one line for each. */
  shouldWrap?: boolean;
  /** The caller's: where later commands look for the runtime. */
  env?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
}

/** What stays in the terminal after the wizard has left the alternate screen, line by line. `[]` when there is nothing to say. */
export function farewellLines(farewell: Farewell, options: FarewellOptions): string[] {
  const { paint, homeDir } = options;
  switch (farewell.kind) {
    case 'left':
      return [];
    case 'done': {
      const lines = doneLines(farewell.result, options);
      return farewell.checks === null ? lines : [...lines, ...checkLines(farewell.checks, options)];
    }
    case 'checked': {
      const lines = checkLines(farewell.checks, options);
      return lines.length > 0
        ? lines
        : [`${paint('good', '✓')} ${formatCount(farewell.checks.length, 'check')}: everything works`];
    }
    case 'told':
      return [
        `${farewell.isOk ? paint('good', '✓') : paint('bad', '✗')} ${paint('bold', farewell.title)}`,
        ...farewell.lines.flatMap((fact) => factLines(fact, options)),
      ];
    case 'cancelled':
      return [
        'Setup cancelled. Nothing was changed.',
        ...(farewell.logPath === null ? [] : [`  log      ${tildePath(farewell.logPath, homeDir)}`]),
        `  next     ${programName()} setup`,
      ];
    case 'failed': {
      const { report } = farewell;
      return [
        `${paint('bad', '✗')} ${paint('bold', report.title)}`,
        ...[...report.evidence, report.untouched].flatMap((fact) => factLines(fact, options)),
        ...(report.logPath === null ? [] : [`  log      ${tildePath(report.logPath, homeDir)}`]),
        ...(report.nextSteps.length === 0 ? [`${programName()} setup`] : report.nextSteps)
          .flatMap((step) => stepLines(step, report, options))
          .map((line, index) => `  ${index === 0 ? 'next' : '    '}     ${line}`),
      ];
    }
  }
}

/** A line that is wrapped is read on below its own start. */
function factLines(fact: string, { columns, shouldWrap }: FarewellOptions): string[] {
  const lines = shouldWrap && fact.length > columns - 2 ? wrapWords(fact, columns - 4) : [fact];
  return lines.map((line, index) => `${index === 0 ? '  ' : '    '}${line}`);
}

const STEP_INDENT = 11;

function stepLines(step: string, report: FailureReport, { columns, shouldWrap }: FarewellOptions): string[] {
  return shouldWrap ? wrapStep(step, report.remedies ?? [], columns - STEP_INDENT) : [step];
}

function doneLines(result: SetupResult, options: FarewellOptions): string[] {
  const { columns, homeDir, paint } = options;
  const what = `${programName()} ${result.cliVersion} is ready: ${result.features.map((it) => it.replace('-', ' ')).join(', ')}`;
  const cost = costWords(result);
  const gap = Math.max(2, columns - 2 - what.length - cost.length);
  const feature = result.features.includes('local-embeddings') ? ' --feature local-embeddings' : '';
  return [
    `${paint('good', '✓')} ${paint('bold', what)}${' '.repeat(gap)}${paint('faint', cost)}`,
    `  python   ${tildePath(result.pythonPath, homeDir)}`,
    `  log      ${tildePath(result.logPath, homeDir)}`,
    `  next     ${whereItIs(result, options, `${programName()} admin runtime start${feature}`)}`,
  ];
}

/** A command that finds this runtime: only `ktx setup` has a flag for another place. */
function whereItIs(
  { manifestPath }: SetupResult,
  { homeDir, env = process.env, platform = process.platform }: FarewellOptions,
  command: string,
): string {
  const root = dirname(dirname(manifestPath));
  if (root === usualRoot({ env, homeDir })) return command;
  if (platform === 'win32') return `with KTX_RUNTIME_ROOT=${root} set: ${command}`;
  return `KTX_RUNTIME_ROOT=${commandLine([root])} ${command}`;
}

/** `null` where there is none, as for a user without a home. */
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
  if (result.status === 'ready') return 'was there already';
  // The files, as the plan counts them; index pages are in the egress record.
  if (result.downloadedBytes === 0) return `${duration} · nothing downloaded`;
  const hosts = formatCount(result.egress.length, 'host');
  return `${duration} · ${formatBytes(result.downloadedBytes)} from ${hosts}`;
}

/** The checks that did not pass; those that did need no line. */
function checkLines(
  checks: Extract<Farewell, { kind: 'checked' }>['checks'],
  { paint }: FarewellOptions,
): string[] {
  return checks
    .filter((check) => check.status === 'fail' || check.status === 'warn')
    .flatMap((check) => [
      `${check.status === 'fail' ? paint('bad', '✗') : paint('warning', '!')} ${check.label}: ${check.detail}`,
      ...(check.fix ? [`  next     ${check.fix}`] : []),
    ]);
}
