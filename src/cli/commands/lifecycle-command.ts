import type { KtxCliIo } from '../../embed/io.ts';
import type { UndoTarget } from '../../lifecycle/undo.ts';
import type { UninstallPlan, UninstallResult } from '../../lifecycle/uninstall.ts';
import type { Note } from '../../runtime/write-access.ts';
import { CancelledError, SetupError } from '../../support/errors.ts';
import { jsonText } from '../../support/fs/atomic-file.ts';
import { formatBytes, formatCount } from '../../support/text/format.ts';
import { printFailureEvent, thrownFailure, usageFailure } from '../output/failure-event.ts';
import { noteTo, printError } from '../output/print-error.ts';
import { removalLines } from '../panels/removal-lines.ts';

/** Parsed arguments of `ktx admin runtime undo` and `… uninstall`. */
export interface LifecycleArgs {
  command: 'undo' | 'uninstall';
  cliVersion: string;
  yes: boolean;
  json: boolean;
}

/** Replaceable parts; each default is the library's function, imported when called. */
export interface LifecycleDeps {
  readUndoTarget?: (options: { cliVersion: string }) => Promise<UndoTarget | null>;
  undo?: (options: { cliVersion: string; note: Note; signal?: AbortSignal }) => Promise<UndoTarget>;
  planUninstall?: (options: object) => Promise<UninstallPlan>;
  uninstall?: (options: { note: Note; signal?: AbortSignal }) => Promise<UninstallResult>;
  /** Asks a yes-or-no question; `null` when there is no one to ask. */
  confirm?: (question: string) => Promise<boolean | null>;
  signal?: AbortSignal;
  isDebug?: boolean;
}

/**
 * Runs either command and resolves with its exit code: 0 done or declined; 1 failed or incomplete; 130
 * interrupted. Results go to stdout, notes to stderr; with JSON a failure goes to both.
 */
export async function runLifecycleCommand(
  args: LifecycleArgs,
  io: KtxCliIo = process,
  deps: LifecycleDeps = {},
): Promise<number> {
  try {
    return await (args.command === 'undo' ? undo : uninstall)(args, io, deps);
  } catch (error) {
    printError(io, error, deps.isDebug);
    if (error instanceof CancelledError) return 130;
    if (args.json) printFailureEvent(io, await thrownFailure(error, untouched(args, error)));
    return 1;
  }
}

/** The library refuses before it changes anything; other errors may come at any time. */
function untouched({ command }: LifecycleArgs, error: unknown): string {
  if (!(error instanceof SetupError)) return '';
  // Daemons may have been stopped by then.
  return command === 'undo' ? 'Nothing was changed.' : 'Nothing was deleted.';
}

async function undo(args: LifecycleArgs, io: KtxCliIo, deps: LifecycleDeps): Promise<number> {
  const { cliVersion } = args;
  const library = () => import('../../lifecycle/undo.ts');
  const readTarget = deps.readUndoTarget ?? (await library()).readUndoTarget;
  const target = await readTarget({ cliVersion });
  // Without a target the library throws the reason.
  if (target !== null) {
    if (!args.json) print(io, undoLines(target));
    if (!args.yes && !canAsk(args, io, deps)) return refusal(args, io);
    if (!(await isAgreed(args, io, deps, 'Switch to it?'))) return unchanged(io);
  }
  const run = deps.undo ?? (await library()).undoManagedPythonRuntime;
  const done = await run({ cliVersion, note: noteTo(io), signal: deps.signal });
  if (args.json) io.stdout.write(jsonText(done));
  else print(io, [`Switched ${done.direction} to ${done.to.environmentDir}`]);
  return 0;
}

function undoLines({ direction, from, to }: UndoTarget): string[] {
  const side = (label: string, { environmentDir, installedAt, features, wheelVersion }: UndoTarget['to']) => {
    const installed = installedAt.replace(/\.\d+/, '');
    return `${label}: ${environmentDir} (${features.join(', ')}; wheel ${wheelVersion}; installed ${installed})`;
  };
  const now = from ? side('now', from) : 'now: none that can be used';
  return [`ktx Python runtime: ${direction} to the other environment`, now, side('then', to)];
}

