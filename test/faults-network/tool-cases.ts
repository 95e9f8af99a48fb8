import { closedAddress } from '../fixtures/network.ts';
import {
  alone,
  always,
  faultyIndex,
  html,
  type MatrixCase,
  mirror,
  NONE,
  onGet,
  status,
  withPackages,
} from './lab.ts';
import { type Fault, startRaw, startServer } from './servers.ts';

/** uv or Python cannot be had. */
export const TOOL_CASES: readonly MatrixCase[] = [
  // uv
  {
    kind: 'uv',
    fault: 'official hosts closed, index without uv',
    cause: 'refused',
    remedy: 'use-index',
    prepare: async (lab) => {
      const url = await closedAddress();
      const index = await faultyIndex(
        (request, response) => request.url === '/simple/uv/' && !!response.writeHead(404).end(),
      )(lab);
      return { host: new URL(url).host, env: { ...index.env, UV_ASTRAL_MIRROR_URL: url } };
    },
  },
  {
    kind: 'uv',
    fault: 'official hosts closed, index has uv',
    cause: null,
    prepare: async (lab) => {
      const index = await faultyIndex(NONE)(lab);
      return { ...index, env: { ...index.env, UV_ASTRAL_MIRROR_URL: await closedAddress() } };
    },
  },
  {
    kind: 'uv',
    fault: 'mirror: captive portal',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: mirror('UV_ASTRAL_MIRROR_URL', always(html)),
  },
  {
    kind: 'uv',
    fault: 'mirror: 403',
    cause: 'forbidden',
    remedy: 'ask-the-owner',
    prepare: mirror('UV_ASTRAL_MIRROR_URL', always(status(403))),
  },
  {
    kind: 'uv',
    fault: 'mirror: wrong bytes',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    prepare: async (lab) => {
      const given = await mirror(
        'UV_ASTRAL_MIRROR_URL',
        onGet((response) => response.end('rot')),
      )(lab);
      const index = await faultyIndex(NONE)(lab);
      return { ...given, env: { ...index.env, UV_ASTRAL_MIRROR_URL: given.env!['UV_ASTRAL_MIRROR_URL'] } };
    },
  },
  {
    kind: 'uv',
    fault: 'mirror: hangs',
    cause: 'silence',
    remedy: 'use-index',
    prepare: async (lab) => {
      const server = lab.keep(await startRaw(() => {}));
      const withoutUv: Fault = (request, response) =>
        request.url === '/simple/uv/' && !!response.writeHead(404).end();
      const index = await faultyIndex(withoutUv, { UV_HTTP_TIMEOUT: '3', UV_ASTRAL_MIRROR_URL: server.url })(
        lab,
      );
      return { ...index, host: server.host };
    },
  },
  {
    kind: 'uv',
    fault: 'mirror redirects to a blocked host',
    cause: 'blocked-redirect',
    remedy: 'ask-for-access',
    prepare: async (lab) => {
      const url = await closedAddress();
      const given = await mirror(
        'UV_ASTRAL_MIRROR_URL',
        always((response) => response.writeHead(302, { location: `${url}/x` }).end()),
      )(lab);
      return { ...given, host: new URL(url).host };
    },
  },
  {
    kind: 'uv',
    fault: '--offline, none here',
    cause: 'offline',
    remedy: 'copy-store',
    prepare: async () => ({
      host: '127.0.0.1:9',
      env: { PIP_NO_INDEX: '1', ...alone },
      options: { isOffline: true },
    }),
  },

  // Python
  {
    kind: 'python',
    fault: 'mirror: 404',
    cause: 'not-found',
    remedy: 'use-index',
    prepare: async (lab) => {
      const server = lab.keep(await startServer((_, response) => response.writeHead(404).end()));
      return {
        host: server.host,
        env: { UV_PYTHON_INSTALL_MIRROR: server.url, UV_ASTRAL_MIRROR_URL: server.url },
      };
    },
  },
  {
    kind: 'python',
    fault: 'mirror: 500',
    cause: 'server-error',
    remedy: 'retry',
    prepare: mirror('UV_PYTHON_INSTALL_MIRROR', always(status(500)), alone),
  },
  {
    kind: 'python',
    fault: 'mirror: captive portal',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: mirror('UV_PYTHON_INSTALL_MIRROR', always(html), alone),
  },
  {
    kind: 'python',
    fault: 'mirror: opened TLS',
    cause: 'tls-interception',
    remedy: 'choose-ca-file',
    says: /Acme Interception CA/,
    prepare: async (lab) => {
      const server = lab.keep(await startServer((_, response) => response.end(), lab.world.authority));
      return { host: server.host, env: { UV_PYTHON_INSTALL_MIRROR: server.url, ...alone } };
    },
  },
  {
    kind: 'python',
    fault: 'mirror: name does not exist',
    cause: 'dns',
    remedy: 'check-address',
    prepare: async () => ({
      host: 'python.ktx-matrix.invalid',
      env: { UV_PYTHON_INSTALL_MIRROR: 'https://python.ktx-matrix.invalid', ...alone },
    }),
  },
  {
    kind: 'python',
    fault: 'mirror: wrong bytes',
    cause: 'other-bytes',
    remedy: 'ask-the-owner',
    prepare: async (lab) =>
      withPackages(
        lab,
        mirror(
          'UV_PYTHON_INSTALL_MIRROR',
          onGet((response) => response.end('rot')),
          alone,
        ),
      ),
  },
  {
    kind: 'python',
    fault: 'mirror: truncated',
    cause: 'broken-off',
    remedy: 'retry',
    prepare: async (lab) =>
      withPackages(
        lab,
        mirror(
          'UV_PYTHON_INSTALL_MIRROR',
          onGet((response) => {
            response.writeHead(200, { 'content-length': 5000 });
            response.write('x', () => response.destroy());
          }),
          alone,
        ),
      ),
  },
];
