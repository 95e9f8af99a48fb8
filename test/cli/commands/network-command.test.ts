import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runNetworkCommand } from '../../../src/cli/commands/network-command.ts';
import type { NetworkArgs } from '../../../src/cli/commands/network-program.ts';
import { main } from '../../../src/cli/main.ts';
import { keepFailure } from '../../../src/log/failure-log.ts';
import { settingNames } from '../../../src/setup/session/network-settings.ts';
import { CancelledError } from '../../../src/support/errors.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { closedAddress } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

let home: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  home = await temporaryFolder();
  env = { XDG_CONFIG_DIRS: join(home, 'none'), KTX_RUNTIME_ROOT: join(home, 'runtime'), HOME: home };
});

async function ktx(...argv: string[]) {
  const { io, printed } = capturedIo();
  const exitCode = await main(['admin', ...argv], io, { env, cwd: home });
  return { exitCode, ...printed };
}
const storedPath = () => join(home, 'runtime', 'uv', 'network.json');

describe('ktx admin network', () => {
  it('set, show, unset: a setting is kept, named with its origin, and forgotten', async () => {
    const set = await ktx('network', 'set', 'index', 'https://index.example/simple');
    expect(set).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(storedPath()) });
    expect((await stat(storedPath())).mode & 0o777).toBe(0o600);
    await ktx('network', 'set', 'proxy', 'proxy.example:3128');
    const shown = await ktx('network', 'show');
    expect(shown.stdout).toMatch(
      /package index +https:\/\/index\.example\/simple\n +from ktx admin network set/,
    );
    expect(shown.stdout).toMatch(/proxy for https +http:\/\/proxy\.example:3128\//);
    expect((await ktx('network', 'unset', 'index')).stdout).toBe('Removed: index\n');
    expect((await ktx('network', 'unset', 'index')).stdout).toBe('Removed: nothing\n');
    expect((await ktx('network', 'unset', '--all', '--json')).stdout).toContain('"removed": [\n    "proxy"');
    await expect(stat(storedPath())).rejects.toThrow(/ENOENT/);
  });

  it('show --json names every origin, and of logins only that there are some', async () => {
    await mkdir(join(home, '.config', 'pip'), { recursive: true });
    env['HTTPS_PROXY'] = 'http://p:proxy-secret@proxy.example:1';
    env['NETRC'] = join(home, 'netrc');
    await writeFile(join(home, 'netrc'), 'machine files.example login me password netrc-secret');
    env['PIP_CONFIG_FILE'] = join(home, 'pip.conf');
    await writeFile(
      join(home, 'pip.conf'),
      '[global]\nindex-url = https://me:pip-secret@pip.example/simple\n',
    );
    env['SSL_CERT_FILE'] = join(home, 'gone.pem');
    const { stdout, exitCode } = await ktx('network', 'show', '--json');
    const shown = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(shown.lines[0]).toEqual({
      name: 'package index',
      value: 'https://pip.example/simple',
      origin: `pip configuration (${join(home, 'pip.conf')})`,
    });
    expect(shown.logins).toEqual([
      { host: 'pip.example', origin: 'its address' },
      { host: 'files.example', origin: 'netrc' },
      { host: 'proxy.example:1', origin: 'HTTPS_PROXY' },
    ]);
    expect(shown.warnings.join()).toContain('gone.pem');
    expect(stdout + (await ktx('network', 'show')).stdout).not.toContain('secret');
  });

  it('show goes on past a setting that is no address, and says what is wrong with it', async () => {
    env['PIP_INDEX_URL'] = 'https://me:pass/word@index.example/simple';
    env['HTTPS_PROXY'] = 'p.example:1';
    const { exitCode, stdout } = await ktx('network', 'show');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/PIP_INDEX_URL: a login in it ends too early/);
    expect(stdout).toMatch(/package index +https:\/\/\S+\n +from default/);
    expect(stdout).toContain('p.example:1');
    expect(stdout).not.toContain('word@');
  });

  it.each<[string[], RegExp]>([
    [['network', 'set', 'index', 'https://me:pass-word@a.example/s'], /login or a token/],
    [['network', 'set', 'password', 'x'], /no network setting password\.\n[\s\S]*index/],
    [['network', 'set', 'index-url', 'x'], /no network setting index-url\. Did you mean index\?\n/],
    [['network', 'unset', 'mirror'], /\. Did you mean python-mirror or official-mirror\?\n/],
    [['network', 'set', 'https://me:pass-word@a.example/s', 'index'], /no network setting https:/],
    [['network', 'set', 'index'], /missing required argument/],
    [['network', 'unset'], /Name a setting, or pass --all/],
    [['network', 'unset', 'index', '--all'], /not both/],
    [['report', '--output', '--runtime-root'], /--output requires a value/],
  ])('%j: exit 1, says why, keeps nothing', async (argv, problem) => {
    const { exitCode, stdout, stderr } = await ktx(...argv);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(problem);
    expect(stderr).not.toContain('pass-word');
    await expect(stat(storedPath())).rejects.toThrow(/ENOENT/);
  });

  it.each(['set', 'unset'])('%s --help lists the settings, each with what it is', async (command) => {
    const { exitCode, stdout } = await ktx('network', command, '--help');
    expect(exitCode).toBe(0);
    for (const name of settingNames()) expect(stdout).toMatch(new RegExp(`^ {2}${name} {2,}\\S`, 'm'));
  });

  it('unset --all helps where the file is broken', async () => {
    await mkdir(join(storedPath(), '..'), { recursive: true });
    await writeFile(storedPath(), '{');
    expect((await ktx('network', 'show')).stderr).toContain(storedPath());
    const unset = await ktx('network', 'unset', '--all');
    expect(unset).toMatchObject({
      exitCode: 0,
      stdout: 'Removed: all settings; the file could not be read\n',
    });
    expect((await ktx('network', 'show')).exitCode).toBe(0);
  });

  it('takes another runtime folder', async () => {
    await ktx('network', 'set', 'no-proxy', 'a.example', '--runtime-root', 'other');
    expect(await readFile(join(home, 'other', 'uv', 'network.json'), 'utf8')).toContain('a.example');
  });
});

