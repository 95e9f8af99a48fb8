import { closedAddress, startProxy } from '../fixtures/network.ts';
import { behindProxy, faultyIndex, indexEnv, type MatrixCase, NONE, secureIndex } from './lab.ts';
import { indexListener, startDivertingProxy, startRaw, startServer } from './servers.ts';

/** The way to an index goes wrong: TLS and proxies. */
export const WAY_CASES: readonly MatrixCase[] = [
  // TLS
  {
    kind: 'index',
    fault: 'authority not known',
    cause: 'tls-interception',
    remedy: 'choose-ca-file',
    says: /Acme Interception CA/,
    prepare: secureIndex((world) => world.authority, false),
  },
  {
    kind: 'index',
    fault: 'authority in SSL_CERT_FILE',
    cause: null,
    prepare: secureIndex((world) => world.authority, true),
  },
  {
    kind: 'index',
    fault: 'SSL_CERT_FILE dangling',
    cause: 'tls-interception',
    remedy: 'choose-ca-file',
    prepare: secureIndex((world) => world.authority, false, { SSL_CERT_FILE: '/nowhere/ca.pem' }),
  },
  {
    kind: 'index',
    fault: 'certificate expired',
    cause: 'certificate-expired',
    remedy: 'check-clock',
    prepare: secureIndex((world) => world.expired, true),
  },
  {
    kind: 'index',
    fault: 'certificate for another name',
    cause: 'certificate-name',
    remedy: 'sign-in',
    prepare: secureIndex((world) => world.otherName, true),
  },
  {
    kind: 'index',
    fault: 'http on the https port',
    cause: 'tls',
    remedy: 'check-address',
    prepare: async (lab) => {
      const server = lab.keep(await startServer((_, response) => response.end()));
      return { host: server.host, env: indexEnv(`https://${server.host}`) };
    },
  },

  // Proxies
  {
    kind: 'index',
    fault: 'proxy requires a login (CONNECT)',
    cause: 'proxy-login',
    remedy: 'proxy-login',
    prepare: behindProxy(() => startProxy({ status: 407 })),
  },
  {
    kind: 'index',
    fault: 'proxy requires a login (http)',
    cause: 'proxy-login',
    remedy: 'proxy-login',
    prepare: async (lab) => {
      const given = await faultyIndex(NONE)(lab);
      const proxy = lab.keep(await startProxy({ status: 407 }));
      return { ...given, env: { ...given.env, HTTP_PROXY: proxy.url } };
    },
  },
  {
    kind: 'index',
    fault: 'proxy refuses the host (403)',
    cause: 'proxy-refused',
    remedy: 'ask-for-access',
    prepare: behindProxy(() => startProxy({ status: 403 })),
  },
  {
    kind: 'index',
    fault: 'proxy port closed',
    cause: 'proxy-unreachable',
    remedy: 'check-proxy',
    prepare: behindProxy(closedAddress),
  },
  {
    kind: 'index',
    fault: 'proxy name does not exist',
    cause: 'proxy-unreachable',
    remedy: 'bypass-proxy',
    says: /proxy\.ktx-matrix\.invalid/,
    prepare: behindProxy(async () => 'http://proxy.ktx-matrix.invalid:3128'),
  },
  {
    kind: 'index',
    fault: 'proxy says nothing',
    cause: 'proxy-unreachable',
    remedy: 'check-proxy',
    prepare: behindProxy(() => startRaw(() => {})),
  },
  {
    kind: 'index',
    fault: 'SOCKS proxy',
    cause: 'proxy-unsupported',
    remedy: 'set-proxy',
    prepare: behindProxy(async () => 'socks5://p:proxy-pass-word@127.0.0.1:1080'),
  },
  {
    kind: 'index',
    fault: 'proxy with the right login',
    cause: null,
    prepare: behindProxy(() => startProxy()),
  },
  {
    kind: 'index',
    fault: 'dead proxy, host in NO_PROXY',
    cause: null,
    prepare: behindProxy(closedAddress, () => ({ NO_PROXY: 'x.example,127.0.0.0/8' })),
  },
  {
    kind: 'index',
    fault: 'proxy from npm alone',
    cause: null,
    prepare: async (lab) => {
      const given = await secureIndex((world) => world.authority, true)(lab);
      const proxy = lab.keep(await startProxy());
      return { ...given, env: { ...given.env, npm_config_https_proxy: proxy.url } };
    },
  },
  {
    kind: 'index',
    fault: 'proxy opens the TLS',
    cause: 'tls-interception',
    remedy: 'choose-ca-file',
    says: /Acme Interception CA/,
    prepare: async (lab) => {
      const inside = lab.keep(await startServer(indexListener(lab.world.files, NONE), lab.world.authority));
      const proxy = lab.keep(await startDivertingProxy(inside));
      const [, port] = inside.host.split(':');
      return {
        host: `127.0.0.1:${port}`,
        env: { ...indexEnv(`https://127.0.0.1:${port}`), HTTPS_PROXY: proxy.url },
      };
    },
  },
  {
    kind: 'index',
    fault: 'proxy opens the TLS, its CA is known',
    cause: null,
    prepare: async (lab) => {
      const inside = lab.keep(await startServer(indexListener(lab.world.files, NONE), lab.world.authority));
      const proxy = lab.keep(await startDivertingProxy(inside));
      return {
        host: inside.host,
        env: {
          ...indexEnv('https://127.0.0.1:1'),
          HTTPS_PROXY: proxy.url,
          SSL_CERT_FILE: lab.world.authority.caPath,
        },
      };
    },
  },
];
