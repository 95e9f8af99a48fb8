import { type Command, Option } from 'commander';
import { requireValue } from './setup-flags.ts';

/** Parsed arguments of `ktx admin model-host …`: texts as given, not validated. */
export interface ModelHostArgs {
  command: 'diff' | 'apply' | 'restore';
  flags: ModelHostFlags;
}

export interface ModelHostFlags {
  config?: string;
  backup?: string;
  schema?: string;
  yes?: boolean;
  json?: boolean;
  save?: boolean;
  host?: string;
  user?: string;
  key?: string;
  configPath?: string;
  restartCmd?: string;
  baseUrl?: string;
  mode?: 'shell' | 'wrapper';
}

/** Adds the commands; their code is imported when one of them runs. */
export function addModelHost(admin: Command, run: (args: ModelHostArgs) => Promise<void>): void {
  const modelHost = admin
    .command('model-host')
    .description('edit the configuration of a llama-swap server on another machine, over SSH');
  const add = (command: ModelHostArgs['command'], description: string) =>
    withCommon(modelHost.command(command).description(description)).action((flags: ModelHostFlags) =>
      run({ command, flags }),
    );
  add('diff', 'check a configuration and show how it differs; changes nothing').option(
    CONFIG,
    'the new one',
    value('--config'),
  );
  add('apply', 'back up the file on the host, replace it, restart the service, wait for its answer')
    .option(CONFIG, 'the new one', value('--config'))
    .option('--yes', 'agree to the change');
  add('restore', 'bring a backup back, in the same steps')
    .option('--backup <path>', 'the backup on the host', value('--backup'))
    .option(CONFIG, 'in wrapper mode: a copy that you kept', value('--config'))
    .option('--yes', 'agree to the change');
}

const CONFIG = '--config <file>';

function withCommon(command: Command): Command {
  return command
    .option('--host <name>', 'the host', value('--host'))
    .option('--user <name>', 'who to log in as', value('--user'))
    .option('--key <file>', 'the private key', value('--key'))
    .option('--config-path <path>', 'the configuration file on the host', value('--config-path'))
    .option('--restart-cmd <command>', 'restarts the service on the host', value('--restart-cmd'))
    .option('--base-url <url>', 'the address of the server', value('--base-url'))
    .addOption(
      new Option('--mode <mode>', 'wrapper: the key is bound to a forced command').choices([
        'shell',
        'wrapper',
      ]),
    )
    .option(
      '--schema <file>',
      'check against this JSON Schema, such as the one llama-swap publishes',
      value('--schema'),
    )
    .option('--save', 'keep the connection for this project, once the host has answered')
    .option('--json', 'print the result as JSON');
}

function value(flag: string): (text: string) => string {
  return (text) => requireValue(flag, text);
}
