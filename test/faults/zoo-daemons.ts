import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ZooPaths } from './zoo-state.ts';

/** What a project says of its daemon. */
export async function writeDaemonState(paths: ZooPaths, change: Record<string, unknown>) {
  await mkdir(dirname(paths.daemonState), { recursive: true });
  const state = {
    schemaVersion: 1,
    pid: 4_000_000,
    host: '127.0.0.1',
    port: 4,
    version: paths.version,
    features: ['core'],
    startedAt: new Date(Date.now() + 60_000).toISOString(),
    stdoutLog: '/tmp/o',
    stderrLog: '/tmp/e',
    ...change,
  };
  await writeFile(paths.daemonState, JSON.stringify(state));
}

/** A process whose command line is that of a daemon. */
export async function spawnDaemon(p: ZooPaths, port = 4) {
  const path = join(dirname(p.root), 'ktx-daemon');
  await writeFile(path, 'import time; time.sleep(600)');
  return spawn('/usr/bin/python3', [path, 'serve-http', '--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
  });
}
