import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { ManagedPythonDaemonStopResult } from '../../daemon/stop.ts';
import type {
  ManagedPythonDaemonStopAllEntry,
  ManagedPythonDaemonStopAllResult,
} from '../../daemon/stop-all.ts';
import {
  doctorManagedPythonRuntime,
  type ManagedPythonRuntimeDoctorCheck,
} from '../../doctor/runtime-checks.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import type { ManagedPythonDaemonStartResult } from '../../embed/start-daemon.ts';
import type { ManagedPythonRuntimePruneResult, PruneOptions } from '../../lifecycle/prune.ts';
import { unneededLines } from '../../present/prune-lines.ts';
import { type ManagedPythonRuntimeStatus, readManagedPythonRuntimeStatus } from '../../runtime/status.ts';
import type { ManagedPythonRuntimeInstallResult } from '../../setup/request/install-types.ts';
import { CancelledError } from '../../support/errors.ts';
import { jsonText } from '../../support/fs/atomic-file.ts';
import { formatCount } from '../../support/text/format.ts';
import { noteTo, printError } from '../output/print-error.ts';

/** Parsed arguments of `ktx admin runtime …`. */
export type KtxRuntimeArgs =
  | { command: 'install'; cliVersion: string; feature: KtxRuntimeFeature; force: boolean }
  | { command: 'start'; cliVersion: string; projectDir: string; feature: KtxRuntimeFeature; force: boolean }
  | { command: 'stop'; cliVersion: string; projectDir: string; all: boolean }
  | { command: 'status'; cliVersion: string; json: boolean; deep?: boolean }
  | { command: 'doctor'; cliVersion: string; json: boolean }
  | ({ command: 'prune'; cliVersion: string; dryRun: boolean; yes: boolean } & PruneChoice);

/** What to prune; by default everything that is not needed. */
export type PruneChoice = Pick<PruneOptions, 'store' | 'parts' | 'keep' | 'olderThanMs'>;

/** Replaceable parts; each default is the library's function. */
export interface KtxRuntimeDeps {
  installRuntime?: (options: {
    cliVersion: string;
    features: KtxRuntimeFeature[];
    force: boolean;
  }) => Promise<ManagedPythonRuntimeInstallResult>;
  startDaemon?: (options: {
    cliVersion: string;
    projectDir: string;
    features: KtxRuntimeFeature[];
    force: boolean;
  }) => Promise<ManagedPythonDaemonStartResult>;
  stopDaemon?: (options: {
    cliVersion: string;
    projectDir: string;
  }) => Promise<ManagedPythonDaemonStopResult>;
  stopAllDaemons?: (options: {
    cliVersion: string;
    projectDir: string;
  }) => Promise<ManagedPythonDaemonStopAllResult>;
  readStatus?: (options: { cliVersion: string }) => Promise<ManagedPythonRuntimeStatus>;
  doctorRuntime?: (options: { cliVersion: string }) => Promise<ManagedPythonRuntimeDoctorCheck[]>;
  pruneRuntime?: (
    options: { cliVersion: string; runtimeRoot: string; dryRun: boolean } & PruneChoice,
  ) => Promise<ManagedPythonRuntimePruneResult>;
  /** Prints stack traces. */
  isDebug?: boolean;
}

/**
 * Runs one `ktx admin runtime` command and resolves with its exit code: 0, 1, or 130 when interrupted.
 * Results go to stdout, the message of a rejection to stderr as plain text even with `json`, followed by its
 * evidence and remedies.
 */
export async function runKtxRuntime(
  args: KtxRuntimeArgs,
  io: KtxCliIo = process,
  deps: KtxRuntimeDeps = {},
): Promise<number> {
  try {
    switch (args.command) {
      case 'install':
        return await install(args, io, deps);
      case 'start':
        return await start(args, io, deps);
      case 'stop':
        return await (args.all ? stopAll : stop)(args, io, deps);
      case 'status':
        return await status(args, io, deps);
      case 'doctor':
        return await doctor(args, io, deps);
      case 'prune':
        return await prune(args, io, deps);
    }
  } catch (error) {
    printError(io, error, deps.isDebug);
    return error instanceof CancelledError ? 130 : 1;
  }
}

type ArgsOf<Command> = Extract<KtxRuntimeArgs, { command: Command }>;

async function install(args: ArgsOf<'install'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const installRuntime =
    deps.installRuntime ?? (await import('../../embed/install.ts')).installManagedPythonRuntime;
  const { cliVersion, feature, force } = args;
  const { status, layout, manifest } = await installRuntime({ cliVersion, features: [feature], force });
  printLines(io, [
    status === 'ready' ? 'Using existing ktx Python runtime' : 'Installed ktx Python runtime',
    `version: ${manifest.cliVersion}`,
    `features: ${manifest.features.join(', ')}`,
    `python: ${manifest.python.executable}`,
    `daemon: ${manifest.python.daemonExecutable}`,
    `manifest: ${layout.manifestPath}`,
    `install log: ${manifest.installLog}`,
  ]);
  return 0;
}