async function uninstall(args: LifecycleArgs, io: KtxCliIo, deps: LifecycleDeps): Promise<number> {
  const library = () => import('../../lifecycle/uninstall.ts');
  const plan = await (deps.planUninstall ?? (await library()).planUninstall)({});
  const isNothing = plan.parts.length === 0;
  if (!args.json) print(io, planLines(plan));
  if (isNothing) {
    // The user has confirmed nothing, so anything that appears after the plan stays.
    if (args.json) io.stdout.write(jsonText(nothingDone(plan)));
    return plan.foreign.length === 0 ? 0 : 1;
  }
  if (!args.yes && !canAsk(args, io, deps)) return refusal(args, io);
  if (!(await isAgreed(args, io, deps, 'Delete all this?'))) return unchanged(io);
  const run = deps.uninstall ?? (await library()).uninstallManagedPythonRuntimes;
  const result = await run({ note: noteTo(io), signal: deps.signal });
  if (args.json) io.stdout.write(jsonText(result));
  else print(io, resultLines(result));
  return result.left.length === 0 ? 0 : 1;
}

function nothingDone({ runtimeRoot, foreign }: UninstallPlan): UninstallResult {
  const leftBytes = foreign.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { runtimeRoot, removedBytes: 0, stoppedPids: [], left: foreign, leftBytes };
}

function planLines(plan: UninstallPlan): string[] {
  const { runtimeRoot } = plan;
  const { parts, kept } = removalLines(plan);
  if (parts.length === 0) return [`Nothing to uninstall: ${runtimeRoot} holds no ktx files.`, ...kept];
  return [`To be deleted under ${runtimeRoot}`, ...parts, ...kept];
}

function resultLines({ removedBytes, stoppedPids, left, leftBytes, runtimeRoot }: UninstallResult): string[] {
  return [
    `Deleted ${formatBytes(removedBytes)} under ${runtimeRoot}`,
    ...(stoppedPids.length > 0 ? [`Stopped ${formatCount(stoppedPids.length, 'ktx daemon')}`] : []),
    left.length === 0
      ? '0 bytes left'
      : `${leftBytes} bytes left in ${formatCount(left.length, 'entry', 'entries')}`,
    ...left.map(({ path, reason }) => `left: ${path}, ${reason}`),
  ];
}

/** Questions and JSON would share a stream. */
function canAsk(args: LifecycleArgs, io: KtxCliIo, deps: LifecycleDeps): boolean {
  if (args.json) return false;
  return deps.confirm !== undefined || (io.stdout.isTTY === true && process.stdin.isTTY === true);
}

async function isAgreed(
  args: LifecycleArgs,
  io: KtxCliIo,
  deps: LifecycleDeps,
  question: string,
): Promise<boolean> {
  if (args.yes) return true;
  const { signal } = deps;
  try {
    if (deps.confirm) return (await deps.confirm(question)) === true;
    const { confirmOnTerminal } = await import('../../embed/install-consent.ts');
    return await confirmOnTerminal(question, io, { initialValue: args.command === 'undo', signal });
  } catch (error) {
    // Leaving the prompt means no; a signal aborts the command.
    if (error instanceof CancelledError && !signal?.aborted) return false;
    throw error;
  }
}

function unchanged(io: KtxCliIo): number {
  print(io, ['Nothing was changed.']);
  return 0;
}

function refusal(args: LifecycleArgs, io: KtxCliIo): number {
  const title = `Refusing to ${args.command} without --yes.`;
  io.stderr.write(`${title}\n`);
  if (args.json)
    printFailureEvent(io, usageFailure(title, [`ktx admin runtime ${args.command} --json --yes`]));
  return 1;
}

function print(io: KtxCliIo, lines: readonly string[]): void {
  io.stdout.write(`${lines.join('\n')}\n`);
}
