import { Command, CommanderError } from 'commander';
import { programVersion } from '../core/program-version.ts';
import type { KtxCliIo } from '../embed/io.ts';
import { programName } from '../support/program-name.ts';
import { addBundle } from './commands/bundle-program.ts';
import type { DoctorArgs } from './commands/doctor-command.ts';
import { addEmbed } from './commands/embed-program.ts';
import type { LifecycleArgs } from './commands/lifecycle-command.ts';
import { addModelHost, type ModelHostArgs } from './commands/model-host-program.ts';
import { addNetwork, type NetworkArgs } from './commands/network-program.ts';
import type { KtxRuntimeArgs } from './commands/runtime-command.ts';
import { parseSetupFlags, type RawSetupFlags, type SetupFlags } from './commands/setup-flags.ts';
import { addDoctor } from './doctor-program.ts';

import { featureOption, value } from './options.ts';
import { resolveProjectDir } from './project-dir.ts';
import { addDaemon, addLifecycle, addRecords, addRuntime } from './runtime-program.ts';
import { addRuntimeRoot, ROOT_HELP } from './runtime-root.ts';

/** Replaceable parts; each default is imported when its command runs. */
export interface ProgramDeps {
  runRuntime?: (args: KtxRuntimeArgs, io: KtxCliIo) => Promise<number>;
  runSetup?: (flags: SetupFlags, io: KtxCliIo) => Promise<number>;
  runLifecycle?: (args: LifecycleArgs, io: KtxCliIo) => Promise<number>;
  runModelHost?: (args: ModelHostArgs, io: KtxCliIo) => Promise<number>;
  runNetwork?: (args: NetworkArgs, io: KtxCliIo) => Promise<number>;
  runDoctor?: (args: DoctorArgs, io: KtxCliIo) => Promise<number>;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  isStdinTty?: boolean;
}

interface GlobalOptions {
  projectDir?: string;
  debug?: boolean;
}

/** Parses a command line, runs the command and resolves with its exit code: 1 for a usage error. */
export async function runProgram(argv: readonly string[], io: KtxCliIo, deps: ProgramDeps): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(io, deps, (code) => {
    exitCode = code;
  });
  const putRootBack = addRuntimeRoot(program, deps.env ?? process.env, deps.cwd ?? process.cwd());
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version, which commander has printed.
    if (error instanceof CommanderError && !error.message.startsWith('error:')) return error.exitCode;
    const { reportUsageError } = await import('./output/usage-error.ts');
    await reportUsageError(error, argv, program, io);
    return 1;
  } finally {
    putRootBack();
  }
}

/** Every command and flag, for docs/commands.md; runs nothing. */
export function describeProgram(io: KtxCliIo): Command {
  const program = buildProgram(io, {}, () => {});
  addRuntimeRoot(program, {}, '/');
  return program;
}

