import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createManagedDaemonHttpJsonRunner,
  createManagedPythonDaemonBaseUrlResolver,
  type ManagedPythonCoreDaemonOptions,
  managedDaemonDatabaseIntrospectionOptions,
} from '../../src/embed/daemon-http.ts';
import { capturedIo } from '../fixtures/captured-io.ts';

interface Asked {
  method?: string;
  url?: string;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** A daemon that gives the same answer to everything. */
async function daemon(status: number, answer: string) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(status).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(() => void server.close());
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
}

function core(baseUrls: string[], status: 'started' | 'reused' = 'started') {
  const { io, printed } = capturedIo();
  const ensureRuntime = vi.fn(async (_options: object) => ({}));
  const startDaemon = vi.fn(async (_options: object) => ({ status, baseUrl: baseUrls.shift()! }));
  const options = {
    cliVersion: '0.3.0',
    projectDir: '/project',
    installPolicy: 'auto',
    io,
    ensureRuntime,
    startDaemon,
  } as unknown as ManagedPythonCoreDaemonOptions;
  return { options, io, printed, ensureRuntime, startDaemon };
}

const at = (baseUrl: string) => createManagedDaemonHttpJsonRunner({ resolveBaseUrl: async () => baseUrl });

describe('the address of the daemon', () => {
  it('is found at the first call, with exactly these arguments, and cached', async () => {
    const { options, io, printed, ensureRuntime, startDaemon } = core(['http://127.0.0.1:1']);
    const resolve = createManagedPythonDaemonBaseUrlResolver(options);
    expect(ensureRuntime).not.toHaveBeenCalled();
    expect(await Promise.all([resolve(), resolve()])).toEqual(['http://127.0.0.1:1', 'http://127.0.0.1:1']);
    await resolve();
    const { cliVersion, projectDir, installPolicy } = options;
    expect(ensureRuntime.mock.calls).toEqual([[{ cliVersion, installPolicy, io, feature: 'core' }]]);
    expect(startDaemon.mock.calls).toEqual([[{ cliVersion, projectDir, features: ['core'], force: false }]]);
    expect(printed.stderr).toBe('│  Started ktx daemon: http://127.0.0.1:1\n');
  });

  it('says when a daemon runs already, and forgets a failure', async () => {
    const { options, printed, startDaemon } = core(['http://127.0.0.1:1'], 'reused');
    startDaemon.mockRejectedValueOnce(new Error('no port'));
    const resolve = createManagedPythonDaemonBaseUrlResolver(options);
    await expect(resolve()).rejects.toThrow('no port');
    await resolve();
    expect(printed.stderr).toBe('│  Using existing ktx daemon: http://127.0.0.1:1\n');
  });

  it('is resolved again, once, when nothing listens there any more', async () => {
    const gone = await daemon(200, '{}');
    const next = await daemon(200, '{"next":true}');
    const { options, startDaemon } = core([gone.baseUrl, next.baseUrl]);
    const run = createManagedDaemonHttpJsonRunner(options);
    await run('/a', {});
    await gone.close();
    const answers = await Promise.all([run('/b', {}), run('/c', {})]);
    expect(answers).toEqual([{ next: true }, { next: true }]);
    expect(startDaemon).toHaveBeenCalledTimes(2);
    const dead = core([gone.baseUrl, gone.baseUrl, gone.baseUrl]);
    await expect(createManagedDaemonHttpJsonRunner(dead.options)('/a', {})).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(dead.startDaemon).toHaveBeenCalledTimes(2);
  });
});

describe('a request', () => {
  it('goes to a function of the caller as it is', () => {
    const requestJson = async () => ({});
    expect(createManagedDaemonHttpJsonRunner({ requestJson })).toBe(requestJson);
    expect(managedDaemonDatabaseIntrospectionOptions({ requestJson }).requestJson).toBe(requestJson);
  });

  it('asks for the address every time and hands it to the function that posts', async () => {
    const resolveBaseUrl = vi.fn(async () => 'http://daemon.internal');
    const postJson = vi.fn(async (..._args: unknown[]) => ({ ok: true }));
    const run = createManagedDaemonHttpJsonRunner({ resolveBaseUrl, postJson });
    await run('/a', { x: 1 });
    await run('/b', {});
    expect(resolveBaseUrl).toHaveBeenCalledTimes(2);
    expect(postJson.mock.calls[0]).toEqual(['http://daemon.internal', '/a', { x: 1 }]);
  });

  it.each(['', '/'])(
    'is a POST of JSON with its length in bytes, to a base that ends with "%s"',
    async (end) => {
      const { baseUrl, asked } = await daemon(200, '{"a":1}');
      expect(await at(baseUrl + end)('/sql/x', { text: 'é' })).toEqual({ a: 1 });
      const { method, url, headers, body } = asked[0]!;
      expect({ method, url, body }).toEqual({ method: 'POST', url: '/sql/x', body: '{"text":"é"}' });
      expect(headers).toMatchObject({
        accept: 'application/json',
        'content-type': 'application/json',
        'content-length': '13',
      });
    },
  );

  it('goes past the proxy of the environment', async () => {
    const { baseUrl } = await daemon(200, '{}');
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await at(baseUrl)('/a', {})).toEqual({});
  });

  it.each([
    [404, '{"detail":"x"}', 'ktx daemon HTTP /a failed with 404: {"detail":"x"}'],
    [200, '[1]', 'ktx daemon HTTP /a returned non-object JSON'],
    [200, 'null', 'ktx daemon HTTP /a returned non-object JSON'],
  ])('rejects for %s %s', async (status, answer, message) => {
    const { baseUrl } = await daemon(status, answer);
    await expect(at(baseUrl)('/a', {})).rejects.toThrow(new Error(message));
  });

  it('rejects with the parse error for an answer that is no JSON', async () => {
    const { baseUrl } = await daemon(200, 'moment');
    await expect(at(baseUrl)('/a', {})).rejects.toBeInstanceOf(SyntaxError);
  });
});
