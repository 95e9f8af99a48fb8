import { managedRuntimeRoot } from '../../core/layout.ts';
import type { CheckCost, RepairId } from '../../doctor/checks/check.ts';
import type { DoctorTarget } from '../../doctor/checks/context.ts';
import { doctorExitCode, runDoctor } from '../../doctor/doctor.ts';
import type { DoctorEvent, DoctorResult } from '../../doctor/events.ts';
import type { RepairPlan } from '../../doctor/repairs/repair.ts';
import type { DoctorReport } from '../../doctor/report-schema.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { checkLines, repairStepLines } from '../../present/doctor-lines.ts';
import { CancelledError } from '../../support/errors.ts';
import { jsonText } from '../../support/fs/atomic-file.ts';
import { formatCount, formatDuration } from '../../support/text/format.ts';
import { printFailureEvent, thrownFailure, usageFailure } from '../output/failure-event.ts';
import { printError } from '../output/print-error.ts';

/** Parsed arguments of `ktx doctor`. */
export interface DoctorArgs {
  cliVersion: string;
  action: 'check' | 'fix' | 'undo' | 'list' | 'print-schema';
  ids: readonly string[] | null;
  /** `null`: the repairs that the findings offer. */
  repairs: readonly string[] | null;
  isDeep: boolean;
  withNetwork: boolean;
  /** Also checks a project's language model and its host. */
  withModels: boolean;
  isJson: boolean;
  isYes: boolean;
  isOffline: boolean;
  indexUrl: string | null;
  runtimeRoot: string | null;
}

export interface DoctorDeps {
  projectDir?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  isDebug?: boolean;
}

/** Runs `ktx doctor` and resolves with its exit code, see `doctorExitCode`; 130 when interrupted. */
export async function runDoctorCommand(
  args: DoctorArgs,
  io: KtxCliIo = process,
  deps: DoctorDeps = {},
): Promise<number> {
  try {
    switch (args.action) {
      case 'print-schema':
        io.stdout.write(await schemaText());
        return 0;
      case 'list':
        return await list(args, io);
      case 'check':
        return await check(args, io, deps);
      case 'fix':
        return await fix(args, io, deps);
      case 'undo':
        return await undo(args, io, deps);
    }
  } catch (error) {
    printError(io, error, deps.isDebug);
    if (error instanceof CancelledError) return 130;
    const untouched = untouchedWords(args.action, error);
    if (args.isJson) printFailureEvent(io, await thrownFailure(error, untouched));
    else if (args.action === 'fix' && untouched !== '') io.stderr.write(`${untouched}\n`);
    return 1;
  }
}

/** What is still unchanged, as far as known: an undo may have stopped half-way. */
function untouchedWords(action: DoctorArgs['action'], error: unknown): string {
  if (action === 'undo') return '';
  if (action !== 'fix') return 'Nothing was changed.';
  return error instanceof Error && error.name === 'NotPutBackError' ? '' : 'All changes were rolled back.';
}

async function check(args: DoctorArgs, io: KtxCliIo, deps: DoctorDeps): Promise<number> {
  const startedAt = performance.now();
  const results = await runDoctor(targetOf(args, deps), {
    costs: await costsOf(args, deps),
    isDeep: args.isDeep,
    ...(args.ids === null ? {} : { ids: args.ids }),
    signal: deps.signal,
    onEvent: args.isJson ? undefined : progressTo(io),
  });
  if (args.isJson) {
    printReport(args, io, deps, results);
    return doctorExitCode(results);
  }
  print(io, checkLines(results));
  const { offeredRepairs } = await import('../../doctor/offered-repairs.ts');
  const repairs = offeredRepairs(results);
  print(io, [summaryOf(results, performance.now() - startedAt)]);
  // Without it the repair would not repeat the check that found the problem.
  const deep = args.isDeep ? ' --deep' : '';
  if (repairs.length > 0) print(io, [`Fix it: ktx doctor${deep} --fix --yes   (${repairs.join(', ')})`]);
  return doctorExitCode(results);
}