function buildProgram(io: KtxCliIo, deps: ProgramDeps, finish: (exitCode: number) => void): Command {
  const program = new Command(programName())
    .description('Puts the ktx Python runtime on this machine, proves that it works, and repairs it.')
    .version(`${programName()} ${programVersion()}`, '-v, --version', 'print the version')
    .option('--project-dir <path>', 'the project to work on [env: KTX_PROJECT_DIR]', value('--project-dir'))
    .option('--debug', 'print stack traces of errors')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Printed by `reportUsageError`, with more detail.
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stdout.columns ?? 80,
    });

  const workingDir = () => deps.cwd ?? process.cwd();
  const projectDir = () =>
    resolveProjectDir({
      flag: program.opts<GlobalOptions>().projectDir,
      env: deps.env ?? process.env,
      cwd: workingDir(),
    });
  const runSetup = async (raw: RawSetupFlags & { printSchema?: boolean }) => {
    if (raw.printSchema) {
      const { eventJsonSchema } = await import('../present/event-json-schema.ts');
      io.stdout.write(eventJsonSchema());
      return;
    }
    const { debug } = program.opts<GlobalOptions>();
    const flags = parseSetupFlags(raw, { cwd: workingDir(), projectDir: await projectDir() });
    if (deps.runSetup) return finish(await deps.runSetup(flags, io));
    const { runSetupCommand } = await import('./commands/setup-command.ts');
    finish(await runSetupCommand(flags, io, { isDebug: debug }));
  };
  const runRuntime = async (args: KtxRuntimeArgs) => {
    if (deps.runRuntime) return finish(await deps.runRuntime(args, io));
    finish(await runRuntimeCommand(args, io, program.opts<GlobalOptions>().debug));
  };

  addSetup(program, runSetup);
  addDoctor(program, async (args) => {
    if (deps.runDoctor) return finish(await deps.runDoctor(args, io));
    const isDebug = program.opts<GlobalOptions>().debug;
    finish(await runDoctor(args, io, { env: deps.env, isDebug, projectDir: await projectDir() }));
  });
  const admin = program.command('admin').description('manage what ktx has on this machine');
  const runtime = addRuntime(admin, runRuntime);
  addDaemon(runtime, runRuntime, projectDir);
  addLifecycle(runtime, async (args) => {
    if (deps.runLifecycle) return finish(await deps.runLifecycle(args, io));
    finish(await runLifecycle(args, io, program.opts<GlobalOptions>().debug));
  });
  addRecords(runtime, async (args) => {
    const { runRecordsCommand } = await import('./commands/records-command.ts');
    finish(await runRecordsCommand(args, io, { isDebug: program.opts<GlobalOptions>().debug }));
  });
  addNetwork(admin, async (args) => {
    if (deps.runNetwork) return finish(await deps.runNetwork(args, io));
    const { runNetworkCommand } = await import('./commands/network-command.ts');
    const { env, cwd, isStdinTty } = deps;
    const isDebug = program.opts<GlobalOptions>().debug;
    finish(await runNetworkCommand(args, io, { env, cwd, isStdinTty, isDebug }));
  });
  addBundle(program, async (args) => {
    const { runBundleCommand } = await import('./commands/bundle-command.ts');
    const isDebug = program.opts<GlobalOptions>().debug;
    finish(await runBundleCommand(args, io, { env: deps.env, cwd: workingDir(), isDebug }));
  });
  addEmbed(program, async (args) => {
    const { runEmbedCommand } = await import('./commands/embed-command.ts');
    finish(await runEmbedCommand(args, io, { cwd: workingDir(), projectDir: await projectDir() }));
  });
  addModelHost(admin, async (args) => {
    if (deps.runModelHost) return finish(await deps.runModelHost(args, io));
    const { runModelHostCommand } = await import('./commands/model-host-command.ts');
    finish(await runModelHostCommand(args, io, { cwd: workingDir(), projectDir: await projectDir() }));
  });
  addHelp(program);
  // A bare `ktx` needs an action; with one, commander takes a mistyped command for an argument and complains
  // about its options. Last, because subcommands inherit these permissions.
  program.allowExcessArguments().allowUnknownOption();
  program.action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) {
      const kind = unknown.startsWith('-') ? 'option' : 'command';
      const code = kind === 'command' ? 'commander.unknownCommand' : 'commander.unknownOption';
      program.error(`error: unknown ${kind} '${unknown}'`, { code });
    }
    const isStdinTty = deps.isStdinTty ?? process.stdin.isTTY === true;
    if (io.stdout.isTTY === true && isStdinTty) await runSetup({});
    else program.outputHelp();
  });
  return program;
}

/** Adds `help` to each group. Commander's own only looks at the first name, and ignores an unknown one. */
function addHelp(group: Command): void {
  for (const command of group.commands) if (command.commands.length > 0) addHelp(command);
  group
    .command('help [command...]')
    .description('print the help of a command')
    .helpOption(false)
    .allowUnknownOption()
    .action((words: string[]) => {
      let current = group;
      // `ktx help` may be put before a complete command line, including its options.
      for (const word of words.filter((word) => !word.startsWith('-'))) {
        const next = current.commands.find((command) => command.name() === word);
        if (!next) group.error(`error: unknown command '${word}'`, { code: 'commander.unknownCommand' });
        current = next;
      }
      current.outputHelp();
    });
}

