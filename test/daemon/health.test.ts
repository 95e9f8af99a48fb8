import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { answersHealthy, daemonHealthProblem } from '../../src/daemon/health.ts';
import { answer, CLI_VERSION, HEALTHY, loopbackServer } from '../fixtures/daemon.ts';

const asked = { cliVersion: CLI_VERSION, timeoutMs: 5000 };
const STRANGER = /^Another process answers at http:/;

describe('daemonHealthProblem', () => {
  it.each([
    ['ours', { nonce: 'ours' }, null],
    ['another', { nonce: 'theirs' }, STRANGER],
    ['none', {}, STRANGER],
  ])('the real transport and a nonce that is %s', async (_name, extra, problem) => {
    const { baseUrl } = await loopbackServer((_request, response) =>
      response.end(JSON.stringify({ ...HEALTHY, ...extra })),
    );
    const found = await daemonHealthProblem({ ...asked, baseUrl, nonce: 'ours' });
    expect(found).toEqual(problem === null ? null : expect.stringMatching(problem));
  });

  it.each([
    ['ours', { nonce: 'ours' }, null],
    ['another', { nonce: 'theirs' }, STRANGER],
    ['none, which is accepted', {}, null],
  ])('an injected fetch and a nonce that is %s', async (_name, extra, problem) => {
    const fetch = async () => answer({ ...HEALTHY, ...extra });
    const found = await daemonHealthProblem({
      ...asked,
      baseUrl: 'http://127.0.0.1:1',
      nonce: 'ours',
      fetch,
    });
    expect(found).toEqual(problem === null ? null : expect.stringMatching(problem));
  });

  it('H3. ends when its time is over: a server that is silent, and a fetch that never answers', async () => {
    const { baseUrl } = await loopbackServer(() => {});
    const limits = { cliVersion: CLI_VERSION, timeoutMs: 30, baseUrl };
    expect(await daemonHealthProblem(limits)).toBe('No answer within 0.03 s');
    const fetch = () => new Promise<never>(() => {});
    expect(await daemonHealthProblem({ ...limits, fetch })).toBe('No answer within 0.03 s');
  });

  it('H3. a body that trickles ends with it too', async () => {
    const { baseUrl } = await loopbackServer((_request, response) => {
      response.write('{"status":');
    });
    expect(await daemonHealthProblem({ cliVersion: CLI_VERSION, timeoutMs: 30, baseUrl })).toBe(
      'No answer within 0.03 s',
    );
  });

  it('a flood is not read to its end', async () => {
    const { baseUrl } = await loopbackServer((_request, response) => {
      response.end('x'.repeat(1_000_000));
    });
    expect(await daemonHealthProblem({ ...asked, baseUrl })).toMatch(/too long/);
  });

  it('does not go through a proxy of the environment', async () => {
    const proxied: string[] = [];
    const proxy = await loopbackServer((request, response) => {
      proxied.push(request.url ?? '');
      response.end('{}');
    });
    const daemon = await loopbackServer((_request, response) => response.end(JSON.stringify(HEALTHY)));
    const module = new URL('../../src/daemon/health.ts', import.meta.url).href;
    const script = `const { daemonHealthProblem } = await import(${JSON.stringify(module)});
      const baseUrl = ${JSON.stringify(daemon.baseUrl)};
      console.log(await daemonHealthProblem({ baseUrl, cliVersion: ${JSON.stringify(CLI_VERSION)}, timeoutMs: 5000 }));
      (await import('node:http')).get(baseUrl + '/by-the-global-agent', (response) => response.resume());`;
    const env = { PATH: process.env['PATH'], NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.baseUrl };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      { env },
    );
    expect(stdout).toBe('null\n');
    // Node's global agent does: the environment was one that leads to the proxy.
    expect(proxied).toEqual([`${daemon.baseUrl}/by-the-global-agent`]);
  });
});

describe('answersHealthy', () => {
  it.each([
    [200, { status: 'healthy', version: 'another' }, true],
    [200, { status: 'sick' }, false],
    [500, { status: 'healthy' }, false],
    [200, null, false],
    [200, 'healthy', false],
  ])('%s %j', async (status, body, isHealthy) => {
    const { baseUrl } = await loopbackServer((_request, response) =>
      response.writeHead(status).end(JSON.stringify(body)),
    );
    expect(await answersHealthy(baseUrl, 5000)).toBe(isHealthy);
  });

  it('is false for an address that is none, and for silence', async () => {
    const { baseUrl } = await loopbackServer(() => {});
    expect(await answersHealthy(baseUrl, 20)).toBe(false);
    expect(await answersHealthy('http://[', 20)).toBe(false);
  });
});