async function fix(args: DoctorArgs, io: KtxCliIo, deps: DoctorDeps): Promise<number> {
  const [{ fixRuntime, planRepairs, repairId }, { offeredRepairs }] = await Promise.all([
    import('../../doctor/repair-run.ts'),
    import('../../doctor/offered-repairs.ts'),
  ]);
  const target = targetOf(args, deps);
  const chosen = args.repairs?.map(repairId);
  const options = {
    isOffline: args.isOffline,
    ...(args.indexUrl === null ? {} : { indexUrl: args.indexUrl }),
    signal: deps.signal,
  };
  const costs = await costsOf(args, deps);
  if (!args.isYes) {
    const results = await runDoctor(target, { costs, isDeep: args.isDeep, signal: deps.signal });
    const ids = chosen ?? offeredRepairs(results);
    const plan = await planRepairs(target, ids, { ...options, results });
    if (args.isJson) printReport(args, io, deps, results, { plan });
    else print(io, plan.steps.length === 0 ? ['Nothing to fix.'] : plan.steps.flatMap(repairStepLines));
    if (plan.steps.length === 0) return doctorExitCode(results);
    if (args.isJson || !(await isAgreed(io, deps))) return refusal(args, io, 'fix');
  }
  const result = await fixRuntime(target, {
    ...options,
    costs,
    ...(chosen === undefined ? {} : { repairs: chosen }),
    onEvent: args.isJson ? undefined : progressTo(io),
  });
  if (args.isJson) printReport(args, io, deps, result.after, { applied: result.repairs });
  else {
    print(io, checkLines(result.after));
    const did = result.repairs.length === 0 ? 'Nothing to fix.' : `Fixed: ${result.repairs.join(', ')}`;
    print(io, [did, ...(result.repairs.length === 0 ? [] : ['Undo it: ktx doctor --undo --yes'])]);
  }
  return doctorExitCode(result.after);
}

async function undo(args: DoctorArgs, io: KtxCliIo, deps: DoctorDeps): Promise<number> {
  if (!args.isYes && (args.isJson || !(await isAgreed(io, deps)))) return refusal(args, io, 'undo');
  const { undoRepairs } = await import('../../doctor/repair-run.ts');
  const { repairs } = await undoRepairs(targetOf(args, deps), { signal: deps.signal });
  if (args.isJson) io.stdout.write(jsonText({ undone: repairs }));
  else print(io, [`Restored: ${repairs.join(', ')}`]);
  return 0;
}

async function list(args: DoctorArgs, io: KtxCliIo): Promise<number> {
  const [{ DOCTOR_CHECKS }, { infoOf }, { REPAIRS }] = await Promise.all([
    import('../../doctor/all-checks.ts'),
    import('../../doctor/run-list.ts'),
    import('../../doctor/repairs/list.ts'),
  ]);
  const repairs = REPAIRS.map(({ id, label }) => ({ id, label }));
  if (args.isJson) {
    io.stdout.write(jsonText({ schemaVersion: 1, checks: DOCTOR_CHECKS.map(infoOf), repairs }));
    return 0;
  }
  const row = (id: string, cost: string, text: string) => `${id.padEnd(20)}${cost.padEnd(9)}${text}`;
  print(
    io,
    DOCTOR_CHECKS.map(({ id, cost, label, why }) => row(id, cost, `${label}: ${why}`)),
  );
  print(io, ['', 'Repairs', ...repairs.map(({ id, label }) => `${id.padEnd(22)}${label}`)]);
  return 0;
}

function targetOf(args: DoctorArgs, { projectDir, env }: DoctorDeps): DoctorTarget {
  return {
    cliVersion: args.cliVersion,
    ...(args.runtimeRoot === null ? {} : { runtimeRoot: args.runtimeRoot }),
    ...(projectDir === undefined ? {} : { projectDir }),
    ...(env === undefined ? {} : { env }),
  };
}

