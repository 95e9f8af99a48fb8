import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ModelHostDeps, runModelHostCommand } from '../../../src/cli/commands/model-host-command.ts';
import type { ModelHostArgs } from '../../../src/cli/commands/model-host-program.ts';
import { main } from '../../../src/cli/main.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { CONFIG_PATH, memoryHost, NEW_CONFIG, OLD_CONFIG, RESTART } from '../../hosts/memory-host.ts';

let home: string;
beforeEach(async () => {
  home = await temporaryFolder();
  await writeFile(join(home, 'new.yaml'), NEW_CONFIG);
});

const CONNECTION = [
  ['--host', 'models.internal'],
  ['--user', 'llama'],
  ['--key', '/keys/models'],
  ['--config-path', CONFIG_PATH],
  ['--restart-cmd', RESTART],
  ['--base-url', 'http://models.internal:8080'],
].flat();
const settingsPath = () => join(home, '.ktx', 'setup', 'model-host.json');

/** Through the command line's parser, against a host in memory. */
async function modelHost(argv: readonly string[], host = memoryHost(), deps: Partial<ModelHostDeps> = {}) {
  const { io, printed } = capturedIo();
  const run = (args: ModelHostArgs) =>
    runModelHostCommand(args, io, {
      cwd: home,
      projectDir: home,
      homeDir: home,
      exec: host.exec,
      fetcher: host.fetcher,
      healthAttempts: 2,
      healthDelayMs: 0,
      ...deps,
    });
  const exitCode = await main(['admin', 'model-host', ...argv], io, {
    cwd: home,
    env: {},
    runModelHost: run,
  });
  return { exitCode, ...printed, commands: host.commands, files: host.files };
}
const apply = (...more: string[]) => ['apply', '--config', 'new.yaml', '--yes', ...CONNECTION, ...more];