async function start(args: ArgsOf<'start'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const startDaemon =
    deps.startDaemon ?? (await import('../../embed/start-daemon.ts')).startManagedPythonDaemon;
  const { cliVersion, projectDir, feature, force } = args;
  const daemon = await startDaemon({ cliVersion, projectDir, features: [feature], force });
  const { layout, state, baseUrl } = daemon;
  printLines(io, [
    daemon.status === 'reused' ? 'Using existing ktx daemon' : 'Started ktx daemon',
    `url: ${baseUrl}`,
    `pid: ${state.pid}`,
    `version: ${state.version}`,
    `features: ${state.features.join(', ')}`,
    `state: ${layout.daemonStatePath}`,
    `stdout: ${state.stdoutLog}`,
    `stderr: ${state.stderrLog}`,
  ]);
  return 0;
}

async function stop(args: ArgsOf<'stop'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const stopDaemon = deps.stopDaemon ?? (await import('../../daemon/stop.ts')).stopManagedPythonDaemon;
  const { cliVersion, projectDir } = args;
  const { status, layout, state, wasRunning } = await stopDaemon({ cliVersion, projectDir });
  if (status === 'already-stopped') {
    printLines(io, ['ktx daemon already stopped']);
  } else {
    printLines(io, [
      'Stopped ktx daemon',
      ...(state ? [`pid: ${state.pid}`] : []),
      `state: ${layout.daemonStatePath}`,
      ...(wasRunning === false
        ? ['note: it was not running, or its process is another program now; the record was removed']
        : []),
    ]);
  }
  return 0;
}

async function stopAll(args: ArgsOf<'stop'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const stopAllDaemons =
    deps.stopAllDaemons ?? (await import('../../daemon/stop-all.ts')).stopAllManagedPythonDaemons;
  const { cliVersion, projectDir } = args;
  const { stopped, stale, failed, scanErrors } = await stopAllDaemons({ cliVersion, projectDir });
  if (failed.length > 0 || scanErrors.length > 0) {
    const cleaned = stale.length > 0 ? `; cleaned stale ${stale.length}` : '';
    const lines = [
      `Stopped ${stopped.length} ktx daemons; failed ${failed.length}${cleaned}`,
      ...failed.map(entryLine),
      ...scanErrors.map((message) => `process scan: ${message}`),
    ];
    io.stderr.write(`${lines.join('\n')}\n`);
    return 1;
  }
  if (stopped.length === 0 && stale.length === 0) {
    printLines(io, ['No ktx daemons found']);
  } else {
    printLines(io, [
      `Stopped ${stopped.length} ktx daemons`,
      ...(stale.length > 0 ? [`Cleaned ${stale.length} stale daemon states`] : []),
      ...[...stopped, ...stale].map(entryLine),
    ]);
  }
  return 0;
}

function entryLine(entry: ManagedPythonDaemonStopAllEntry & { detail?: string }): string {
  const { pid, source, url, health, detail } = entry;
  const extras = Object.entries({ url, health, detail }).filter(([, value]) => value !== undefined);
  return [`pid: ${pid} source: ${source}`, ...extras.map(([name, value]) => `${name}: ${value}`)].join(' ');
}

async function status(args: ArgsOf<'status'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const { cliVersion } = args;
  const readStatus = deps.readStatus ?? readManagedPythonRuntimeStatus;
  const doctorRuntime = deps.doctorRuntime ?? quickDoctor;
  const [quick, checks] = await Promise.all([readStatus({ cliVersion }), doctorRuntime({ cliVersion })]);
  const proof = args.deep && quick.kind === 'ready' ? await prove(cliVersion) : null;
  const found = proof?.problem ? { ...quick, kind: 'broken' as const, detail: proof.problem } : quick;
  // What an injected status examined is unknown.
  const lookedAt = deps.readStatus ? null : await whatWasLookedAt(found, proof !== null);
  const allChecks = [...checks, ...(proof?.checks ?? [])];
  if (args.json) {
    io.stdout.write(jsonText({ ...found, checks: allChecks, ...(lookedAt === null ? {} : { lookedAt }) }));
  } else {
    const { layout, manifest } = found;
    printLines(io, [
      'ktx Python runtime',
      `status: ${found.kind}`,
      `detail: ${found.detail}`,
      `runtime root: ${layout.runtimeRoot}`,
      `version dir: ${layout.versionDir}`,
      ...(manifest
        ? [
            `features: ${manifest.features.join(', ')}`,
            `python: ${manifest.python.executable}`,
            `daemon: ${manifest.python.daemonExecutable}`,
          ]
        : []),
      ...checkBlock('ktx Python runtime checks', allChecks),
      ...(lookedAt === null
        ? []
        : [
            `looked at: ${[...lookedAt, ...(manifest && proof === null ? ['more with --deep'] : [])].join(', ')}`,
          ]),
    ]);
  }
  return found.kind === 'ready' ? 0 : 1;
}