async function costsOf(
  { isDeep, withNetwork, withModels }: DoctorArgs,
  { projectDir }: DoctorDeps,
): Promise<CheckCost[]> {
  const costs: CheckCost[] = [];
  if (isDeep) costs.push('deep');
  if (withNetwork) costs.push('network');
  if (withModels || (withNetwork && (await isModelNamed(projectDir)))) costs.push('models');
  return costs;
}

async function isModelNamed(projectDir: string | undefined): Promise<boolean> {
  if (projectDir === undefined) return false;
  const { namesModel } = await import('../../doctor/model-checks.ts');
  return namesModel(projectDir);
}

function printReport(
  args: DoctorArgs,
  io: KtxCliIo,
  deps: DoctorDeps,
  results: readonly DoctorResult[],
  more: { plan?: RepairPlan; applied?: readonly RepairId[] } = {},
): void {
  const { env, ...target } = targetOf(args, deps);
  const report = {
    schemaVersion: 1 as const,
    cliVersion: args.cliVersion,
    runtimeRoot: managedRuntimeRoot({ ...target, ...(env ? { env } : {}) }),
    exitCode: doctorExitCode(results),
    checks: results as DoctorReport['checks'],
    ...(more.plan ? { plan: more.plan.steps as DoctorReport['plan'] } : {}),
    ...(more.applied ? { applied: [...more.applied] } : {}),
  };
  io.stdout.write(jsonText(report satisfies DoctorReport));
}

/** Reports progress of slow checks on stderr, so that stdout holds only the result. */
function progressTo(io: KtxCliIo): (event: DoctorEvent) => void {
  const say = (text: string) => void io.stderr.write(`${text}\n`);
  return (event) => {
    if (event.type === 'check-waiting') say(`… ${event.id}: ${event.text}`);
    if (event.type === 'repair-plan') for (const line of event.plan.steps.flatMap(repairStepLines)) say(line);
    if (event.type === 'repair-started') say(`repairing: ${event.id}`);
    if (event.type === 'repair-note') say(`${event.level === 'warning' ? 'warning: ' : ''}${event.text}`);
    if (event.type === 'repair-progress' && event.event.type === 'step' && event.event.status === 'finished')
      say(`  ${event.event.step} done`);
    if (event.type === 'repair-finished') say(`done: ${event.id}, ${formatDuration(event.durationMs)}`);
    if (event.type === 'repair-failed')
      say(`failed: ${event.id}: ${event.detail}${event.isRestored ? '; everything was put back' : ''}`);
  };
}

function summaryOf(results: readonly DoctorResult[], durationMs: number): string {
  const count = (status: DoctorResult['status']) => results.filter((each) => each.status === status).length;
  const parts = [
    [count('fail'), 'failed'],
    [count('warn'), 'with a warning'],
    [count('could-not-check'), 'could not be checked'],
    [count('skipped'), 'skipped'],
  ] as const;
  const found = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return [formatCount(results.length, 'check'), ...found, formatDuration(durationMs)].join(' · ');
}

async function isAgreed(io: KtxCliIo, { signal }: DoctorDeps): Promise<boolean> {
  if (io.stdout.isTTY !== true || process.stdin.isTTY !== true) return false;
  const { confirmOnTerminal } = await import('../../embed/install-consent.ts');
  return confirmOnTerminal('Do it?', io, { initialValue: true, ...(signal ? { signal } : {}) });
}

function refusal(args: DoctorArgs, io: KtxCliIo, action: 'fix' | 'undo'): number {
  const title = `Refusing to ${action} without --yes.`;
  io.stderr.write(`${title}\n`);
  // The plan of a fix is the only document on stdout.
  if (args.isJson && action === 'undo')
    printFailureEvent(io, usageFailure(title, [`ktx doctor --${action} --json --yes`]));
  return 1;
}

async function schemaText(): Promise<string> {
  const { doctorReportJsonSchema } = await import('../../doctor/report-json-schema.ts');
  return doctorReportJsonSchema();
}

function print(io: KtxCliIo, lines: readonly string[]): void {
  io.stdout.write(`${lines.join('\n')}\n`);
}
