import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseDaemonCommand } from '../../src/daemon/command.ts';
import { stopAllManagedPythonDaemons } from '../../src/daemon/stop-all.ts';
import { splitCommandLine } from '../../src/process/command-line.ts';
import { listProcesses } from '../../src/process/list-processes.ts';
import { endNow, isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

/** The bundled program, the real uv, the real wheel: one daemon per project, from an empty home on. */
describe('ktx admin runtime start and stop', () => {
  let home: string;
  let projectDir: string;
  let env: NodeJS.ProcessEnv;
  let first: ProgramResult;

  const ktx = (...args: string[]) => runProgram(['admin', 'runtime', ...args], { env, cwd: projectDir });
  /** Daemons of this home; the machine may have others, which are none of a test's business. */
  const ownDaemons = async () =>
    (await listProcesses()).filter(
      ({ command }) =>
        splitCommandLine(command).some((word) => word.startsWith(home)) && parseDaemonCommand(command),
    );
  const field = (result: ProgramResult, name: string) =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(result.stdout)?.[1] ?? '';

  beforeAll(async () => {
    // A space and a quote: the launchers of the environment's scripts, and we who read their command lines, have to cope.
    home = join(await temporaryFolderForFile(), "somebody's home");
    projectDir = join(home, 'project', 'below');
    await mkdir(projectDir, { recursive: true });
    await writeFile(join(home, 'project', 'ktx.yaml'), '');
    projectDir = join(home, 'project');
    env = plainEnvironment(home, { PYTHONPATH: '/nowhere', VIRTUAL_ENV: '/nowhere' });
    first = await ktx('start');
  });
  afterAll(async () => endNow((await ownDaemons()).map(({ pid }) => pid)));

  it('start installs what is missing, and the daemon answers', async () => {
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^Started ktx daemon\nurl: http:\/\/127\.0\.0\.1:\d+\npid: \d+\n/);
    const answer = await (await fetch(`${field(first, 'url')}/health`)).json();
    expect(answer).toMatchObject({ status: 'healthy', version: field(first, 'version') });
    expect(await readdir(join(projectDir, '.ktx', 'runtime'))).toEqual([
      'daemon.json',
      'daemon.stderr.log',
      'daemon.stdout.log',
    ]);
  });

  it('its process is recognised as what it is', async () => {
    const [daemon, ...others] = await ownDaemons();
    expect(others).toEqual([]);
    expect(String(daemon!.pid)).toBe(field(first, 'pid'));
    expect(parseDaemonCommand(daemon!.command)).toEqual({
      host: '127.0.0.1',
      port: Number(new URL(field(first, 'url')).port),
      isPortGiven: true,
    });
  });

  it('a second start, from a folder below, uses it; --force replaces it', async () => {
    const below = join(projectDir, 'below');
    const again = await runProgram(['admin', 'runtime', 'start'], { env, cwd: below });
    expect(again.stdout).toBe(first.stdout.replace('Started ktx daemon', 'Using existing ktx daemon'));
    const forced = await ktx('start', '--force');
    expect(forced.stdout).toMatch(/^Started ktx daemon\n/);
    await vi.waitFor(() => expect(isRunning(Number(field(first, 'pid')))).toBe(false), PATIENT);
    expect((await ownDaemons()).map(({ pid }) => String(pid))).toEqual([field(forced, 'pid')]);
  });

  it('stop ends it, and a second stop finds nothing', async () => {
    const { pid } = JSON.parse(await readFile(join(projectDir, '.ktx', 'runtime', 'daemon.json'), 'utf8'));
    expect(await ktx('stop')).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: `Stopped ktx daemon\npid: ${pid}\nstate: ${join(projectDir, '.ktx', 'runtime', 'daemon.json')}\n`,
    });
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), PATIENT);
    expect((await ktx('stop')).stdout).toBe('ktx daemon already stopped\n');
  });

  it('in strict mode the daemon answers only to its token, which ktx itself sends', async () => {
    const strict = { env: { ...env, KTX_DAEMON_STRICT: '1' }, cwd: projectDir };
    await ktx('start');
    // The one that runs answers anybody.
    const started = await runProgram(['admin', 'runtime', 'start'], strict);
    expect(started.stdout).toMatch(/^Started ktx daemon\n/);
    const ask = async (path: string, token?: string) => {
      const headers = {
        'content-type': 'application/json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      };
      const body = JSON.stringify({ dialect: 'postgres', sql: 'select 1' });
      const request = path === '/health' ? { headers } : { method: 'POST', headers, body };
      return (await fetch(`${field(started, 'url')}${path}`, request)).status;
    };
    const daemons = join(home, '.ktx', 'runtime', 'uv', 'daemons');
    const [name] = await readdir(daemons);
    expect((await stat(join(daemons, name!))).mode & 0o777).toBe(0o600);
    const { token } = JSON.parse(await readFile(join(daemons, name!), 'utf8'));
    for (const path of ['/health', '/sql/validate-read-only']) {
      expect([path, await ask(path), await ask(path, 'f'.repeat(64))]).toEqual([path, 401, 401]);
      expect([path, await ask(path, token)]).toEqual([path, 200]);
    }
    const again = await runProgram(['admin', 'runtime', 'start'], strict);
    expect(again.stdout).toMatch(/^Using existing ktx daemon\n/);
    expect((await ktx('stop')).stdout).toMatch(/^Stopped ktx daemon\n/);
  });

  it('stop-all ends the daemons of several projects, recorded here or not', async () => {
    await ktx('start');
    const other = join(home, 'other project');
    await mkdir(other);
    await runProgram(['--project-dir', other, 'admin', 'runtime', 'start'], { env, cwd: home });
    expect(await ownDaemons()).toHaveLength(2);
    const cliVersion = field(first, 'version');
    const runtimeRoot = join(home, '.ktx', 'runtime');
    const result = await stopAllManagedPythonDaemons({
      cliVersion,
      projectDir,
      runtimeRoot,
      listProcesses: ownDaemons,
      stopGraceMs: 5000,
      healthProbeMs: 5000,
    });
    expect(result.failed).toEqual([]);
    expect(result.stopped.map(({ source, health }) => `${source} ${health}`).sort()).toEqual([
      'process healthy',
      'state healthy',
    ]);
    expect(await ownDaemons()).toEqual([]);
  });
});
