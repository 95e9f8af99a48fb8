import {
  type Emit,
  eventEmitter,
  type PlanSummary,
  type SetupResult,
  type SetupStep,
} from '../core/events.ts';
import { type ManagedPythonRuntimeLayout, managedPythonRuntimeLayout } from '../core/layout.ts';
import { CancelledError, SetupError } from '../support/errors.ts';
import { homeFolder } from '../support/home/home-folder.ts';
import type { InstallOutcome } from './build/execute-plan.ts';
import { mendReadyRuntime, tidyAfterKilledRun } from './mend-ready.ts';
import type { InstallPreparation, ReadyPreparation } from './plan/install-plan.ts';
import { prepareInstall } from './prepare.ts';
import type { PrepareOptions } from './request/install-types.ts';
import type { SetupOptions } from './request/setup-options.ts';

export type SetupPlan = { status: 'ready'; result: SetupResult } | InstallPlan;

/** The plan that was shown is the plan that is executed. Opaque to the caller. */
export type InstallPlan = InstallPreparation;

/**
 * Plans a setup: which Python, which files from where, how many bytes. Contacts the hosts that it would use,
 * within seconds; changes nothing. If the current runtime satisfies the request the answer is `ready`,
 * without contacting a host or starting a process.
 * @throws SetupError when installing is impossible, naming what was tried.
 */
export async function planSetup(options: SetupOptions): Promise<SetupPlan> {
  const startedAt = performance.now();
  const prepared = await prepareInstall(await withBundle(withDefaults(options)));
  if (prepared.status === 'install') return prepared;
  await tidyAfterKilledRun(prepared.layout, eventEmitter(options.onEvent));
  return { status: 'ready', result: readyResult(prepared, Math.round(performance.now() - startedAt)) };
}

/** Fills in the process environment and home. */
export function withDefaults(options: SetupOptions): PrepareOptions {
  return { ...options, env: options.env ?? process.env, homeDir: options.homeDir ?? homeFolder() };
}

/** Loads the bundle, if given, into the store; from there on the setup is offline. */
async function withBundle(options: PrepareOptions): Promise<PrepareOptions> {
  if (!options.bundle) return options;
  const { takeBundle } = await import('./take-bundle.ts');
  await takeBundle(options.bundle, options);
  return { ...options, isOffline: true };
}

/** The result of a setup that had nothing to do. */
export function readyResult({ layout, manifest }: ReadyPreparation, durationMs: number): SetupResult {
  return {
    status: 'ready',
    cliVersion: layout.cliVersion,
    features: manifest.features,
    pythonPath: layout.pythonPath,
    pythonLabel: 'Python as installed',
    daemonPath: layout.daemonPath,
    manifestPath: layout.manifestPath,
    logPath: layout.installLogPath,
    durationMs,
    downloadedBytes: 0,
    egress: [],
  };
}

/** Discards a plan without executing it: closes its connections. */
export async function discardPlan(plan: InstallPlan): Promise<void> {
  await plan.tools.network.close();
}

/** Executes a plan. @throws the failure; the previous runtime keeps working. */
export async function executeSetup(plan: InstallPlan, options: SetupOptions): Promise<SetupResult> {
  return execute(plan, options, true);
}

async function execute(plan: InstallPlan, options: SetupOptions, isShown: boolean): Promise<SetupResult> {
  const startedAt = performance.now();
  const emit = eventEmitter(options.onEvent);
  const [{ runLocked }, { describePython }] = await Promise.all([
    import('./run-locked.ts'),
    import('./build/execute-plan.ts'),
  ]);
  const given = withDefaults(options);
  const end = await runLocked(plan, options.bundle ? { ...given, isOffline: true } : given, emit, {
    isShown,
  });
  const durationMs = Math.round(performance.now() - startedAt);
  if (end.status === 'ready') return readyResult(end.ready, durationMs);
  const { prepared, outcome } = end;
  const pythonLabel = describePython(prepared.plan, prepared.summary.python.version);
  return resultOf(prepared, outcome, pythonLabel, durationMs);
}

/**
 * Plans and executes, with every event: `plan`, the steps, then `done` or `failure`.
 * @throws the failure, after emitting it as an event; CancelledError, without an event.
 */
export async function runSetup(options: SetupOptions): Promise<SetupResult> {
  const emit = eventEmitter(options.onEvent);
  let lastStep: SetupStep | null = null;
  const onEvent: SetupOptions['onEvent'] = (event) => {
    if (event.type === 'step' && event.status === 'started') lastStep = event.step;
    options.onEvent?.(event);
  };
  try {
    emit({ type: 'step', step: 'plan', status: 'started' });
    lastStep = 'plan';
    const startedAt = performance.now();
    const plan = await planSetup(options);
    const durationMs = Math.round(performance.now() - startedAt);
    if (plan.status === 'install') emitPlan(emit, plan.summary);
    emit({ type: 'step', step: 'plan', status: 'finished', durationMs });
    const result =
      plan.status === 'ready'
        ? { ...plan.result, ...(await mendReady(options, emit)) }
        : await execute(plan, { ...options, onEvent }, false);
    emit({ type: 'done', result });
    return result;
  } catch (error) {
    if (!(error instanceof CancelledError))
      emit({ type: 'failure', failure: await reportFailure(error, options, lastStep) });
    throw error;
  }
}