describe('ktx admin model-host', () => {
  it('27. apply without --yes exits with 1 and runs nothing', async () => {
    const { exitCode, stdout, stderr, commands } = await modelHost([
      'apply',
      '--config',
      'new.yaml',
      ...CONNECTION,
    ]);
    expect(stderr).toBe('Refusing to apply without --yes. Preview with: ktx admin model-host diff\n');
    expect([exitCode, stdout, commands]).toEqual([1, '', []]);
  });

  it('27. restore without --yes exits with 1 and runs nothing', async () => {
    const { exitCode, stderr, commands } = await modelHost(['restore', '--backup', '/x', ...CONNECTION]);
    expect([exitCode, stderr, commands]).toEqual([1, 'Refusing to restore without --yes.\n', []]);
  });

  it('27. diff reads, and neither backs up, writes nor restarts', async () => {
    const { exitCode, stdout, commands } = await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe('@@ lines 4..3 -> 4..5 @@\n+   b:\n+     cmd: serve b\n');
    expect(commands).toEqual([`cat '${CONFIG_PATH}'`]);
  });

  it('27. what is saved holds no key material, and is for its owner alone', async () => {
    await writeFile(join(home, 'id'), '-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n');
    const argv = ['diff', '--config', 'new.yaml', ...CONNECTION, '--key', 'id', '--save'];
    expect((await modelHost(argv)).stderr).toBe(`Connection saved in ${settingsPath()}\n`);
    const saved = JSON.parse(await readFile(settingsPath(), 'utf8'));
    expect(saved).toEqual({
      schemaVersion: 1,
      host: 'models.internal',
      user: 'llama',
      keyPath: join(home, 'id'),
      configPath: CONFIG_PATH,
      mode: 'shell',
      restartCmd: RESTART,
      baseUrl: 'http://models.internal:8080',
    });
    expect((await stat(settingsPath())).mode & 0o777).toBe(0o600);
  });

  it('a saved connection is enough, and an option overrides it', async () => {
    await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION, '--save']);
    expect((await modelHost(['diff', '--config', 'new.yaml'])).exitCode).toBe(0);
    const other = await modelHost(['diff', '--config', 'new.yaml', '--config-path', '/other.yaml']);
    expect(other.commands).toEqual(["cat '/other.yaml'"]);
  });

  it('28. no difference: No changes, and nothing is applied', async () => {
    await writeFile(join(home, 'new.yaml'), OLD_CONFIG);
    for (const argv of [apply(), ['diff', '--config', 'new.yaml', ...CONNECTION]]) {
      const { exitCode, stdout, commands } = await modelHost(argv);
      expect([exitCode, stdout]).toEqual([0, 'No changes\n']);
      expect(commands).toEqual([`cat '${CONFIG_PATH}'`]);
    }
    const { stdout } = await modelHost(apply('--json'));
    expect(JSON.parse(stdout)).toEqual({ ok: true, step: 'done', diff: '' });
  });

  it('28. a failure names the step, the error, the backup, and how to restore it', async () => {
    const host = memoryHost({ answers: [[/^systemctl/, { code: 5, stderr: 'Unit not found.\n' }]] });
    const { exitCode, stderr, files } = await modelHost(apply(), host);
    const [backup] = [...files.keys()].filter((path) => path.includes('.bak-'));
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `Model host update failed at restart: restart failed (exit 5): Unit not found.\n` +
        `Backup on host: ${backup}\n` +
        `Restore with: cp '${backup}' '${CONFIG_PATH}', then restart the service\n`,
    );
  });

  it('28. a model that is configured and not listed is a warning', async () => {
    const host = memoryHost();
    const fetcher: typeof fetch = async () => new Response('{"data":[{"id":"a"}]}');
    const { exitCode, stderr } = await modelHost(apply(), host, { fetcher });
    const warning = 'Model b is not served yet; check the llama-swap log on models.internal';
    expect([exitCode, stderr]).toEqual([0, `warning: ${warning}\n`]);
    const json = await modelHost(apply('--json'), memoryHost(), { fetcher });
    expect(JSON.parse(json.stdout).warnings).toEqual([warning]);
  });

  it('a model that is not to be listed is not missed', async () => {
    await writeFile(join(home, 'new.yaml'), `${NEW_CONFIG}    unlisted: true\n`);
    const fetcher: typeof fetch = async () => new Response('{"data":[{"id":"a"}]}');
    expect((await modelHost(apply(), memoryHost(), { fetcher })).stderr).toBe('');
  });

  it('apply shows the change and a line for each step', async () => {
    const { exitCode, stdout, stderr, files } = await modelHost(apply());
    const [backup] = [...files.keys()].filter((path) => path.includes('.bak-'));
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      `llama@models.internal: ${CONFIG_PATH}`,
      '@@ lines 4..3 -> 4..5 @@',
      '+   b:',
      '+     cmd: serve b',
      'Checking the new configuration against the host',
      'Backing up the file on the host',
      `Backup on host: ${backup}`,
      'Writing the new configuration',
      'Restarting the service',
      'Waiting for the server to answer',
      'Done',
      '',
    ]);
    expect(files.get(CONFIG_PATH)).toBe(NEW_CONFIG);
    expect(files.get(backup!)).toBe(OLD_CONFIG);
  });

  it('restore brings a backup back, and makes a backup of what was there', async () => {
    const host = memoryHost();
    host.files.set('/backup 1', OLD_CONFIG);
    host.files.set(CONFIG_PATH, 'models: {broken');
    const { exitCode, stderr } = await modelHost(
      ['restore', '--backup', '/backup 1', '--yes', ...CONNECTION],
      host,
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(host.files.get(CONFIG_PATH)).toBe(OLD_CONFIG);
    expect([...host.files.values()]).toContain('models: {broken');
  });

  it('a missing backup is named, and nothing is written', async () => {
    const argv = ['restore', '--backup', '/gone', '--yes', ...CONNECTION];
    const { exitCode, stderr, commands } = await modelHost(argv);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'Model host update failed at validate: backup /gone cannot be read: read failed (exit 1)',
    );
    expect(commands).toEqual(["cat '/gone'"]);
    expect(JSON.parse((await modelHost([...argv, '--json'])).stdout)).toMatchObject({
      ok: false,
      step: 'validate',
    });
  });

  it('a backup that is not UTF-8 is not written back changed', async () => {
    const host = memoryHost();
    host.files.set('/latin1', `${OLD_CONFIG}# caf\ufffd\n`);
    const { stderr, commands } = await modelHost(
      ['restore', '--backup', '/latin1', '--yes', ...CONNECTION],
      host,
    );
    expect(stderr).toContain(`cp '/latin1' '${CONFIG_PATH}'`);
    expect(commands).toEqual(["cat '/latin1'"]);
  });

  it('in wrapper mode a restore takes a copy that was kept', async () => {
    const argv = ['restore', '--yes', ...CONNECTION, '--mode', 'wrapper'];
    expect((await modelHost([...argv, '--backup', '/x'])).stderr).toContain('--config <file>');
    expect((await modelHost(argv)).stderr).toContain('--config <file>');
    const host = memoryHost();
    await modelHost([...argv, '--config', 'new.yaml'], host);
    expect(new Set(host.commands)).toEqual(new Set(['read', 'backup', 'write', 'restart']));
  });

  it.each<[string, string[], RegExp]>([
    [
      'no connection',
      ['diff', '--config', 'new.yaml'],
      /--host, --user, --key, --config-path, --restart-cmd, --base-url[\s\S]*next {5}.*--host <…>/,
    ],
    ['no configuration', ['diff', ...CONNECTION], /--config <file>/],
    [
      'a configuration that is not there',
      ['diff', ...CONNECTION, '--config', 'gone.yaml'],
      /gone\.yaml cannot be read: ENOENT/,
    ],
    ['a folder', ['diff', ...CONNECTION, '--config', '.'], /is a folder, not a file/],
    ['an option without its value', ['diff', '--config', '--save'], /--config requires a value/],
    ['an unknown mode', ['diff', '--mode', 'telnet'], /--mode/],
    [
      'an option for a user',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--user', ' x'],
      /--user contains a space/,
    ],
    [
      'a host for a shell',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--host', '$(id)'],
      /--host contains a character that is special/,
    ],
    [
      'a tilde that nobody replaces',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--config-path', '~/c.yaml'],
      /--config-path starts with ~/,
    ],
    [
      'an address with a login',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--base-url', 'http://u:pass-word@h'],
      /--base-url contains a login/,
    ],
    [
      'no address',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--base-url', 'models:8080'],
      /--base-url is not an http/,
    ],
    [
      'no schema',
      ['diff', '--config', 'new.yaml', ...CONNECTION, '--schema', 'new.yaml'],
      /new\.yaml is not a JSON Schema/,
    ],
    [
      'a backup without wrapper mode',
      ['restore', '--yes', ...CONNECTION, '--config', 'new.yaml'],
      /--backup <path>/,
    ],
  ])('%s: exit 1, says what to do, and runs nothing', async (_name, argv, message) => {
    const { exitCode, stdout, stderr, commands } = await modelHost(argv);
    expect([exitCode, stdout, commands]).toEqual([1, '', []]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('pass-word');
  });

  it('a file that is not UTF-8 is not sent changed', async () => {
    await writeFile(join(home, 'new.yaml'), Buffer.from('models: {} # caf\xe9\n', 'latin1'));
    expect((await modelHost(apply())).stderr).toContain('it is not UTF-8 text');
  });

  it('an invalid configuration: every error, and the host is not asked', async () => {
    await writeFile(
      join(home, 'new.yaml'),
      `models:\n  a:\n    cmd: x\n    proxy: http://localhost:$\{PORT}\n  b: {}\n`,
    );
    for (const argv of [apply(), ['diff', '--config', 'new.yaml', ...CONNECTION]]) {
      const { exitCode, stderr, commands } = await modelHost(argv);
      expect([exitCode, commands]).toEqual([1, []]);
      expect(stderr).toContain("/models/b must have required property 'cmd'");
      expect(stderr).toContain('next     Leave proxy out');
    }
  });

  it('--schema checks against another schema', async () => {
    await writeFile(join(home, 's.json'), '{"required": ["owner"]}');
    const { stderr } = await modelHost(apply('--schema', 's.json'));
    expect(stderr).toContain("(root) must have required property 'owner'");
  });

  it('shows no secret, whether as text or as JSON', async () => {
    const host = memoryHost();
    host.files.set(CONFIG_PATH, `${OLD_CONFIG}apiKeys:\n  - sk-old\n`);
    await writeFile(join(home, 'new.yaml'), `${OLD_CONFIG}apiKeys:\n  - sk-new\n  - sk-more\n`);
    for (const argv of [['diff', '--config', 'new.yaml', ...CONNECTION], apply(), apply('--json')]) {
      const { stdout, stderr } = await modelHost(argv, host);
      expect(stdout + stderr).not.toMatch(/sk-/);
      host.files.set(CONFIG_PATH, `${OLD_CONFIG}apiKeys:\n  - sk-old\n`);
    }
  });

  it('lets no text of the host control the terminal', async () => {
    const host = memoryHost();
    host.files.set(CONFIG_PATH, `${OLD_CONFIG}# \u001b]0;title\u0007\u009b31m\u202e\n`);
    const { stdout } = await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION], host);
    expect(stdout).toContain('\\u001b]0;title\\u0007\\u009b31m\\u202e');
    const failing = memoryHost({ answers: [[/^cat/, { code: 1, stderr: '\u001b[2Jgone' }]] });
    const { stderr } = await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION], failing);
    expect(stderr).toContain('\\u001b[2Jgone');
  });

  it('a change that was killed is remembered, with its backup', async () => {
    const folder = join(home, '.ktx', 'setup');
    await mkdir(folder, { recursive: true });
    const left = {
      schemaVersion: 1,
      host: 'models.internal',
      configPath: CONFIG_PATH,
      backupPath: '/b',
      startedAt: 'then',
    };
    await writeFile(join(folder, 'model-host-unfinished.json'), JSON.stringify(left));
    const { stderr } = await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION]);
    expect(stderr).toContain('did not finish');
    expect(stderr).toContain(`Restore with: cp '/b' '${CONFIG_PATH}'`);
    // It ends with a change that is whole.
    await modelHost(apply());
    expect((await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION])).stderr).toBe('');
  });

  it('broken settings are named', async () => {
    await mkdir(join(settingsPath(), '..'), { recursive: true });
    for (const text of ['{', '{"schemaVersion": 2}', '{"schemaVersion":1,"host":5}']) {
      await writeFile(settingsPath(), text);
      const { exitCode, stderr } = await modelHost(['diff', '--config', 'new.yaml', ...CONNECTION]);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${settingsPath()} cannot be read: `)]);
    }
  });

  it('a secret in a command is not saved', async () => {
    const argv = [
      'diff',
      '--config',
      'new.yaml',
      ...CONNECTION,
      '--restart-cmd',
      'TOKEN=hunter22 restart',
      '--save',
    ];
    const { exitCode, stderr } = await modelHost(argv);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('restartCmd contains a secret')]);
    await expect(stat(settingsPath())).rejects.toThrow(/ENOENT/);
  });
});
