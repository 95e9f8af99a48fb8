import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KtxRuntimeArgs } from '../../src/cli/commands/runtime-command.ts';
import type { SetupFlags } from '../../src/cli/commands/setup-flags.ts';
import { main } from '../../src/cli/main.ts';
import type { ProgramDeps } from '../../src/cli/program.ts';
import { resolveProjectDir } from '../../src/cli/project-dir.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const cliVersion: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

async function run(line: string | string[], options: { isTTY?: boolean } & ProgramDeps = {}) {
  const { isTTY, ...deps } = options;
  const { io, printed } = capturedIo({ isTTY });
  const runtimeCalls: KtxRuntimeArgs[] = [];
  const setupCalls: SetupFlags[] = [];
  const exitCode = await main(typeof line === 'string' ? line.split(' ').filter(Boolean) : line, io, {
    runRuntime: async (args) => {
      runtimeCalls.push(args);
      return 0;
    },
    runSetup: async (flags) => {
      setupCalls.push(flags);
      return 0;
    },
    env: {},
    cwd: '/',
    ...deps,
  });
  return { exitCode, runtimeCalls, setupCalls, ...printed };
}

describe('ktx admin runtime', () => {
  it.each<[string, KtxRuntimeArgs]>([
    ['install', { command: 'install', cliVersion, feature: 'core', force: false }],
    ['install --yes', { command: 'install', cliVersion, feature: 'core', force: false }],
    [
      'install --feature local-embeddings --force --yes',
      { command: 'install', cliVersion, feature: 'local-embeddings', force: true },
    ],
    ['install --feature=core', { command: 'install', cliVersion, feature: 'core', force: false }],
    ['status', { command: 'status', cliVersion, json: false }],
    ['status --json', { command: 'status', cliVersion, json: true }],
    ['doctor', { command: 'doctor', cliVersion, json: false }],
    ['doctor --json', { command: 'doctor', cliVersion, json: true }],
    ['prune', { command: 'prune', cliVersion, dryRun: false, yes: false }],
    ['prune --dry-run', { command: 'prune', cliVersion, dryRun: true, yes: false }],
    ['prune --yes', { command: 'prune', cliVersion, dryRun: false, yes: true }],
    ['prune --yes --store', { command: 'prune', cliVersion, dryRun: false, yes: true, store: true }],
    ['prune --dry-run --yes', { command: 'prune', cliVersion, dryRun: true, yes: true }],
    ['--debug status', { command: 'status', cliVersion, json: false }],
    ['status --debug --project-dir /tmp', { command: 'status', cliVersion, json: false }],
  ])('1. `%s` gives exactly these arguments', async (line, args) => {
    const result = await run(`admin runtime ${line}`);
    expect(result.runtimeCalls).toEqual([args]);
    expect(result).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });

  it.each([
    'admin runtime explode',
    'admin runtime status --bogus',
    'admin runtime status extra',
    'admin runtime install --feature gpu',
    'admin runtime install --feature',
    'admin runtime install --feature --force',
    'admin runtime install --feature=',
    'runtime status',
    'admin explode',
    'explode',
    '--bogus',
    '--project-dir',
    'setup --feature',
    'setup extra',
  ])('1. `%s` exits 1 and runs nothing', async (line) => {
    const result = await run(line);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/unknown command|error:/);
    expect(result.stdout).toBe('');
    expect(result.runtimeCalls).toEqual([]);
    expect(result.setupCalls).toEqual([]);
  });

  it.each(['explode', 'admin explode', 'admin runtime explode', 'setupp --yes'])(
    '1. `%s` is an unknown command and is called so',
    async (line) => {
      expect((await run(line)).stderr).toMatch(/^error: unknown command '(?:explode|setupp)'\n/);
    },
  );

  it('1. the exit code is that of the runner', async () => {
    expect((await run('admin runtime status', { runRuntime: async () => 1 })).exitCode).toBe(1);
  });

  it('a group without a command prints its help and exits 1', async () => {
    expect(await run('admin runtime')).toMatchObject({ exitCode: 1, stdout: '' });
  });
});

describe('help and version', () => {
  it.each(['--version', '-v', '--debug --version', 'setup --version'])('`%s`', async (line) => {
    expect(await run(line)).toMatchObject({ exitCode: 0, stdout: `ktx ${cliVersion}\n`, stderr: '' });
  });

  it.each([
    ['--help', 'admin'],
    ['-h', 'setup'],
    ['help setup', '--index-url'],
    ['setup --help', '--allow-host'],
    ['admin runtime --help', 'prune'],
    ['admin runtime install --help', '--project-dir'],
  ])('`%s` exits 0', async (line, contained) => {
    const result = await run(line);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toContain(contained);
  });

  it.each([
    ['help', 'ktx [options] [command]'],
    ['help admin', 'ktx admin [options] [command]'],
    ['help admin runtime undo', 'ktx admin runtime undo [options]'],
    ['help admin runtime undo --yes --json', 'ktx admin runtime undo [options]'],
    ['admin help runtime undo', 'ktx admin runtime undo [options]'],
    ['admin runtime help undo', 'ktx admin runtime undo [options]'],
    ['admin network help', 'ktx admin network [options] [command]'],
    ['help help', 'ktx help [command...]'],
    ['help --help', 'ktx [options] [command]'],
  ])('`%s` prints the help of that one', async (line, usage) => {
    const { exitCode, stdout, stderr } = await run(line);
    expect([exitCode, stdout.split('\n')[0], stderr]).toEqual([0, `Usage: ${usage}`, '']);
  });

  it('bare `ktx` runs setup in a terminal and prints help without one', async () => {
    const inTerminal = await run('', { isTTY: true, isStdinTty: true });
    expect(inTerminal.setupCalls).toHaveLength(1);
    for (const options of [
      { isTTY: true, isStdinTty: false },
      { isTTY: false, isStdinTty: true },
    ]) {
      const without = await run('', options);
      expect(without.setupCalls).toEqual([]);
      expect(without).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Usage: ktx') });
    }
  });
});