describe('ktx admin report', () => {
  const args: NetworkArgs = { command: 'report', outputPath: 'report.txt', isJson: false, runtimeRoot: null };
  const noNetwork = async () => {
    const closed = await closedAddress();
    Object.assign(env, {
      UV_ASTRAL_MIRROR_URL: closed,
      PIP_INDEX_URL: closed.replace('://', '://me:index-secret@'),
    });
    const logPath = join(home, 'runtime', '0.1.0', 'install.log');
    await mkdir(join(logPath, '..'), { recursive: true });
    await writeFile(logPath, '$ uv pip install\nGET https://me:index-secret@x.example/?token=query-secret\n');
    return new URL(closed).host;
  };

  it('holds the last setup that failed, with its settings and its log', async () => {
    await noNetwork();
    await keepFailure({
      runtimeRoot: join(home, 'runtime'),
      cliVersion: '0.1.0',
      features: ['core'],
      settings: ['proxy: http://former.example:1/'],
      failure: {
        step: 'fetch',
        title: 'It failed yesterday',
        failureClass: 'network',
        cause: 'dns',
        evidence: [],
        nextSteps: [],
        remedies: [],
        untouched: 'Nothing was changed.',
        logPath: null,
      },
    });
    const { io, printed } = capturedIo();
    const toScreen = { ...args, outputPath: null };
    expect(await runNetworkCommand(toScreen, io, { env, homeDir: home, cwd: home })).toBe(0);
    expect(printed.stdout).toMatch(/Last failed setup [\s\S]*It failed yesterday[\s\S]*former\.example/);
  });

  it('shows it, then saves the same, for the user alone, with every secret masked', async () => {
    const host = await noNetwork();
    const { io, printed } = capturedIo();
    expect(await runNetworkCommand(args, io, { env, homeDir: home, cwd: home })).toBe(0);
    const path = join(home, 'report.txt');
    expect(await readFile(path, 'utf8')).toBe(printed.stdout);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(printed.stdout).toContain(`${host}: ${host} refused the connection.`);
    expect(printed.stdout).toContain('$ uv pip install');
    expect(printed.stdout).toContain(process.version);
    expect(printed.stdout).toContain(`login for ${host}`);
    expect(printed.stdout).not.toMatch(/index-secret|query-secret/);
  });

  it('is saved on a terminal only when the answer is yes', async () => {
    await noNetwork();
    for (const answer of [false, true]) {
      const { io, printed } = capturedIo({ isTTY: true });
      const seen: string[] = [];
      const confirm = async () => {
        seen.push(printed.stdout);
        return answer;
      };
      await runNetworkCommand(args, io, { env, homeDir: home, cwd: home, isStdinTty: true, confirm });
      expect(seen[0]).toContain('Would they answer?');
      expect(
        await stat(join(home, 'report.txt')).then(
          () => true,
          () => false,
        ),
      ).toBe(answer);
    }
  });

  it('--json has the same, masked, and nothing is saved without --output', async () => {
    await noNetwork();
    const { stdout, exitCode } = await ktx('report', '--json');
    const report = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(report.probes.map(({ verdict }: { verdict: string }) => verdict).join()).toContain(
      'refused the connection',
    );
    expect(report.egress).toEqual([]);
    expect(stdout).not.toMatch(/index-secret|query-secret/);
  });

  it('says what is in the way when it cannot be saved', async () => {
    await noNetwork();
    await writeFile(join(home, 'taken'), '');
    for (const outputPath of ['.', join('taken', 'x')]) {
      const { io, printed } = capturedIo();
      const deps = { env, homeDir: home, cwd: home };
      expect(await runNetworkCommand({ ...args, outputPath }, io, deps)).toBe(1);
      expect(printed.stderr).toMatch(/^The report cannot be saved as /);
      expect(printed.stderr).toContain('next     Name another file: ktx admin report --output <file>\n');
      expect(printed.stdout).toContain('Would they answer?');
    }
    expect((await readdir(home)).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('--json that cannot be saved: the report is all there is on stdout', async () => {
    await noNetwork();
    await writeFile(join(home, 'taken'), '');
    const { exitCode, stdout, stderr } = await ktx('report', '--json', '--output', join('taken', 'x'));
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).probes).toBeDefined();
    expect(stderr).toMatch(/^The report cannot be saved as .*\n/);
    expect(stderr).toContain('Name another file');
  });

  it('--debug says why it cannot be saved, with the stack', async () => {
    await noNetwork();
    const { stderr } = await ktx('report', '--debug', '--output', '.');
    expect(stderr).toMatch(/^\w*Error: The report cannot be saved as .*\n {4}at [\s\S]*caused by: /);
  });

  it.each([
    ['left at the question', 0],
    ['stopped', 130],
  ])('%s it saves nothing and ends with %i', async (how, expected) => {
    await noNetwork();
    const { io, printed } = capturedIo({ isTTY: true });
    const confirm = async () => {
      if (how === 'stopped') process.emit('SIGHUP', 'SIGHUP');
      throw new CancelledError();
    };
    const deps = { env, homeDir: home, cwd: home, isStdinTty: true, confirm };
    expect(await runNetworkCommand(args, io, deps)).toBe(expected);
    expect(printed.stderr).toBe('Nothing was saved.\n');
    await expect(stat(join(home, 'report.txt'))).rejects.toThrow(/ENOENT/);
  });
});
