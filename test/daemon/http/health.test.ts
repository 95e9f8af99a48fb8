import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { answersHealthy, daemonHealthProblem } from '../../../src/daemon/http/health.ts';
import { accessToken } from '../../../src/daemon/http/proof.ts';
import { answer, CLI_VERSION, HEALTHY, loopbackServer } from '../../fixtures/daemon.ts';

const asked = { cliVersion: CLI_VERSION, timeoutMs: 5000 };
const STRANGER = /^Another process answers at http:/;

describe('daemonHealthProblem', () => {
  const secret = 'ab'.repeat(32);
  /** Answers like a daemon with a secret. */
  const daemonWith = (known: string | null, port?: number) =>
    loopbackServer((request, response) => {
      const challenge = request.headers['x-ktx-challenge'];
      const message = `ktx-daemon\nproof\n${port ?? request.socket.localPort}\n${challenge}`;
      if (known !== null && challenge !== undefined)
        response.setHeader(
          'x-ktx-proof',
          createHmac('sha256', Buffer.from(known, 'hex')).update(message).digest('hex'),
        );
      response.end(JSON.stringify(HEALTHY));
    });

  it.each([
    ['right', secret, undefined, false, null],
    ['of another secret', 'cd'.repeat(32), undefined, false, STRANGER],
    ['of another secret, though it is optional', 'cd'.repeat(32), undefined, true, STRANGER],
    ['of the daemon at another port, passed on', secret, 58731, false, STRANGER],
    ['missing', null, undefined, false, STRANGER],
    ['missing, and optional', null, undefined, true, null],
  ])('the real transport and a proof that is %s', async (_name, known, port, isProofOptional, problem) => {
    const { baseUrl } = await daemonWith(known, port);
    const found = await daemonHealthProblem({ ...asked, baseUrl, secret, isProofOptional });
    expect(found).toEqual(problem === null ? null : expect.stringMatching(problem));
  });

  it('an injected fetch gives no proof and needs none', async () => {
    const fetch = async () => answer(HEALTHY);
    expect(await daemonHealthProblem({ ...asked, baseUrl: 'http://127.0.0.1:1', secret, fetch })).toBeNull();
  });

  it('shows another process neither the secret nor a reusable token', async () => {
    const heard: string[] = [];
    const { baseUrl } = await loopbackServer((request, response) => {
      heard.push(JSON.stringify(request.headers));
      response.end(JSON.stringify(HEALTHY));
    });
    await daemonHealthProblem({ ...asked, baseUrl, secret });
    await daemonHealthProblem({ ...asked, baseUrl, secret });
    expect(heard.join()).not.toContain(secret);
    expect(heard.join()).not.toContain(accessToken(secret));
    const [first, second] = heard.map((headers) => JSON.parse(headers).authorization);
    expect(first).toMatch(/^Bearer [0-9a-f]{64}$/);
    expect(second).not.toBe(first);
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
    const module = new URL('../../../src/daemon/http/health.ts', import.meta.url).href;
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
    // Node's global agent does use it, so the environment did point to the proxy.
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

  it('is false for an invalid address, and for silence', async () => {
    const { baseUrl } = await loopbackServer(() => {});
    expect(await answersHealthy(baseUrl, 20)).toBe(false);
    expect(await answersHealthy('http://[', 20)).toBe(false);
  });
});
