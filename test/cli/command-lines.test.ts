import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addModelHost } from '../../src/cli/commands/model-host-program.ts';
import { addNetwork } from '../../src/cli/commands/network-program.ts';
import { addDoctor } from '../../src/cli/doctor-program.ts';
import { addDaemon, addLifecycle, addRecords, addRuntime } from '../../src/cli/runtime-program.ts';
import { programVersion } from '../../src/core/program-version.ts';
import { STORED_SETTINGS } from '../../src/network/settings/setting-list.ts';

const cliVersion = programVersion();
const DAY_MS = 24 * 60 * 60 * 1000;

/** What a command line becomes before anything runs. */
async function parsed(line: readonly string[] | string): Promise<unknown> {
  const program = new Command();
  let found: unknown = null;
  const run = async (args: unknown) => {
    found = args;
  };
  const admin = program.command('admin');
  const runtime = addRuntime(admin, run);
  addLifecycle(runtime, run);
  addRecords(runtime, run);
  addDaemon(runtime, run, async () => '/project');
  addDoctor(program, run);
  addNetwork(admin, run);
  addModelHost(admin, run);
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(program))
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  await program.parseAsync(typeof line === 'string' ? line.split(' ') : [...line], { from: 'user' });
  return found;
}

const runtime = 'admin runtime';
const install = { command: 'install', cliVersion, feature: 'core', force: false };
const prune = { command: 'prune', cliVersion, dryRun: false, yes: false };
const start = { command: 'start', cliVersion, projectDir: '/project', feature: 'core', force: false };
const doctor = {
  cliVersion,
  action: 'check',
  ids: null,
  repairs: null,
  isDeep: false,
  withNetwork: false,
  withModels: false,
  isJson: false,
  isYes: false,
  isOffline: false,
  indexUrl: null,
  runtimeRoot: null,
};
const common = { isJson: false, runtimeRoot: null };

