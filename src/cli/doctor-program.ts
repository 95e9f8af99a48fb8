import type { Command } from 'commander';
import { programVersion } from '../core/program-version.ts';
import type { DoctorArgs } from './commands/doctor-command.ts';
import { requireValue } from './commands/setup-flags.ts';

interface Flags {
  deep?: boolean;
  network?: boolean;
  models?: boolean;
  check?: readonly string[];
  list?: boolean;
  json?: boolean;
  plain?: boolean;
  fix?: true | readonly string[];
  undo?: boolean;
  yes?: boolean;
  offline?: boolean;
  indexUrl?: string;
  runtimeRoot?: string;
  printSchema?: boolean;
}

const EXIT_CODES = `
Exit codes: 0 nothing failed, 1 something failed, 3 nothing failed but something could not be checked, 130 stopped.
Without --fix nothing is changed; without --network no host is contacted.`;

/** Adds the command; its code is imported when it runs. */
export function addDoctor(program: Command, run: (args: DoctorArgs) => Promise<void>): void {
  program
    .command('doctor')
    .description('find out what is wrong with the runtime, and fix it')
    .option('--deep', 'hash files, start a daemon, analyse a statement, compute a vector')
    .option('--network', 'ask the hosts that an install would ask')
    .option(
      '--models',
      "ask the project's language model and its host; with --network also where ktx.yaml names one",
    )
    .option('--check <id>', 'only this check and what it depends on; may be repeated', collect)
    .option('--list', 'list checks and repairs')
    .option('--json', 'print JSON')
    .option('--plain', 'lines without colours or a full screen')
    .option('--fix [id...]', 'apply these repairs, or those that the findings ask for; needs --yes')
    .option('--undo', 'put back what the last --fix changed; needs --yes')
    .option('--yes', 'agree without being asked')
    .option('--offline', 'use no network for repairs')
    .option('--index-url <url>', 'the package index for repairs')
    .option('--runtime-root <dir>', 'the runtime folder [env: KTX_RUNTIME_ROOT; default: ~/.ktx/runtime]')
    .option('--print-schema', 'print the JSON Schema of --json, and do nothing')
    .addHelpText('after', EXIT_CODES)
    .action((flags: Flags) => run(argsOf(flags)));
}

function argsOf(flags: Flags): DoctorArgs {
  const { fix } = flags;
  const action = flags.printSchema
    ? 'print-schema'
    : flags.list
      ? 'list'
      : flags.undo
        ? 'undo'
        : fix === undefined
          ? 'check'
          : 'fix';
  const given = (flag: string, text: string | undefined) =>
    text === undefined ? null : requireValue(flag, text);
  return {
    cliVersion: programVersion(),
    action,
    ids: flags.check ?? null,
    repairs: Array.isArray(fix) ? fix.flatMap((text: string) => text.split(',')) : null,
    isDeep: flags.deep === true,
    withNetwork: flags.network === true,
    withModels: flags.models === true,
    isJson: flags.json === true,
    isYes: flags.yes === true,
    isOffline: flags.offline === true,
    indexUrl: given('--index-url', flags.indexUrl),
    runtimeRoot: given('--runtime-root', flags.runtimeRoot),
  };
}

function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}
