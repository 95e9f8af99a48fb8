import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProxy, type TestAuthority } from '../fixtures/network.ts';
import type { World } from '../fixtures/network-world.ts';
import { behindProxy, faultyIndex, indexEnv, type MatrixCase, NONE, secureIndex } from './lab.ts';
import { indexListener, type ProxyReply, startRaw, startServer, startTalkingProxy } from './servers.ts';

const answering =
  (status: string, ...headers: string[]): ProxyReply =>
  () =>
    `HTTP/1.1 ${[status, ...headers, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;

/** A proxy that answers every CONNECT so; its login is set. */
const connect = (
  fault: string,
  reply: ProxyReply,
  more: Pick<MatrixCase, 'cause' | 'remedy' | 'says'>,
): MatrixCase => ({
  kind: 'index',
  fault: `CONNECT: ${fault}`,
  ...more,
  prepare: behindProxy(() => startTalkingProxy(reply)),
});

/** A proxy over TLS whose authority is trusted, and whose certificate is wrong all the same. */
const tlsProxy = (fault: string, certificate: (world: World) => TestAuthority, says: RegExp): MatrixCase => ({
  kind: 'index',
  fault,
  cause: 'proxy-certificate',
  remedy: 'check-proxy',
  says,
  prepare: async (lab) => {
    const index = await secureIndex((world) => world.authority, true)(lab);
    const credentials = certificate(lab.world);
    const both = join(await lab.dir(), 'both.pem');
    await writeFile(both, `${lab.world.authority.caPem}\n${credentials.caPem}`);
    const proxy = lab.keep(await startTalkingProxy(() => null, { credentials }));
    return { ...index, env: { ...index.env, SSL_CERT_FILE: both, HTTPS_PROXY: proxy.url } };
  },
});

/** All patience that a person has, for cases that take their time. */
const PATIENT = { UV_HTTP_TIMEOUT: '12', UV_HTTP_CONNECT_TIMEOUT: '12' };

/** Proxies that are reached and do not let us through, and all that is slow. */
export const PROXY_CASES: readonly MatrixCase[] = [
  // pypa/pip 9216, 9190, 10893; urllib3/urllib3 2105
  {
    kind: 'index',
    fault: 'https:// proxy that speaks http',
    cause: 'proxy-scheme',
    remedy: 'set-proxy',
    says: /ktx admin network set proxy http:\/\/127\.0\.0\.1/,
    prepare: behindProxy(async () => {
      const proxy = await startProxy();
      return { ...proxy, url: `https://${proxy.host}` };
    }),
  },
  {
    kind: 'index',
    fault: 'https:// proxy that hangs up',
    cause: 'proxy-scheme',
    remedy: 'check-proxy',
    prepare: behindProxy(async () => {
      const proxy = await startRaw((socket) => socket.once('data', () => socket.destroy()));
      return { ...proxy, url: `https://${proxy.host}` };
    }),
  },
  {
    kind: 'index',
    fault: 'http:// proxy that is none',
    cause: 'proxy-scheme',
    remedy: 'check-proxy',
    prepare: behindProxy(() => startRaw((socket) => socket.end('SSH-2.0-OpenSSH_9\r\n'))),
  },
  {
    kind: 'index',
    fault: 'proxy hangs up',
    cause: 'proxy-broken-off',
    remedy: 'check-proxy',
    prepare: behindProxy(() => startRaw((socket) => socket.once('data', () => socket.destroy()))),
  },
  {
    kind: 'index',
    fault: "proxy's own certificate not trusted",
    cause: 'proxy-certificate',
    remedy: 'choose-ca-file',
    says: /certificate signed by: Acme Interception CA/,
    prepare: async (lab) => {
      const index = await secureIndex((world) => world.authority, false)(lab);
      const proxy = lab.keep(await startTalkingProxy(() => null, { credentials: lab.world.authority }));
      return { ...index, env: { ...index.env, HTTPS_PROXY: proxy.url } };
    },
  },
  tlsProxy(
    "proxy's certificate has expired, its CA is known",
    (world) => world.expired,
    /has expired, or is not/,
  ),
  tlsProxy(
    "proxy's certificate is for another name",
    (world) => world.otherName,
    /certificate for another name/,
  ),
  {
    kind: 'index',
    fault: 'proxy over TLS',
    cause: null,
    prepare: async (lab) => {
      const index = await secureIndex((world) => world.authority, true)(lab);
      const proxy = lab.keep(await startTalkingProxy(() => null, { credentials: lab.world.authority }));
      return { ...index, env: { ...index.env, HTTPS_PROXY: proxy.url } };
    },
  },
  connect(
    '503, the name is not known there',
    answering('503 Service Unavailable', 'X-Squid-Error: ERR_DNS_FAIL 0'),
    {
      cause: 'proxy-dns',
      remedy: 'bypass-proxy',
      says: /ERR_DNS_FAIL 0/,
    },
  ),
  connect('502', answering('502 Bad Gateway'), { cause: 'proxy-upstream', remedy: 'bypass-proxy' }),
  connect(
    '302 to a sign-in page',
    answering('302 Found', 'Location: https://login.example/auth?token=matrix-query-secret'),
    {
      cause: 'captive-portal',
      remedy: 'sign-in',
      says: /Open https:\/\/login\.example\/auth\?\*{4} in a browser/,
    },
  ),
  connect('511', answering('511 Network Authentication Required'), {
    cause: 'captive-portal',
    remedy: 'sign-in',
  }),
  // pypa/pip 1182, 3020
  connect(
    '407, Negotiate and NTLM alone',
    answering('407 No', 'Proxy-Authenticate: Negotiate', 'Proxy-Authenticate: NTLM'),
    {
      cause: 'proxy-login',
      remedy: 'translating-proxy',
      says: /requires a login by Negotiate or NTLM[\s\S]*cntlm or px/,
    },
  ),
  connect(
    '407, Basic among others',
    answering('407 No', 'Proxy-Authenticate: Negotiate, Basic realm="a, NTLM"'),
    {
      cause: 'proxy-login',
      remedy: 'proxy-login',
      says: /does not accept the login \(407\)/,
    },
  ),
  connect(
    '407 with words of its own',
    answering('407 Forefront TMG requires authorization', 'Proxy-Authenticate: NTLM'),
    {
      cause: 'proxy-login',
      says: /it says: Forefront TMG requires authorization/,
    },
  ),
  connect('403 with words of its own', answering('403 category software denied'), {
    cause: 'proxy-refused',
    remedy: 'ask-for-access',
    says: /it says: category software denied/,
  }),
  {
    kind: 'index',
    fault: 'http through a proxy: name not known there',
    cause: 'proxy-dns',
    remedy: 'bypass-proxy',
    prepare: async (lab) => {
      const proxy = lab.keep(
        await startServer((_, response) =>
          response.writeHead(503, { 'x-squid-error': 'ERR_DNS_FAIL 0' }).end('<html>'),
        ),
      );
      return {
        host: 'index.ktx-matrix.example',
        env: { ...indexEnv('http://index.ktx-matrix.example'), HTTP_PROXY: proxy.url },
      };
    },
  },

  // IPv6 addresses
  {
    kind: 'index',
    fault: 'https to an IPv6 address',
    cause: null,
    prepare: async (lab) => {
      const { authority, files } = lab.world;
      const server = lab.keep(await startServer(indexListener(files, NONE), authority, '::1'));
      return { host: server.host, env: { ...indexEnv(server.url), SSL_CERT_FILE: authority.caPath } };
    },
  },
  {
    kind: 'index',
    fault: 'https to an IPv6 address, proxied',
    cause: null,
    prepare: async (lab) => {
      const { authority, files } = lab.world;
      const server = lab.keep(await startServer(indexListener(files, NONE), authority, '::1'));
      const proxy = lab.keep(await startTalkingProxy(() => null));
      return {
        host: server.host,
        env: { ...indexEnv(server.url), SSL_CERT_FILE: authority.caPath, HTTPS_PROXY: proxy.url },
      };
    },
  },
  {
    kind: 'index',
    fault: 'IPv6 address in NO_PROXY, dead proxy',
    cause: null,
    prepare: async (lab) => {
      const { authority, files } = lab.world;
      const server = lab.keep(await startServer(indexListener(files, NONE), authority, '::1'));
      const env = { SSL_CERT_FILE: authority.caPath, HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '[::1]' };
      return { host: server.host, env: { ...indexEnv(server.url), ...env } };
    },
  },

  // Slow is not closed. astral-sh/uv 15582, 17697; pypa/pip 13078
  {
    kind: 'index',
    fault: 'proxy that needs 3 s for each CONNECT',
    cause: null,
    says: /is slow: no answer yet, still asking/,
    prepare: async (lab) => {
      const index = await secureIndex((world) => world.authority, true, PATIENT)(lab);
      const proxy = lab.keep(await startTalkingProxy(() => null, { delayMs: 3000 }));
      return { ...index, env: { ...index.env, HTTPS_PROXY: proxy.url } };
    },
  },
  {
    kind: 'index',
    fault: 'index that needs 3 s for each page',
    cause: null,
    says: /is slow: no answer yet/,
    prepare: async (lab) => {
      const listener = indexListener(lab.world.files, NONE);
      const server = lab.keep(
        await startServer((request, response) => void setTimeout(() => listener(request, response), 3000)),
      );
      return { host: server.host, env: { ...indexEnv(server.url), ...PATIENT } };
    },
  },
  {
    kind: 'uv',
    fault: 'slow index, official hosts closed',
    cause: null,
    prepare: async (lab) => {
      const listener = indexListener(lab.world.files, NONE);
      const server = lab.keep(
        await startServer((request, response) => void setTimeout(() => listener(request, response), 2500)),
      );
      return {
        host: server.host,
        env: { ...indexEnv(server.url), ...PATIENT, UV_ASTRAL_MIRROR_URL: 'http://127.0.0.1:9' },
      };
    },
  },
  {
    kind: 'uv',
    fault: 'silent official host, index has uv',
    cause: null,
    prepare: async (lab) => {
      const index = await faultyIndex(NONE, PATIENT)(lab);
      const silent = lab.keep(await startRaw(() => {}));
      return { ...index, env: { ...index.env, UV_ASTRAL_MIRROR_URL: silent.url } };
    },
  },
  {
    kind: 'index',
    fault: 'proxy that answers no CONNECT in time',
    cause: 'proxy-unreachable',
    remedy: 'check-proxy',
    says: /is slow: no answer yet/,
    prepare: behindProxy(
      () => startRaw(() => {}),
      () => ({ UV_HTTP_CONNECT_TIMEOUT: '2' }),
    ),
  },
];