describe('what a command line becomes', () => {
  test.each<[string, object]>([
    [`${runtime} install`, install],
    [
      `${runtime} install --feature local-embeddings --force --yes`,
      { ...install, feature: 'local-embeddings', force: true },
    ],
    [`${runtime} status`, { command: 'status', cliVersion, json: false }],
    [`${runtime} status --json --deep`, { command: 'status', cliVersion, json: true, deep: true }],
    [`${runtime} doctor`, { command: 'doctor', cliVersion, json: false }],
    [`${runtime} doctor --json`, { command: 'doctor', cliVersion, json: true }],
    [`${runtime} prune`, prune],
    [`${runtime} prune --dry-run --yes --store`, { ...prune, dryRun: true, yes: true, store: true }],
    [`${runtime} prune --uv`, { ...prune, parts: ['uv'] }],
    [`${runtime} prune --models --wheels`, { ...prune, parts: ['models', 'wheels'] }],
    [`${runtime} prune --keep 0`, { ...prune, keep: 0 }],
    [`${runtime} prune --keep 2 --uv`, { ...prune, keep: 2, parts: ['versions', 'uv'] }],
    [`${runtime} prune --older-than 7`, { ...prune, olderThanMs: 7 * DAY_MS }],
    [
      `${runtime} prune --older-than 7 --models`,
      { ...prune, olderThanMs: 7 * DAY_MS, parts: ['versions', 'models'] },
    ],
    ...(['undo', 'uninstall'] as const).flatMap((command): [string, object][] => [
      [`${runtime} ${command}`, { command, cliVersion, yes: false, json: false }],
      [`${runtime} ${command} --yes --json`, { command, cliVersion, yes: true, json: true }],
    ]),
    ...(['history', 'usage'] as const).flatMap((command): [string, object][] => [
      [`${runtime} ${command}`, { command, json: false }],
      [`${runtime} ${command} --json`, { command, json: true }],
    ]),
    [`${runtime} start`, start],
    [
      `${runtime} start --feature local-embeddings --force`,
      { ...start, feature: 'local-embeddings', force: true },
    ],
    [`${runtime} stop`, { command: 'stop', cliVersion, projectDir: '/project', all: false }],
    [`${runtime} stop --all`, { command: 'stop', cliVersion, projectDir: '/project', all: true }],
    ['doctor', doctor],
    [
      'doctor --deep --network --models --json --yes --offline',
      {
        ...doctor,
        isDeep: true,
        withNetwork: true,
        withModels: true,
        isJson: true,
        isYes: true,
        isOffline: true,
      },
    ],
    ['doctor --check uv --check asset', { ...doctor, ids: ['uv', 'asset'] }],
    ['doctor --fix', { ...doctor, action: 'fix' }],
    ['doctor --fix a b,c', { ...doctor, action: 'fix', repairs: ['a', 'b', 'c'] }],
    ['doctor --undo', { ...doctor, action: 'undo' }],
    ['doctor --undo --fix', { ...doctor, action: 'undo' }],
    ['doctor --list --undo', { ...doctor, action: 'list' }],
    ['doctor --print-schema --list', { ...doctor, action: 'print-schema' }],
    [
      'doctor --index-url https://i.example --runtime-root /r',
      { ...doctor, indexUrl: 'https://i.example', runtimeRoot: '/r' },
    ],
    ['admin network show', { command: 'show', ...common }],
    ['admin network show --json --runtime-root /r', { command: 'show', isJson: true, runtimeRoot: '/r' }],
    ['admin network set proxy p:1', { command: 'set', name: 'proxy', value: 'p:1', ...common }],
    ['admin network unset', { command: 'unset', name: null, isAll: false, ...common }],
    [
      'admin network unset proxy --json',
      { command: 'unset', name: 'proxy', isAll: false, ...common, isJson: true },
    ],
    ['admin network unset --all', { command: 'unset', name: null, isAll: true, ...common }],
    ['admin report', { command: 'report', outputPath: null, ...common }],
    ['admin report --output f --json', { command: 'report', outputPath: 'f', ...common, isJson: true }],
    ['admin model-host diff', { command: 'diff', flags: {} }],
    [
      'admin model-host apply --config c --yes --host h --user u --key k --config-path /c --restart-cmd r --base-url b --mode shell --schema s --save --json',
      {
        command: 'apply',
        flags: {
          config: 'c',
          yes: true,
          host: 'h',
          user: 'u',
          key: 'k',
          configPath: '/c',
          restartCmd: 'r',
          baseUrl: 'b',
          mode: 'shell',
          schema: 's',
          save: true,
          json: true,
        },
      },
    ],
    [
      'admin model-host restore --backup b --config c --yes --mode wrapper',
      { command: 'restore', flags: { backup: 'b', config: 'c', yes: true, mode: 'wrapper' } },
    ],
  ])('%s', async (line, expected) => expect(await parsed(line)).toEqual(expected));

  test.each<[readonly string[], RegExp]>([
    [['admin', 'runtime', 'install', '--feature', 'gpu'], /Allowed choices are core, local-embeddings/],
    [['admin', 'runtime', 'start', '--feature', 'gpu'], /Allowed choices are core, local-embeddings/],
    [['admin', 'runtime', 'prune', '--keep', '-1'], /--keep needs a whole number, not "-1"\./],
    [['admin', 'runtime', 'prune', '--keep', '1.5'], /--keep needs a whole number, not "1\.5"\./],
    [['admin', 'runtime', 'prune', '--keep', '1234567'], /--keep needs a whole number/],
    [['admin', 'runtime', 'prune', '--older-than', 'x7'], /--older-than needs a whole number, not "x7"\./],
    [['doctor', '--index-url', ''], /--index-url/],
    [['doctor', '--runtime-root', ''], /--runtime-root/],
    [['admin', 'network', 'show', '--runtime-root', ''], /--runtime-root/],
    [['admin', 'report', '--output', ''], /--output/],
    [['admin', 'network', 'set', 'proxy'], /missing required argument 'value'/],
    [['admin', 'model-host', 'diff', '--mode', 'ftp'], /Allowed choices are shell, wrapper/],
    [['admin', 'model-host', 'diff', '--yes'], /unknown option '--yes'/],
    [['admin', 'model-host', 'apply', '--backup', 'b'], /unknown option '--backup'/],
    ...['host', 'user', 'key', 'config-path', 'restart-cmd', 'base-url', 'schema', 'config'].map(
      (flag): [readonly string[], RegExp] => [
        ['admin', 'model-host', 'apply', `--${flag}`, ''],
        new RegExp(`--${flag}`),
      ],
    ),
    [['admin', 'model-host', 'restore', '--backup', ''], /--backup/],
  ])('%j is refused', async (line, message) => {
    await expect(parsed(line)).rejects.toThrow(message);
  });
});

test('the help of a stored setting lists each with what it is', async () => {
  const printed: string[] = [];
  const admin = new Command('admin');
  addNetwork(admin, async () => {});
  const network = admin.commands.find((command) => command.name() === 'network')!;
  for (const name of ['set', 'unset']) {
    const command = network.commands.find((each) => each.name() === name)!;
    command.configureOutput({ writeOut: (text) => void printed.push(text) });
    command.outputHelp();
    const text = printed.splice(0).join('');
    expect(text).toContain('\nSettings:\n');
    for (const [setting, { about }] of Object.entries(STORED_SETTINGS))
      expect(text).toContain(`\n  ${setting.padEnd(17)}${about}`);
  }
});
