import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { OutputName } from '../../src/cli/schemas/output-schemas.ts';
import type { SetupEvent, SetupResult } from '../../src/core/events.ts';
import { setupEventSchema } from '../../src/present/event-schema.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { expectOutput } from '../fixtures/output-schema.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);

/** The whole way with the real uv and the machine's own package index, as a script in an image would go it. */
describe('ktx setup --yes --json on an empty home', () => {
  let home: string;
  let first: ProgramResult;
  let result: SetupResult;
  let env: NodeJS.ProcessEnv;
  const events: SetupEvent[] = [];

  beforeAll(async () => {
    home = await temporaryFolderForFile();
    env = plainEnvironment(home);
    first = await runProgram(['setup', '--yes', '--no-input', '--json'], { env });
    for (const line of first.stdout.trim().split('\n')) events.push(JSON.parse(line));
    result = (events.at(-1) as Extract<SetupEvent, { type: 'done' }>).result;
  });

  it('ends with exit code 0, a versioned greeting first and the result last', () => {
    expect(first.stderr).toBe('');
    expect(first.exitCode).toBe(0);
    expect(events[0]).toMatchObject({ schemaVersion: 1, type: 'hello' });
    for (const event of events.slice(1)) setupEventSchema.parse(event);
    expect(result).toMatchObject({ status: 'installed', features: ['core'] });
  });

  it('names the Python that was taken and why', () => {
    expect(result.pythonLabel).toMatch(/^Python 3\.\d+\.\d+/);
    const plan = events.find((event) => event.type === 'plan')!;
    if (plan.plan.python.kind === 'system') {
      expect(plan.plan.notes.join()).toContain(plan.plan.python.path);
      expect(plan.plan.rows.find((row) => row.id === 'python')!.rejected.length).toBeGreaterThan(0);
    }
  });

  it('contacted the hosts of the plan and no other', () => {
    const plan = events.find((event) => event.type === 'plan')!;
    const contacted = result.egress.map(({ host }) => host);
    expect(plan.plan.hosts).toEqual(expect.arrayContaining(contacted));
  });

  it('has an interpreter that imports ktx_daemon, in its own prefix', async () => {
    const script = 'import ktx_daemon, semantic_layer, sys; print(sys.prefix)';
    const { stdout } = await run(result.pythonPath, ['-I', '-c', script]);
    expect(stdout.trim()).toBe(dirname(dirname(result.pythonPath)));
  });

  it('has a daemon that answers /health', async () => {
    const port = await freePort();
    const daemon = spawn(result.daemonPath, ['serve-http', '--port', String(port)], {
      env: { ...env, KTX_DAEMON_VERSION: '9.9.9' },
      stdio: 'ignore',
    });
    try {
      const answer = await untilAnswered(`http://127.0.0.1:${port}/health`);
      expect(answer).toEqual({ status: 'healthy', version: '9.9.9' });
    } finally {
      daemon.kill('SIGTERM');
    }
  });

  it.each<[OutputName, string]>([
    ['runtime-status', 'admin runtime status --json'],
    ['runtime-history', 'admin runtime history --json'],
    ['runtime-usage', 'admin runtime usage --json'],
    ['doctor', 'doctor --json'],
    ['doctor', 'doctor --fix --json'],
  ])('is described by %s as its schema says: ktx %s', async (name, line) => {
    expectOutput(name, (await runProgram(line.split(' '), { env, cwd: home })).stdout);
  });

  it('has a complete log: every transfer, every command, every line of uv', async () => {
    const log = await readFile(result.logPath, 'utf8');
    for (const event of events) {
      if (event.type === 'artefact') expect(log).toContain(event.sha256);
      // The log has the whole path of uv.
      if (event.type === 'lines')
        for (const line of event.lines) expect(log).toContain(line.replace(/^\$ uv /, 'uv '));
    }
    expect(log.match(/^\$ .*$/gm)?.map((line) => line.split('/uv ')[1]?.split(' ')[0])).toEqual([
      'venv',
      // Asked while wheels arrive, so that the install finds the answer in its cache.
      'python',
      'pip',
    ]);
  });

  it('leaves nothing half-made behind', async () => {
    const root = join(home, '.ktx', 'runtime');
    expect((await readdir(root)).sort()).toEqual([result.cliVersion, 'uv']);
    expect((await readdir(join(root, result.cliVersion))).sort()).toEqual([
      '.venv',
      'envs',
      'history.jsonl',
      'install.log',
      'manifest.json',
    ]);
    expect(await readdir(join(root, 'uv', 'runs'))).toEqual([]);
    expect((await readdir(join(root, 'uv', 'store'))).filter((name) => name.endsWith('.partial'))).toEqual(
      [],
    );
  });

  it('says ready the second time, without a process and without a connection', async () => {
    const guard = join(PACKAGE_ROOT, 'test', 'fixtures', 'no-outside.mjs');
    const nodeArgs = ['--import', guard];
    const second = await runProgram(['setup', '--yes', '--no-input', '--json'], { env, nodeArgs });
    expect(second.stderr).toBe('');
    const last = JSON.parse(second.stdout.trim().split('\n').at(-1)!);
    expect(last).toMatchObject({ type: 'done', result: { status: 'ready', pythonPath: result.pythonPath } });
    expect(second.exitCode).toBe(0);
    // The guard does guard: what starts a process is ended by it.
    const doctor = await runProgram(['admin', 'runtime', 'doctor'], { env, nodeArgs });
    expect(doctor.stderr).toContain('OUTSIDE: spawn');
  });

  it('status, doctor and prune agree', async () => {
    const status = await runProgram(['admin', 'runtime', 'status', '--json'], { env });
    expect(status.exitCode).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      kind: 'ready',
      layout: { pythonPath: result.pythonPath },
    });
    const doctor = await runProgram(['admin', 'runtime', 'doctor'], { env });
    expect(doctor.stdout).toMatch(
      /PASS uv: uv 0\.11\.21 .*\nPASS Bundled Python wheel: .*\nPASS Managed Python runtime/,
    );
    expect(doctor.exitCode).toBe(0);
    const prune = await runProgram(['admin', 'runtime', 'prune', '--yes'], { env });
    expect(prune.stdout).toContain('No stale ktx Python runtimes found');
    const install = await runProgram(['admin', 'runtime', 'install', '--yes'], { env });
    expect(install.stdout).toContain('Using existing ktx Python runtime');
  });

  it('an altered uv is not run: it is restored from the store', async () => {
    const uvPath = join(home, '.ktx', 'runtime', 'uv', '0.11.21', 'uv');
    const { appendFile } = await import('node:fs/promises');
    await appendFile(uvPath, 'x');
    const again = await runProgram(['setup', '--yes', '--force', '--offline'], { env });
    expect(again.stderr).toBe('');
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toContain('ready');
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function untilAnswered(url: string): Promise<unknown> {
  return vi.waitFor(async () => (await fetch(url)).json(), PATIENT);
}
