import { join } from 'node:path';
import type { SetupEvent } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import { programVersion } from '../../core/program-version.ts';
import { rawOutput } from '../../embed/harmless-io.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import type { FirstScreen } from '../../present/terminal/first-screen.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import type { SetupPlan } from '../../setup/setup.ts';
import { errorMessage } from '../../support/errors.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { withStopSignals } from '../../support/stop-signals.ts';
import type { WizardFunctions } from '../../wizard/functions.ts';
import { speakAsAsked } from '../output/speak.ts';
import { chooseSetupMode, type SetupFlags } from './setup-flags.ts';

/** A sink for events, which writes them to its own stream. */
interface Presenter {
  onEvent(event: SetupEvent): void;
  close(): void;
}

export interface SetupCommandDeps {
  runSetup?: (options: SetupOptions) => Promise<unknown>;
  dryRun?: (options: SetupOptions) => Promise<unknown>;
  runInteractive?: (mode: 'wizard' | 'prompts', flags: SetupFlags, featureReason?: string) => Promise<number>;
  /** Already on the terminal. */
  firstScreen?: FirstScreen;
  isStdinTty?: boolean;
  env?: NodeJS.ProcessEnv;
  isDebug?: boolean;
}

/**
 * Runs `ktx setup` and resolves with its exit code: 0 done, 1 failed, 130 interrupted while something ran.
 * @throws Error when a choice is missing and there is no one to ask; nothing was done in that case.
 */
export async function runSetupCommand(
  flags: SetupFlags,
  io: KtxCliIo = process,
  deps: SetupCommandDeps = {},
): Promise<number> {
  const env = deps.env ?? process.env;
  const mode = chooseSetupMode(flags, {
    isStdinTty: deps.isStdinTty ?? process.stdin.isTTY === true,
    isStdoutTty: io.stdout.isTTY === true,
    env,
  });
  if (mode !== 'wizard') deps.firstScreen?.close();
  // Machine-readable output is always in English.
  await speakAsAsked(mode === 'json' ? 'en' : flags.language, env);
  const project = flags.feature === null ? await projectNeed(flags.projectDir, env) : null;
  const asked = project ? { ...flags, feature: project.feature } : flags;
  switch (mode) {
    case 'wizard':
    case 'prompts':
      return deps.runInteractive
        ? deps.runInteractive(mode, asked, project?.reason)
        : runInteractive(mode, asked, project?.reason, deps.firstScreen);
    case 'lines':
      return runHeadless(asked, io, await linePresenter(io, env), deps);
    case 'json':
      return runHeadless(asked, io, await jsonPresenter(io), deps);
  }
}

/**
 * The largest feature that the project needs, and why; `null` outside a project, or when it needs no Python.
 */
async function projectNeed(
  projectDir: string,
  env: NodeJS.ProcessEnv,
): Promise<{ feature: KtxRuntimeFeature; reason: string } | null> {
  const { pathExists } = await import('../../support/fs/path-exists.ts');
  if (!(await pathExists(join(projectDir, 'ktx.yaml')))) return null;
  const [{ readProjectConfig }, { resolveProjectRuntimeRequirements }] = await Promise.all([
    import('../../project/project-config.ts'),
    import('../../project/requirements.ts'),
  ]);
  const config = await readProjectConfig(projectDir);
  const { features, requirements } = resolveProjectRuntimeRequirements(config ?? {}, { env });
  const feature = features.at(-1);
  const requirement = requirements.find((entry) => entry.feature === feature);
  return feature && requirement ? { feature, reason: requirement.detail.replace(/\.$/, '') } : null;
}

/** The prompts need the real terminal, so this takes no `io`. */
async function runInteractive(
  mode: 'wizard' | 'prompts',
  flags: SetupFlags,
  featureReason?: string,
  firstScreen?: FirstScreen,
): Promise<number> {
  const { pathExists } = await import('../../support/fs/path-exists.ts');
  const hasProject = await pathExists(join(flags.projectDir, 'ktx.yaml'));
  const options = {
    setup: setupOptions(flags),
    functions: wizardFunctions({ projectDir: flags.projectDir, cwd: process.cwd() }),
    hasProject,
    ...(flags.feature === null ? {} : { initialFeature: flags.feature }),
    ...(featureReason === undefined ? {} : { featureReason }),
    ...(firstScreen === undefined ? {} : { firstScreen }),
  };
  if (mode === 'prompts') return (await import('../../present/prompts.ts')).runPrompts(options);
  return (await import('../../present/ink/run-wizard.tsx')).runWizard(options);
}

