import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type ManagedPythonDaemonLayout,
  managedPythonDaemonLayout,
} from '../../src/runtime/daemon-layout.ts';
import type { ManagedPythonDaemonState } from '../../src/runtime/daemon-state.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

export const CLI_VERSION = '0.3.0';

/** A project, and where the runtime would be. */
export async function daemonProject() {
  const root = await temporaryFolder();
  const options = {
    cliVersion: CLI_VERSION,
    projectDir: join(root, 'project'),
    runtimeRoot: join(root, 'runtime'),
  };
  return { options, layout: managedPythonDaemonLayout(options) };
}

export function daemonState(
  layout: ManagedPythonDaemonLayout,
  changes: Partial<ManagedPythonDaemonState> = {},
): ManagedPythonDaemonState {
  return {
    schemaVersion: 1,
    pid: 4242,
    host: '127.0.0.1',
    port: 58731,
    version: CLI_VERSION,
    features: ['core'],
    startedAt: '2026-05-11T00:00:00.000Z',
    stdoutLog: layout.daemonStdoutPath,
    stderrLog: layout.daemonStderrPath,
    ...changes,
  };
}

export async function writeState(
  layout: ManagedPythonDaemonLayout,
  changes: Partial<ManagedPythonDaemonState> = {},
): Promise<ManagedPythonDaemonState> {
  const state = daemonState(layout, changes);
  await writeStateText(layout, `${JSON.stringify(state, null, 2)}\n`);
  return state;
}

export async function writeStateText(layout: ManagedPythonDaemonLayout, text: string): Promise<void> {
  await mkdir(layout.daemonStateDir, { recursive: true });
  await writeFile(layout.daemonStatePath, text);
}

/** What an injected `fetch` answers. */
export function answer(body: unknown, status = 200) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { ok: status === 200, status, json: async () => JSON.parse(text), text: async () => text };
}

export const HEALTHY = { status: 'healthy', version: CLI_VERSION };

/** A real HTTP server on loopback. */
export async function loopbackServer(listener: RequestListener): Promise<{ port: number; baseUrl: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, baseUrl: `http://127.0.0.1:${port}` };
}

/** A loopback address at which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