/** What the status was based on, as text: shows how far `ready` can be trusted. */
async function whatWasLookedAt(
  { layout, manifest }: ManagedPythonRuntimeStatus,
  isProven: boolean,
): Promise<string[]> {
  if (!manifest) return ['manifest'];
  if (isProven) return ['every file by its digest', 'daemon', 'statement', 'features'];
  const { countRecordedSizes } = await import('../../runtime/recorded-sizes.ts');
  const count = await countRecordedSizes(layout.venvDir);
  const sizes = count === 0 ? [] : [`sizes of ${formatCount(count, 'file')}`];
  return ['manifest', 'two programs', ...sizes];
}

/** The deep checks of the doctor, in the form of the quick ones; without the skipped ones. */
async function prove(cliVersion: string) {
  const { proveRuntime } = await import('../../doctor/prove-runtime.ts');
  const { results, problem } = await proveRuntime({ cliVersion });
  const rows = results.filter(({ id, status }) => status !== 'skipped' && id !== 'asset');
  const checks = rows.map(({ id, label, status, detail, fix, repairs = [] }) => ({
    id,
    label,
    status,
    detail,
    ...(repairs.length > 0
      ? { fix: 'Run: ktx doctor --deep --fix --yes' }
      : fix === undefined
        ? {}
        : { fix }),
  }));
  return { checks, problem };
}

/** Status is polled, also by programs: uv is only hashed again if it changed since it was verified. */
const quickDoctor: typeof doctorManagedPythonRuntime = (options) =>
  doctorManagedPythonRuntime({ ...options, mayTrustMark: true });

async function doctor(args: ArgsOf<'doctor'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const doctorRuntime = deps.doctorRuntime ?? doctorManagedPythonRuntime;
  const checks = await doctorRuntime({ cliVersion: args.cliVersion });
  if (args.json) io.stdout.write(jsonText({ checks }));
  else printLines(io, checkBlock('ktx Python runtime doctor', checks));
  return checks.some((check) => check.status === 'fail') ? 1 : 0;
}

async function prune(args: ArgsOf<'prune'>, io: KtxCliIo, deps: KtxRuntimeDeps): Promise<number> {
  const { command: _, yes, cliVersion, dryRun, ...choice } = args;
  if (!dryRun && !yes) {
    io.stderr.write('Refusing to prune without --yes. Preview with: ktx admin runtime prune --dry-run\n');
    return 1;
  }
  const { layout } = await (deps.readStatus ?? readManagedPythonRuntimeStatus)({ cliVersion });
  const pruneRuntime: NonNullable<KtxRuntimeDeps['pruneRuntime']> =
    deps.pruneRuntime ??
    (async (options) => {
      const { pruneManagedPythonRuntimes } = await import('../../lifecycle/prune.ts');
      return pruneManagedPythonRuntimes({ ...options, note: noteTo(io) });
    });
  const { runtimeRoot } = layout;
  const result = await pruneRuntime({ cliVersion, runtimeRoot, dryRun, ...choice });
  if (result.stale.length === 0) {
    printLines(io, [`No stale ktx Python runtimes found under ${result.runtimeRoot}`]);
  } else if (dryRun) {
    printLines(io, ['Stale ktx Python runtimes', ...result.stale]);
  } else {
    printLines(io, ['Removed stale ktx Python runtimes', ...result.removed]);
  }
  const heading = dryRun ? 'No longer needed' : 'Removed what was no longer needed';
  const unneeded = unneededLines(result.unneeded, heading);
  if (unneeded.length > 0) printLines(io, unneeded);
  if (result.downloads !== undefined) {
    printLines(io, [`${dryRun ? 'Downloads that --yes removes' : 'Removed downloads'}: ${result.downloads}`]);
  }
  return 0;
}

interface CheckRow {
  label: string;
  status: string;
  detail: string;
  fix?: string;
}

function checkBlock(heading: string, checks: readonly CheckRow[]): string[] {
  return [
    heading,
    ...checks.flatMap(({ status, label, detail, fix }) => [
      `${status.toUpperCase()} ${label}: ${detail}`,
      ...(fix ? [`     Fix: ${fix}`] : []),
    ]),
  ];
}

function printLines(io: KtxCliIo, lines: readonly string[]): void {
  io.stdout.write(`${lines.join('\n')}\n`);
}