/** Each is imported when called: the first screen only waits for the overview. */
const wizardFunctions = (place: { projectDir: string; cwd: string }): WizardFunctions<SetupPlan> => ({
  readOverview: async (options) => (await import('../../setup/overview.ts')).readSetupOverview(options),
  plan: async (options) => (await import('../../setup/setup.ts')).planSetup(options),
  execute: async (plan, options) => (await import('../../setup/setup.ts')).executeSetup(plan, options),
  discard: async (plan) => (await import('../../setup/setup.ts')).discardPlan(plan),
  runChecks: async (options, run) => (await import('../panels/doctor.ts')).runChecks(options, run, place),
  planRepair: async (results, options) =>
    (await import('../panels/doctor.ts')).planRepair(results, options, place),
  repair: async (options, run) => (await import('../panels/doctor.ts')).repair(options, run, place),
  undoRepair: async (options) => (await import('../panels/doctor.ts')).undoRepair(options, place),
  readUndoTarget: async (options) => (await import('../../lifecycle/undo.ts')).readUndoTarget(options),
  undo: async (options) => (await import('../../lifecycle/undo.ts')).undoManagedPythonRuntime(options),
  runPanel: async (effect, context) =>
    (await import('../panels/run-panel.ts')).runPanel(effect, context, place),
  reportFailure: async (...args) => (await import('../../setup/setup.ts')).reportFailure(...args),
});

/** Converts flags to options of the library. Unset flags are omitted, so that the library's defaults apply. */
export function setupOptions(flags: SetupFlags): SetupOptions {
  return {
    cliVersion: programVersion(),
    features: [flags.feature ?? 'core'],
    ...(flags.python === null ? {} : { python: flags.python }),
    isOffline: flags.isOffline,
    allowedHosts: flags.allowedHosts,
    shouldIgnoreDisk: flags.shouldIgnoreDisk,
    shouldForce: flags.shouldForce,
    ...(flags.runtimeRoot === null ? {} : { runtimeRoot: flags.runtimeRoot }),
    ...(flags.uvPath === null ? {} : { uvPath: flags.uvPath }),
    ...(flags.indexUrl === null ? {} : { indexUrl: flags.indexUrl }),
    ...(flags.bundlePath === null
      ? {}
      : {
          bundle: {
            path: flags.bundlePath,
            isSignatureRequired: flags.isSignatureRequired,
            ...(flags.trustFile !== null && { trustFile: flags.trustFile }),
          },
        }),
  };
}

async function runHeadless(
  flags: SetupFlags,
  io: KtxCliIo,
  presenter: Presenter,
  deps: SetupCommandDeps,
): Promise<number> {
  return withStopSignals(async (signal) => {
    let hasFailureBeenShown = false;
    const onEvent = (event: SetupEvent) => {
      if (event.type === 'failure') hasFailureBeenShown = true;
      presenter.onEvent(event);
    };
    try {
      const run = flags.isDryRun
        ? (deps.dryRun ?? (await import('../../setup/dry-run.ts')).dryRunSetup)
        : (deps.runSetup ?? (await import('../../setup/setup.ts')).runSetup);
      await run({ ...setupOptions(flags), onEvent, signal });
      return 0;
    } catch (error) {
      if (signal.aborted) io.stderr.write('Setup cancelled.\n');
      else if (!hasFailureBeenShown) io.stderr.write(`${errorMessage(error)}\n`);
      if (deps.isDebug && error instanceof Error) io.stderr.write(`${error.stack}\n`);
      return signal.aborted ? 130 : 1;
    } finally {
      presenter.close();
    }
  });
}

/** Longest silence of plain-line output while something runs. */
const HEARTBEAT_MS = 30_000;

async function linePresenter(io: KtxCliIo, env: NodeJS.ProcessEnv): Promise<Presenter> {
  const [{ createLinePresenter }, { hasUnicode, toAscii }] = await Promise.all([
    import('../../present/lines.ts'),
    import('../../present/ascii.ts'),
  ]);
  const presenter = createLinePresenter({ homeDir: homeFolder() });
  const isUnicode = hasUnicode(env);
  const heartbeat = setInterval(() => print(io.stdout, presenter.heartbeat()), HEARTBEAT_MS);
  return {
    onEvent(event) {
      const lines = presenter.lines(event);
      if (lines.length === 0) return;
      heartbeat.refresh();
      const isOurs = event.type !== 'lines';
      print(
        event.type === 'failure' ? io.stderr : io.stdout,
        isOurs && !isUnicode ? lines.map(toAscii) : lines,
      );
    },
    close: () => clearInterval(heartbeat),
  };
}

function print(stream: { write(text: string): unknown }, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
}

async function jsonPresenter(io: KtxCliIo): Promise<Presenter> {
  const { eventJson, helloJson } = await import('../../present/json.ts');
  rawOutput(io.stdout).write(helloJson(programVersion()));
  return { onEvent: (event) => io.stdout.write(eventJson(event)), close: () => {} };
}