describe('ktx setup', () => {
  it('resolves what it was given', async () => {
    const { setupCalls, stderr } = await run(
      'setup --feature local-embeddings --yes --no-input --plain --json --python ./py/bin/python3 --uv bin/uv --index-url https://pkgs.example/simple --offline --allow-host a.example --allow-host B.example --ignore-disk --runtime-root rt --force',
      { cwd: '/project' },
    );
    expect(stderr).toBe('');
    expect(setupCalls).toEqual([
      {
        feature: 'local-embeddings',
        isYes: true,
        isInputAllowed: false,
        isPlain: true,
        language: null,
        isJson: true,
        python: { path: '/project/py/bin/python3' },
        uvPath: '/project/bin/uv',
        indexUrl: 'https://pkgs.example/simple',
        isOffline: true,
        allowedHosts: ['a.example', 'b.example'],
        shouldIgnoreDisk: true,
        runtimeRoot: '/project/rt',
        isDryRun: false,
        bundlePath: null,
        trustFile: null,
        isSignatureRequired: false,
        shouldForce: true,
        projectDir: '/project',
      },
    ]);
  });

  it.each([
    ['--python', '--python requires a value'],
    ['--uv', '--uv requires a value'],
    ['--index-url', '--index-url requires a value'],
    ['--allow-host', '--allow-host requires a value'],
    ['--runtime-root', '--runtime-root requires a value'],
    ['--project-dir', '--project-dir requires a value'],
  ])('%s with an empty value, or with the next flag for one', async (flag, message) => {
    for (const argv of [
      ['setup', flag, ''],
      ['setup', `${flag}=`],
      ['setup', flag, '--yes'],
    ]) {
      const result = await run(argv);
      expect(result).toMatchObject({ exitCode: 1, setupCalls: [], stderr: expect.stringContaining(message) });
    }
    const without = await run(['setup', flag]);
    expect(without).toMatchObject({ exitCode: 1, setupCalls: [], stderr: expect.stringContaining(flag) });
  });

  it('--print-schema prints the schema of the events and runs nothing', async () => {
    const { exitCode, stdout, stderr, setupCalls } = await run('setup --print-schema');
    expect([exitCode, stderr, setupCalls]).toEqual([0, '', []]);
    const schema = JSON.parse(stdout);
    const types = JSON.stringify(schema).matchAll(/"type":\{"type":"string","const":"([a-z]+)"/g);
    const named = new Set([...types].map(([, type]) => type));
    expect([...named]).toEqual(
      'hello step lines bytes artefact uv source note plan check failure done'.split(' '),
    );
    expect(schema.$schema).toContain('json-schema.org');
  });

  it('an error of the command is one line, and a stack with --debug', async () => {
    const runSetup = () =>
      Promise.reject(new Error('the disk is made of cheese', { cause: new Error('mice') }));
    const plain = await run('setup', { runSetup });
    expect(plain).toMatchObject({ exitCode: 1, stderr: 'the disk is made of cheese\n', stdout: '' });
    const debug = await run('setup --debug', { runSetup });
    expect(debug.stderr).toMatch(/^Error: the disk is made of cheese\n {4}at /);
    expect(debug.stderr).toMatch(/\ncaused by: Error: mice\n {4}at /);
  });
});

describe('the project directory', () => {
  it('is the flag, the variable, the nearest ktx.yaml upwards, the current folder', async () => {
    const root = await temporaryFolder();
    const deep = join(root, 'project', 'models', 'deep');
    await mkdir(deep, { recursive: true });
    const env = { KTX_PROJECT_DIR: '/from/env' };
    expect(await resolveProjectDir({ flag: 'x', env, cwd: deep })).toBe(join(deep, 'x'));
    expect(await resolveProjectDir({ env, cwd: deep })).toBe('/from/env');
    expect(await resolveProjectDir({ env: {}, cwd: deep })).toBe(deep);
    await writeFile(join(root, 'project', 'ktx.yaml'), '');
    expect(await resolveProjectDir({ env: {}, cwd: deep })).toBe(join(root, 'project'));
  });

  it.each([
    ['--project-dir', { flag: 'a\nb', env: {} }],
    ['KTX_PROJECT_DIR', { env: { KTX_PROJECT_DIR: '/a\u001bb' } }],
  ])('%s with a control character is refused', async (source, given) => {
    const refused = resolveProjectDir({ ...given, cwd: '/' });
    await expect(refused).rejects.toThrow(new RegExp(`^${source} contains a line break .*\\\\u00`));
  });

  it('empty values are errors', async () => {
    await expect(resolveProjectDir({ flag: ' ', env: {}, cwd: '/' })).rejects.toThrow(
      new Error('--project-dir requires a value'),
    );
    const result = await run('setup', { env: { KTX_PROJECT_DIR: '' } });
    expect(result).toMatchObject({
      exitCode: 1,
      setupCalls: [],
      stderr: 'KTX_PROJECT_DIR must not be empty\n',
    });
  });
});
