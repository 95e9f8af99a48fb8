import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import type { KtxRuntimeFeature } from '../core/features.ts';
import { packageVersion } from '../core/program-version.ts';
import type { KtxCliIo } from '../embed/io.ts';
import { addBundle } from './commands/bundle-program.ts';
import type { DoctorArgs } from './commands/doctor-command.ts';
import { addEmbed } from './commands/embed-program.ts';
import type { LifecycleArgs } from './commands/lifecycle-command.ts';
import { addModelHost, type ModelHostArgs } from './commands/model-host-program.ts';
import { addNetwork, type NetworkArgs } from './commands/network-program.ts';
import type { RecordsArgs } from './commands/records-command.ts';
import type { KtxRuntimeArgs } from './commands/runtime-command.ts';
import {
  parseSetupFlags,
  type RawSetupFlags,
  requireValue,
  type SetupFlags,
} from './commands/setup-flags.ts';
import { addDoctor } from './doctor-program.ts';

import { resolveProjectDir } from './project-dir.ts';
import { addRuntimeRoot, ROOT_HELP } from './runtime-root.ts';

/** Replaceable parts; each default is loaded when its command runs. */
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

/** Parses a command line, runs the command and resolves with its exit code: 1 for anything it does not understand. */
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
  const program = new Command('ktx')
    .description('Puts the ktx Python runtime on this machine, proves that it works, and repairs it.')
    .version(`ktx ${packageVersion()}`, '-v, --version', 'print the version')
    .option('--project-dir <path>', 'the project to work on [env: KTX_PROJECT_DIR]', value('--project-dir'))
    .option('--debug', 'print stack traces of errors')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Said by `reportUsageError`, which knows more.
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
  // A bare `ktx` needs an action, and with one commander takes a mistyped command for an argument and complains of its
  // options. Last, because subcommands inherit what is allowed here.
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

/** Below each group. Commander's own looks at the first name alone, and takes one that it does not know for none. */
function addHelp(group: Command): void {
  for (const command of group.commands) if (command.commands.length > 0) addHelp(command);
  group
    .command('help [command...]')
    .description('print the help of a command')
    .helpOption(false)
    .allowUnknownOption()
    .action((words: string[]) => {
      let current = group;
      // `ktx help` goes before a line that was typed before, with its options.
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
    .option('--json', 'print events as JSON lines; needs --yes')
    .option('--python <choice>', 'auto, managed, system, or a path', value('--python'))
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

function addRuntime(admin: Command, run: (args: KtxRuntimeArgs) => Promise<void>): Command {
  const cliVersion = packageVersion();
  const runtime = admin.command('runtime').description('the Python runtime of this version of ktx');
  runtime
    .command('install')
    .description('install the runtime; never asks')
    .addOption(featureOption().default('core'))
    .option('--force', 'install again although a matching runtime is there')
    .option('--yes', 'accepted for scripts: to install explicitly is to agree')
    .action((options: { feature: KtxRuntimeFeature; force?: boolean }) =>
      run({ command: 'install', cliVersion, feature: options.feature, force: options.force === true }),
    );
  runtime
    .command('status')
    .description('say what is installed, and check it')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      run({ command: 'status', cliVersion, json: options.json === true }),
    );
  runtime
    .command('doctor')
    .description('check uv, the bundled wheel and the runtime')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      run({ command: 'doctor', cliVersion, json: options.json === true }),
    );
  runtime
    .command('prune')
    .description('remove the runtimes of other versions of ktx')
    .option('--dry-run', 'only list them')
    .option('--yes', 'agree to the removal')
    .option('--store', 'remove the downloaded files too; a later install fetches them again')
    .action(({ dryRun, yes, store }: { dryRun?: boolean; yes?: boolean; store?: boolean }) =>
      run({
        command: 'prune',
        cliVersion,
        dryRun: dryRun === true,
        yes: yes === true,
        ...(store ? { store } : {}),
      }),
    );
  return runtime;
}

function addLifecycle(runtime: Command, run: (args: LifecycleArgs) => Promise<void>): void {
  const commands = {
    undo: 'go back to the environment before the last install; once more goes forward again',
    uninstall: 'delete all that ktx has installed on this machine, after stopping its daemons',
  } as const;
  for (const command of ['undo', 'uninstall'] as const) {
    runtime
      .command(command)
      .description(commands[command])
      .option('--yes', 'agree without being asked')
      .option('--json', 'print JSON; needs --yes')
      .action(({ yes, json }: { yes?: boolean; json?: boolean }) =>
        run({ command, cliVersion: packageVersion(), yes: yes === true, json: json === true }),
      );
  }
}

function addRecords(runtime: Command, run: (args: RecordsArgs) => Promise<void>): void {
  const commands = {
    history: 'list who installed, undid and repaired what, and when',
    usage: 'list what the runtime folder holds, how large it is, and what runs from it',
  } as const;
  for (const command of ['history', 'usage'] as const) {
    runtime
      .command(command)
      .description(commands[command])
      .option('--json', 'print JSON')
      .action(({ json }: { json?: boolean }) => run({ command, json: json === true }));
  }
}

function addDaemon(
  runtime: Command,
  run: (args: KtxRuntimeArgs) => Promise<void>,
  projectDir: () => Promise<string>,
): void {
  const cliVersion = packageVersion();
  runtime
    .command('start')
    .description("start this project's daemon, installing what it needs; never asks")
    .addOption(featureOption().default('core'))
    .option('--force', 'start a new one although one runs')
    .action(async ({ feature, force }: { feature: KtxRuntimeFeature; force?: boolean }) =>
      run({ command: 'start', cliVersion, projectDir: await projectDir(), feature, force: force === true }),
    );
  runtime
    .command('stop')
    .description("stop this project's daemon")
    .option('--all', 'stop all ktx daemon processes recorded or discoverable on this machine')
    .action(async ({ all }: { all?: boolean }) =>
      run({ command: 'stop', cliVersion, projectDir: await projectDir(), all: all === true }),
    );
}

/** Its checks and repairs start children, which a signal lets end in order. */
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

/** Both may start children and hold locks, so a signal lets them end in order. */
async function runLifecycle(args: LifecycleArgs, io: KtxCliIo, isDebug?: boolean): Promise<number> {
  const [{ withStopSignals }, { runLifecycleCommand }] = await Promise.all([
    import('../support/stop-signals.ts'),
    import('./commands/lifecycle-command.ts'),
  ]);
  return withStopSignals((signal) => runLifecycleCommand(args, io, { isDebug, signal }));
}

/** What installs must end its children before the program ends; the other commands may just be killed. */
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

function featureOption(): Option {
  return new Option('--feature <feature>', 'what the runtime should be able to do').choices([
    'core',
    'local-embeddings',
  ]);
}

function value(flag: string): (text: string) => string {
  return (text) => {
    try {
      return requireValue(flag, text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

function hosts(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value('--allow-host')(text)];
}
