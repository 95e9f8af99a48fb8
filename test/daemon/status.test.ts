import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { managedPythonDaemonLayout } from '../../src/daemon/layout.ts';
import { provideDaemonSecret } from '../../src/daemon/secret.ts';
import { readManagedPythonDaemonStatus } from '../../src/daemon/status.ts';
import {
  answer,
  closedPort,
  daemonProject,
  daemonState,
  HEALTHY,
  loopbackServer,
  writeState,
  writeStateText,
} from '../fixtures/daemon.ts';

const alive = { processAlive: () => true };

describe('managedPythonDaemonLayout', () => {
  it('1. state and logs are under the project, the runtime is where it is for every project', () => {
    const runtime = { cliVersion: '0.3.0', runtimeRoot: '/r', assetDir: '/a' };
    const layout = managedPythonDaemonLayout({ ...runtime, projectDir: '/p' });
    expect(layout).toEqual({
      ...managedPythonRuntimeLayout(runtime),
      projectDir: '/p',
      daemonStateDir: join('/p', '.ktx', 'runtime'),
      daemonStatePath: join('/p', '.ktx', 'runtime', 'daemon.json'),
      daemonStdoutPath: join('/p', '.ktx', 'runtime', 'daemon.stdout.log'),
      daemonStderrPath: join('/p', '.ktx', 'runtime', 'daemon.stderr.log'),
    });
  });
});

