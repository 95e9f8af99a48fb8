import { gzipSync } from 'node:zlib';
import { closedAddress } from '../fixtures/network.ts';
import { drip, faultyIndex, html, indexEnv, type MatrixCase, onPage, redirecting, status } from './lab.ts';
import { pageOf, startRaw, startServer } from './servers.ts';

/** The page of an index goes wrong. */
export const INDEX_CASES: readonly MatrixCase[] = [
  // The index's page
  {
    kind: 'index',
    fault: 'name does not exist',
    cause: 'dns',
    remedy: 'check-address',
    prepare: async () => ({
      host: 'index.ktx-matrix.invalid',
      env: indexEnv('https://index.ktx-matrix.invalid'),
    }),
  },
  {
    kind: 'index',
    fault: 'port closed',
    cause: 'refused',
    remedy: 'use-index',
    prepare: async () => {
      const url = await closedAddress();
      return { host: new URL(url).host, env: indexEnv(url) };
    },
  },
  {
    kind: 'index',
    fault: 'accepts and says nothing',
    cause: 'silence',
    remedy: 'retry',
    prepare: async (lab) => {
      const server = lab.keep(await startRaw(() => {}));
      return { host: server.host, env: indexEnv(server.url) };
    },
  },
  {
    kind: 'index',
    fault: 'https port hangs in the handshake',
    cause: 'no-answer',
    remedy: 'set-proxy',
    prepare: async (lab) => {
      const server = lab.keep(await startRaw(() => {}));
      return { host: server.host, env: indexEnv(`https://${server.host}`) };
    },
  },
  {
    kind: 'index',
    fault: 'reset before the answer',
    cause: 'broken-off',
    remedy: 'retry',
    prepare: async (lab) => {
      const server = lab.keep(
        await startRaw((socket) => socket.once('data', () => socket.resetAndDestroy())),
      );
      return { host: server.host, env: indexEnv(server.url) };
    },
  },
  {
    kind: 'index',
    fault: 'page truncated',
    cause: 'broken-off',
    remedy: 'retry',
    prepare: faultyIndex(
      onPage((response) => {
        response.writeHead(200, { 'content-type': 'text/html', 'content-length': 9000 });
        response.write('<a', () => response.destroy());
      }),
    ),
  },
  {
    kind: 'index',
    fault: 'drip of a byte at a time',
    cause: 'too-slow',
    remedy: 'use-index',
    prepare: faultyIndex(onPage((response) => drip(response, 90_000))),
  },
  {
    kind: 'index',
    fault: 'stops in the middle',
    cause: 'silence',
    remedy: 'retry',
    prepare: faultyIndex(
      onPage((response) =>
        response.writeHead(200, { 'content-type': 'text/html', 'content-length': 9000 }).write('<a'),
      ),
    ),
  },
  {
    kind: 'index',
    fault: '401, wrong login',
    cause: 'login',
    remedy: 'add-login',
    prepare: faultyIndex(onPage(status(401))),
  },
  {
    kind: 'index',
    fault: '403',
    cause: 'forbidden',
    remedy: 'ask-the-owner',
    prepare: faultyIndex(onPage(status(403))),
  },
  {
    kind: 'index',
    fault: '404, package missing',
    cause: 'not-found',
    remedy: 'use-index',
    prepare: faultyIndex(onPage(status(404))),
  },
  {
    kind: 'index',
    fault: '451, legal reasons',
    cause: 'legal-reasons',
    remedy: 'use-index',
    says: /for legal reasons in this place \(451\)/,
    prepare: faultyIndex(onPage(status(451))),
  },
  {
    kind: 'index',
    fault: '429 for an hour',
    cause: 'too-many-requests',
    remedy: 'retry',
    prepare: faultyIndex(onPage(status(429, { 'retry-after': '3600' }))),
  },
  {
    kind: 'index',
    fault: '429 for a moment',
    cause: null,
    prepare: faultyIndex(
      onPage((response, count) => count <= 2 && status(429, { 'retry-after': '1' })(response)),
      { UV_HTTP_RETRIES: '2' },
    ),
  },
  {
    kind: 'index',
    fault: '500',
    cause: 'server-error',
    remedy: 'retry',
    prepare: faultyIndex(onPage(status(500))),
  },
  {
    kind: 'index',
    fault: '503 for a moment',
    cause: null,
    prepare: faultyIndex(
      onPage((response, count) => count <= 2 && status(503)(response)),
      { UV_HTTP_RETRIES: '2' },
    ),
  },
  {
    kind: 'index',
    fault: 'captive portal, 200',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: faultyIndex(onPage(html)),
  },
  {
    kind: 'index',
    fault: 'captive portal, 511',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: faultyIndex(onPage(status(511))),
  },
  {
    kind: 'index',
    fault: 'captive portal, redirect',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: async (lab) => {
      const portal = lab.keep(await startServer((_, response) => html(response)));
      const given = await redirecting(lab, `${portal.url}/login`, onPage);
      return { ...given, host: portal.host };
    },
  },
  {
    kind: 'index',
    fault: 'plain text',
    cause: 'not-an-index',
    remedy: 'check-address',
    prepare: faultyIndex(
      onPage((response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('hello')),
    ),
  },
  {
    kind: 'index',
    fault: 'broken JSON',
    cause: 'not-an-index',
    remedy: 'use-index',
    prepare: faultyIndex(
      onPage((response) =>
        response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' }).end('{"files":'),
      ),
    ),
  },
  {
    kind: 'index',
    fault: 'empty page',
    cause: 'server-error',
    remedy: 'retry',
    prepare: faultyIndex(
      onPage((response) => response.writeHead(200, { 'content-type': 'text/html' }).end()),
    ),
  },
  {
    kind: 'index',
    fault: 'does not list the file',
    cause: 'not-found',
    remedy: 'use-index',
    prepare: faultyIndex(
      onPage((response) =>
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<a href="/files/click-0.1.tar.gz">click-0.1.tar.gz</a>'),
      ),
    ),
  },
  {
    kind: 'index',
    fault: 'lists another hash',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    says: /expected sha256 \w{64}[\s\S]*listed sha256 b{64}/,
    prepare: async (lab) =>
      faultyIndex(
        onPage((response) =>
          response
            .writeHead(200, { 'content-type': 'text/html' })
            .end(pageOf([{ ...lab.world.subject, sha256: 'b'.repeat(64) }], 'click')),
        ),
      )(lab),
  },
  {
    kind: 'index',
    fault: 'redirect loop',
    cause: 'redirect',
    remedy: 'check-address',
    prepare: faultyIndex(
      onPage((response) => response.writeHead(301, { location: '/simple/click/?again' }).end()),
    ),
  },
  {
    kind: 'index',
    fault: '301 to a blocked host',
    cause: 'blocked-redirect',
    remedy: 'ask-for-access',
    prepare: async (lab) => {
      const url = await closedAddress();
      return { ...(await redirecting(lab, `${url}/click/`, onPage)), host: new URL(url).host };
    },
  },
  {
    kind: 'index',
    fault: 'redirect from https to http',
    cause: 'redirect',
    remedy: 'use-index',
    prepare: async (lab) => {
      const server = lab.keep(
        await startServer(
          (_, response) => response.writeHead(302, { location: 'http://files.example/x' }).end(),
          lab.world.authority,
        ),
      );
      return {
        host: server.host,
        env: { ...indexEnv(server.url), SSL_CERT_FILE: lab.world.authority.caPath },
      };
    },
  },
  {
    kind: 'index',
    fault: 'not HTTP',
    cause: 'not-http',
    remedy: 'check-address',
    prepare: async (lab) => {
      const server = lab.keep(await startRaw((socket) => socket.end('SSH-2.0-OpenSSH_9\r\n')));
      return { host: server.host, env: indexEnv(server.url) };
    },
  },
  {
    kind: 'index',
    fault: 'gzip-encoded page',
    cause: null,
    prepare: async (lab) =>
      faultyIndex(
        onPage((response) =>
          response
            .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
            .end(gzipSync(pageOf(lab.world.files, 'click')!)),
        ),
      )(lab),
  },
  {
    kind: 'index',
    fault: 'damaged gzip',
    cause: 'not-http',
    remedy: 'use-index',
    prepare: faultyIndex(
      onPage((response) =>
        response
          .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
          .end('no gzip at all'),
      ),
    ),
  },
  {
    kind: 'index',
    fault: 'no-index, nothing else',
    cause: 'no-source',
    remedy: 'use-index',
    prepare: async () => ({ host: '', env: { PIP_NO_INDEX: '1' } }),
  },
];