function addSetup(program: Command, run: (raw: RawSetupFlags) => Promise<void>): void {
  program
    .command('setup')
    .description('install the Python runtime, step by step or without questions')
    .addOption(featureOption())
    .option('--yes', 'agree to the plan without being asked')
    .option('--no-input', 'ask nothing; needs --yes [env: CI]')
    .option('--plain', 'questions and lines instead of a full screen [env: TERM=dumb, INK_SCREEN_READER]')
    .option(
      '--language <tag>',
      'of texts for people: de, en, ja [env: KTX_LANGUAGE, LC_ALL, LC_MESSAGES, LANG]',
    )
    .option('--json', 'print events as JSON lines; needs --yes')
    .option('--python <choice>', 'auto, managed, system, a version, or a path', value('--python'))
    .option('--uv <path>', 'use this uv binary', value('--uv'))
    .option(
      '--index-url <url>',
      'the package index to use [env: UV_DEFAULT_INDEX, PIP_INDEX_URL]',
      value('--index-url'),
    )
    .option('--offline', 'use no network')
    .option('--allow-host <host>', 'allow one more host; may be repeated', hosts)
    .option('--ignore-disk', 'install although the disk seems too full')
    .option('--runtime-root <dir>', ROOT_HELP, value('--runtime-root'))
    .option('--bundle <file>', 'install from a bundle, without a network')
    .option('--trust <file>', 'the trusted signers of bundles, in the format of allowed_signers')
    .option('--require-signature', 'refuse a bundle that none of them signed')
    .option('--force', 'build a new environment although a working one is there')
    .option('--dry-run', 'print the plan and change nothing; with --json as data')
    .option('--print-schema', 'print the JSON Schema of a line of --json, and do nothing')
    .action(run);
}

/** Checks and repairs start children, which must end cleanly on a signal. */
async function runDoctor(
  args: DoctorArgs,
  io: KtxCliIo,
  deps: { env: NodeJS.ProcessEnv | undefined; isDebug: boolean | undefined; projectDir: string },
): Promise<number> {
  const [{ withStopSignals }, { runDoctorCommand }] = await Promise.all([
    import('../support/stop-signals.ts'),
    import('./commands/doctor-command.ts'),
  ]);
  return withStopSignals((signal) => runDoctorCommand(args, io, { ...deps, signal }));
}

/** Both may start children and hold locks, so a signal must end them cleanly. */
async function runLifecycle(args: LifecycleArgs, io: KtxCliIo, isDebug?: boolean): Promise<number> {
  const [{ withStopSignals }, { runLifecycleCommand }] = await Promise.all([
    import('../support/stop-signals.ts'),
    import('./commands/lifecycle-command.ts'),
  ]);
  return withStopSignals((signal) => runLifecycleCommand(args, io, { isDebug, signal }));
}

/** Commands that install must end their children first; the others may simply be killed. */
async function runRuntimeCommand(args: KtxRuntimeArgs, io: KtxCliIo, isDebug?: boolean): Promise<number> {
  const { runKtxRuntime } = await import('./commands/runtime-command.ts');
  if (args.command !== 'install' && args.command !== 'start') return runKtxRuntime(args, io, { isDebug });
  const [{ withStopSignals }, { noteTo }] = await Promise.all([
    import('../support/stop-signals.ts'),
    import('./output/print-error.ts'),
  ]);
  const note = noteTo(io);
  return withStopSignals((signal) =>
    runKtxRuntime(args, io, {
      isDebug,
      installRuntime: async (options) =>
        (await import('../embed/install.ts')).installManagedPythonRuntime({ ...options, signal, note }),
      startDaemon: async (options) =>
        (await import('../embed/start-daemon.ts')).startManagedPythonDaemon({ ...options, signal, note }),
    }),
  );
}

function hosts(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value('--allow-host')(text)];
}