describe('readManagedPythonDaemonStatus', () => {
  it('2. no state file: stopped, and nothing is written', async () => {
    const { options, layout } = await daemonProject();
    await mkdir(options.projectDir);
    expect(await readManagedPythonDaemonStatus(options)).toEqual({
      kind: 'stopped',
      detail: `No daemon state at ${layout.daemonStatePath}`,
      layout,
    });
    expect(await readdir(options.projectDir)).toEqual([]);
  });

  it.each([
    ['not JSON', () => '{', /^Daemon state is invalid: .*JSON/],
    ['no object', () => 'null', /^Daemon state is invalid: content: /],
    ['another schema', (state: object) => ({ ...state, schemaVersion: 2 }), /schemaVersion: .*expected 1/],
    ['a pid of nobody', (state: object) => ({ ...state, pid: 0 }), /invalid: pid: /],
    ['a pid that is a group', (state: object) => ({ ...state, pid: -1 }), /invalid: pid: /],
    ['a broken pid', (state: object) => ({ ...state, pid: 1.5 }), /invalid: pid: /],
    ['another host', (state: object) => ({ ...state, host: '192.0.2.1' }), /invalid: host: /],
    ['a port too high', (state: object) => ({ ...state, port: 65536 }), /invalid: port: /],
    ['port 0', (state: object) => ({ ...state, port: 0 }), /invalid: port: /],
    ['no version', (state: object) => ({ ...state, version: '' }), /invalid: version: /],
    ['no features', (state: object) => ({ ...state, features: [] }), /invalid: features: /],
    ['an unknown feature', (state: object) => ({ ...state, features: ['gpu'] }), /invalid: features\.0: /],
    ['no start', (state: object) => ({ ...state, startedAt: '' }), /invalid: startedAt: /],
    ['no log', (state: object) => ({ ...state, stderrLog: '' }), /invalid: stderrLog: /],
  ])('3. stale, without state: %s', async (_name, change, detail) => {
    const { options, layout } = await daemonProject();
    const content = change(daemonState(layout));
    await writeStateText(layout, typeof content === 'string' ? content : JSON.stringify(content));
    const status = await readManagedPythonDaemonStatus({ ...options, ...alive });
    expect(status).toEqual({ kind: 'stale', detail: expect.stringMatching(detail), layout });
    expect(status.detail).not.toContain('\n');
  });

  it('3. stale, without state: a folder in its place', async () => {
    const { options, layout } = await daemonProject();
    await mkdir(layout.daemonStatePath, { recursive: true });
    const status = await readManagedPythonDaemonStatus(options);
    expect(status).toEqual({
      kind: 'stale',
      detail: expect.stringMatching(/^Daemon state is invalid: .* is a folder, not a file/),
      layout,
    });
  });

  it('3. stale: another version, before anything is looked for', async () => {
    const { options, layout } = await daemonProject();
    const state = await writeState(layout, { version: '0.2.0' });
    const never = () => {
      throw new Error('asked');
    };
    expect(await readManagedPythonDaemonStatus({ ...options, processAlive: never, fetch: never })).toEqual({
      kind: 'stale',
      detail: 'Daemon is for CLI 0.2.0, current CLI is 0.3.0',
      layout,
      state,
    });
  });

  it('3. stale: the process is gone', async () => {
    const { options, layout } = await daemonProject();
    const state = await writeState(layout, { pid: 2 ** 22 + 7 });
    expect(await readManagedPythonDaemonStatus(options)).toEqual({
      kind: 'stale',
      detail: `Daemon process ${state.pid} is not running`,
      layout,
      state,
    });
  });

  it.each([
    ['an error status', 503, 'warming up', 'Health check returned HTTP 503: warming up'],
    ['a redirect', 302, '', 'Health check returned HTTP 302: '],
    ['an array', 200, [], 'Health check returned non-object JSON'],
    ['null', 200, null, 'Health check returned non-object JSON'],
    ['a scalar', 200, 7, 'Health check returned non-object JSON'],
    ['another status', 200, { status: 'sick' }, 'Health check returned status sick'],
    ['no status', 200, {}, 'Health check returned status undefined'],
    [
      'another version',
      200,
      { status: 'healthy', version: '0.2.0' },
      'Daemon version 0.2.0 does not match CLI 0.3.0',
    ],
    ['no version', 200, { status: 'healthy' }, 'Daemon version undefined does not match CLI 0.3.0'],
  ])('3. stale: health is %s, by the real transport', async (_name, status, body, detail) => {
    const { options, layout } = await daemonProject();
    const { port } = await loopbackServer((_request, response) => {
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    const state = await writeState(layout, { port });
    expect(await readManagedPythonDaemonStatus({ ...options, ...alive })).toEqual({
      kind: 'stale',
      detail,
      layout,
      state,
    });
  });

  it('3. stale: nobody listens', async () => {
    const { options, layout } = await daemonProject();
    const port = await closedPort();
    await writeState(layout, { port });
    const status = await readManagedPythonDaemonStatus({ ...options, ...alive });
    expect(status).toMatchObject({ kind: 'stale', detail: `connect ECONNREFUSED 127.0.0.1:${port}` });
  });

  it('10. causes are part of the detail', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout);
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:58731', { cause: new Error('the deepest') });
    const fetch = async () => {
      throw new TypeError('fetch failed', { cause });
    };
    const { detail } = await readManagedPythonDaemonStatus({ ...options, ...alive, fetch });
    expect(detail).toBe('fetch failed: connect ECONNREFUSED 127.0.0.1:58731: the deepest');
  });

  it('10. an error without any words', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout);
    const fetch = async () => {
      throw new Error('');
    };
    const { detail } = await readManagedPythonDaemonStatus({ ...options, ...alive, fetch });
    expect(detail).toBe('unknown error');
  });

  it('running, with an injected fetch that gets the address alone', async () => {
    const { options, layout } = await daemonProject();
    const state = await writeState(layout);
    const asked: unknown[][] = [];
    const fetch = async (...args: unknown[]) => {
      asked.push(args);
      return answer(HEALTHY);
    };
    expect(await readManagedPythonDaemonStatus({ ...options, ...alive, fetch })).toEqual({
      kind: 'running',
      detail: 'Daemon running at http://127.0.0.1:58731',
      layout,
      state,
      baseUrl: 'http://127.0.0.1:58731',
    });
    expect(asked).toEqual([['http://127.0.0.1:58731/health']]);
  });

  it('does not use a foreign server that a project names, whatever it answers', async () => {
    const { options, layout } = await daemonProject();
    const { port } = await loopbackServer((request, response) => {
      response.end(JSON.stringify(request.url === '/health' ? HEALTHY : null));
    });
    await writeState(layout, { port, pid: process.pid });
    expect(await readManagedPythonDaemonStatus(options)).toMatchObject({
      kind: 'stale',
      detail: `Process ${process.pid} is not a ktx daemon of this user at port ${port}`,
    });
  });

  /** Answers like a daemon under a daemon's name; with a secret it gives proofs. */
  async function startNamesake(folder: string, { uid, secret }: { uid?: number; secret?: string } = {}) {
    const script = join(folder, 'serve-http');
    await writeFile(
      script,
      `const { createHmac } = require('node:crypto');
       require('node:http').createServer((request, response) => {
         const message = 'ktx-daemon\\nproof\\n' + process.argv.at(-1) + '\\n' + request.headers['x-ktx-challenge'];
         const key = Buffer.from('${secret ?? ''}', 'hex');
         if (key.length > 0) response.setHeader('x-ktx-proof', createHmac('sha256', key).update(message).digest('hex'));
         response.end('${JSON.stringify(HEALTHY)}');
       })
         .listen(Number(process.argv.at(-1)), '127.0.0.1', () => console.log('listening'));`,
    );
    const port = await allocateDaemonPort();
    const child = spawn(process.execPath, ['serve-http', '--host', '127.0.0.1', '--port', String(port)], {
      argv0: 'ktx-daemon',
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(uid === undefined ? {} : { uid }),
    });
    onTestFinished(() => void child.kill());
    await once(child.stdout, 'data');
    return { pid: child.pid!, port };
  }

  it.skipIf(process.platform !== 'linux')('uses a daemon of this user, by the real transport', async () => {
    const { options, layout } = await daemonProject();
    await mkdir(layout.daemonStateDir, { recursive: true });
    const secret = (await provideDaemonSecret(layout))!;
    await writeState(layout, await startNamesake(dirname(layout.daemonStateDir), { secret }));
    expect(await readManagedPythonDaemonStatus(options)).toMatchObject({ kind: 'running' });
  });

  it.skipIf(process.platform !== 'linux').each([
    ['gives no proof', undefined, true],
    ['proves to know another secret', 'ab'.repeat(32), true],
    ['gives no proof, of a project without a secret', undefined, false],
  ])(
    "does not use a daemon of this user that %s: it may be another project's",
    async (_name, secret, isKept) => {
      const { options, layout } = await daemonProject();
      await mkdir(layout.daemonStateDir, { recursive: true });
      if (isKept) await provideDaemonSecret(layout);
      await writeState(layout, await startNamesake(dirname(layout.daemonStateDir), { secret }));
      expect(await readManagedPythonDaemonStatus(options)).toMatchObject({ kind: 'stale' });
    },
  );

  it.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
    'does not use the daemon of another user',
    async () => {
      const { options, layout } = await daemonProject();
      await mkdir(layout.daemonStateDir, { recursive: true });
      for (let folder = layout.daemonStateDir; folder !== tmpdir(); folder = dirname(folder))
        await chmod(folder, 0o755);
      await writeState(layout, await startNamesake(dirname(layout.daemonStateDir), { uid: 65534 }));
      expect(await readManagedPythonDaemonStatus(options)).toMatchObject({
        kind: 'stale',
        detail: expect.stringContaining('is not a ktx daemon of this user'),
      });
    },
  );
});
