import type { Command } from 'commander';
import { STORED_SETTINGS } from '../../network/settings/setting-list.ts';
import { requireValue } from './setup-flags.ts';

/** Parsed arguments of the commands below `ktx admin network`, and of `ktx admin report`. */
export type NetworkArgs = { runtimeRoot: string | null; isJson: boolean } & (
  | { command: 'show' }
  | { command: 'set'; name: string; value: string }
  | { command: 'unset'; name: string | null; isAll: boolean }
  | { command: 'report'; outputPath: string | null }
);

interface CommonFlags {
  json?: boolean;
  runtimeRoot?: string;
}

const ROOT_HELP = 'the runtime folder [env: KTX_RUNTIME_ROOT; default: ~/.ktx/runtime]';

/** Adds the commands; their code is imported when one of them runs. */
export function addNetwork(admin: Command, run: (args: NetworkArgs) => Promise<void>): void {
  const common = ({ json, runtimeRoot }: CommonFlags) => ({
    isJson: json === true,
    runtimeRoot: runtimeRoot === undefined ? null : requireValue('--runtime-root', runtimeRoot),
  });
  const withCommon = (command: Command) =>
    command.option('--json', 'print JSON').option('--runtime-root <dir>', ROOT_HELP);

  const network = admin.command('network').description('how ktx reaches other hosts');
  withCommon(network.command('show'))
    .description('show every setting and where it comes from')
    .action((flags: CommonFlags) => run({ command: 'show', ...common(flags) }));
  withCommon(network.command('set <name> <value>'))
    .description('store a setting for ktx only; never a password')
    .addHelpText('after', settingsHelp)
    .action((name: string, value: string, flags: CommonFlags) =>
      run({ command: 'set', name, value, ...common(flags) }),
    );
  withCommon(network.command('unset [name]'))
    .description('remove a stored setting')
    .addHelpText('after', settingsHelp)
    .option('--all', 'remove all of them')
    .action((name: string | undefined, flags: CommonFlags & { all?: boolean }) =>
      run({ command: 'unset', name: name ?? null, isAll: flags.all === true, ...common(flags) }),
    );
  withCommon(admin.command('report'))
    .description('show what IT needs to know of a failed setup, secrets masked')
    .option('--output <file>', 'save it after it was shown')
    .action((flags: CommonFlags & { output?: string }) => {
      const outputPath = flags.output === undefined ? null : requireValue('--output', flags.output);
      return run({ command: 'report', outputPath, ...common(flags) });
    });
}

function settingsHelp(): string {
  const lines = Object.entries(STORED_SETTINGS).map(([name, { about }]) => `  ${name.padEnd(17)}${about}`);
  return ['', 'Settings:', ...lines].join('\n');
}
