import type { Command } from 'commander';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { programVersion } from '../core/program-version.ts';
import type { LifecycleArgs } from './commands/lifecycle-command.ts';
import type { RecordsArgs } from './commands/records-command.ts';
import type { KtxRuntimeArgs, PruneChoice } from './commands/runtime-command.ts';
import { featureOption, wholeNumber } from './options.ts';

/** `ktx admin runtime` with its commands that install, query and prune. */
export function addRuntime(admin: Command, run: (args: KtxRuntimeArgs) => Promise<void>): Command {
  const cliVersion = programVersion();
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
    .option('--deep', 'prove it: hash every file, start a daemon, analyse a statement, compute a vector')
    .action(({ json, deep }: { json?: boolean; deep?: boolean }) =>
      run({ command: 'status', cliVersion, json: json === true, ...(deep ? { deep } : {}) }),
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
    .description('remove the runtimes of other versions of ktx, and what only they needed')
    .option('--dry-run', 'only list them')
    .option('--yes', 'agree to the removal')
    .option('--store', 'remove the downloaded files too; a later install fetches them again')
    .option('--uv', 'only other versions of uv')
    .option('--models', 'only other revisions of the embedding model')
    .option('--wheels', 'only downloads that this version of ktx does not need')
    .option('--keep <n>', 'keep the newest n other versions', wholeNumber('--keep'))
    .option('--older-than <days>', 'only versions installed more days ago', wholeNumber('--older-than'))
    .action(({ dryRun, yes, ...choice }: PruneFlags) =>
      run({
        command: 'prune',
        cliVersion,
        dryRun: dryRun === true,
        yes: yes === true,
        ...pruneChoice(choice),
      }),
    );
  return runtime;
}

interface PruneFlags {
  dryRun?: boolean;
  yes?: boolean;
  store?: boolean;
  uv?: boolean;
  models?: boolean;
  wheels?: boolean;
  keep?: number;
  olderThan?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

function pruneChoice({ store, keep, olderThan, ...flags }: PruneFlags): PruneChoice {
  const parts = (['uv', 'models', 'wheels'] as const).filter((part) => flags[part]);
  // A version count or age also selects versions.
  const versions = keep === undefined && olderThan === undefined ? [] : (['versions'] as const);
  return {
    ...(store ? { store } : {}),
    ...(parts.length > 0 ? { parts: [...versions, ...parts] } : {}),
    ...(keep === undefined ? {} : { keep }),
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan * DAY_MS }),
  };
}

/** `undo` and `uninstall`. */
export function addLifecycle(runtime: Command, run: (args: LifecycleArgs) => Promise<void>): void {
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
        run({ command, cliVersion: programVersion(), yes: yes === true, json: json === true }),
      );
  }
}

/** `history` and `usage`. */
export function addRecords(runtime: Command, run: (args: RecordsArgs) => Promise<void>): void {
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

/** `start` and `stop`. */
export function addDaemon(
  runtime: Command,
  run: (args: KtxRuntimeArgs) => Promise<void>,
  projectDir: () => Promise<string>,
): void {
  const cliVersion = programVersion();
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