async function mendReady(options: SetupOptions, emit: Emit): Promise<Partial<SetupResult>> {
  return mendReadyRuntime(managedPythonRuntimeLayout(options), withDefaults(options), emit);
}

/** Emits the plan, then each of its notes. */
export function emitPlan(emit: Emit, summary: PlanSummary): void {
  emit({ type: 'plan', plan: summary });
  for (const text of summary.notes) emit({ type: 'note', step: 'plan', level: 'info', text });
}

/** Emits the failure; writes nothing, as a dry run must not. */
export async function emitFailure(
  emit: Emit,
  error: unknown,
  options: SetupOptions,
  step: SetupStep | null,
): Promise<void> {
  emit({ type: 'failure', failure: await describe(error, options, step) });
}

/** The failure as shown by every presenter, including what is still intact. Saved for a report. */
export async function reportFailure(error: unknown, options: SetupOptions, step: SetupStep | null) {
  const failure = await describe(error, options, step);
  const layout = usableLayout(options);
  if (layout === null) return failure;
  const { runtimeRoot, cliVersion } = layout;
  const settings = await settingLines(options, runtimeRoot).catch(() => []);
  const [{ keepFailure }, { inspectFolders }, { isLockablePath }] = await Promise.all([
    import('../log/failure-log.ts'),
    import('../runtime/trusted-folders.ts'),
    import('../runtime/write-access.ts'),
  ]);
  // Nothing can ever be installed there, so write nothing.
  if (!isLockablePath(runtimeRoot, cliVersion)) return failure;
  // Others could place links there, so write nothing.
  if ((await inspectFolders(runtimeRoot, [])).distrust !== null) return failure;
  await keepFailure({ runtimeRoot, cliVersion, features: options.features ?? ['core'], failure, settings });
  return failure;
}

async function settingLines(options: SetupOptions, runtimeRoot: string): Promise<string[]> {
  const { describeNetwork } = await import('./session/network-settings.ts');
  const { env, homeDir } = withDefaults(options);
  const { lines, warnings } = await describeNetwork({ env, homeDir, runtimeRoot });
  return [
    ...lines.map(({ name, value, origin }) => `${name}: ${value}   (from ${origin})`),
    ...warnings.map((text) => `note: ${text}`),
  ];
}

/** What is still intact, as far as it was checked. */
async function untouchedWords(options: SetupOptions): Promise<string> {
  const nothing = 'Nothing was changed';
  const { readManagedPythonRuntimeStatus } = await import('../runtime/status.ts');
  const status = await readManagedPythonRuntimeStatus(options).catch(() => null);
  if (!status?.manifest) return `${nothing}.`;
  const { cliVersion, features } = status.manifest;
  const what = `ktx ${cliVersion} (${features.join(', ')})`;
  return status.kind === 'ready'
    ? `${nothing}: ${what} still works.`
    : `${nothing}: ${what} did not work before either. ${status.detail}`;
}

async function describe(error: unknown, options: SetupOptions, step: SetupStep | null) {
  const layout = usableLayout(options);
  const hasLog = step !== null && step !== 'plan';
  const [{ describeFailure }, { ownInstallLog }] = await Promise.all([
    import('../failure/failure.ts'),
    import('../log/install-log.ts'),
  ]);
  const context = {
    step,
    untouched: await untouchedWords(options),
    logPath: hasLog && layout ? await ownInstallLog(layout.installLogPath) : null,
  };
  return describeFailure(error, context, await bundleInstead(error, options, layout));
}

/** A usable bundle found on this machine, when hosts were unreachable; `undefined` when none would help. */
async function bundleInstead(
  error: unknown,
  options: SetupOptions,
  layout: ManagedPythonRuntimeLayout | null,
): Promise<string | null | undefined> {
  const isAboutHosts = error instanceof SetupError && error.failureClass === 'network';
  if (!isAboutHosts || options.bundle || layout === null) return undefined;
  const [{ bundleExpectation }, { findBundlesNearby, placesHere }] = await Promise.all([
    import('../bundle/nearby/judge-bundle.ts'),
    import('../bundle/nearby/find-nearby.ts'),
  ]);
  const { cliVersion, features } = options;
  const wanted = await bundleExpectation({ cliVersion, assetDir: layout.assetDir, features }).catch(
    () => null,
  );
  if (wanted === null) return undefined;
  const found = await findBundlesNearby(wanted, { places: await placesHere(process.cwd()) });
  return found.find(({ state }) => state === 'usable')?.path ?? null;
}

/** `null` when the root itself caused the failure, so nothing is in it. */
function usableLayout(options: SetupOptions): ManagedPythonRuntimeLayout | null {
  try {
    return managedPythonRuntimeLayout(options);
  } catch {
    return null;
  }
}

function resultOf(
  plan: InstallPlan,
  { layout, manifest, downloadedBytes }: InstallOutcome,
  pythonLabel: string,
  durationMs: number,
): SetupResult {
  return {
    status: 'installed',
    cliVersion: layout.cliVersion,
    features: manifest.features,
    pythonPath: layout.pythonPath,
    pythonLabel,
    daemonPath: layout.daemonPath,
    manifestPath: layout.manifestPath,
    logPath: layout.installLogPath,
    durationMs,
    downloadedBytes,
    egress: plan.tools.network.egress(),
  };
}
