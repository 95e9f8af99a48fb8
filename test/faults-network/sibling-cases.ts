import { dirname } from 'node:path';
import {
  faultyIndex,
  html,
  indexEnv,
  type MatrixCase,
  NONE,
  onFile,
  onPage,
  secureIndex,
  status,
  withLogin,
} from './lab.ts';
import { indexListener, startServer, startTalkingProxy } from './servers.ts';
import { authorityInFiles, indexInFiles, ownCertificate, wantsCertificate } from './setting-lab.ts';

/** An https index behind a proxy that uv.toml alone names. */
const proxyInUvToml = (fault: string, toml: (address: string) => string): MatrixCase => ({
  kind: 'index',
  fault,
  cause: null,
  prepare: async (lab) => {
    const index = await secureIndex((world) => world.authority, true)(lab);
    const proxy = lab.keep(await startTalkingProxy(() => null));
    return {
      ...index,
      files: { '.config/uv/uv.toml': toml(proxy.host) },
      check: () => (proxy.requests.length > 0 ? null : 'the proxy was not asked'),
    };
  },
});

/** Inputs that the tests of uv, pip and npm put to their tools; `test/siblings.ts` says which test each is after. */
export const SIBLING_CASES: readonly MatrixCase[] = [
  proxyInUvToml('uv.toml: https-proxy', (address) => `https-proxy = "http://${address}"\n`),
  proxyInUvToml('uv.toml: https-proxy without a scheme', (address) => `https-proxy = "${address}"\n`),
  {
    kind: 'index',
    fault: 'uv.toml: no-proxy over a dead proxy',
    cause: null,
    prepare: async (lab) => ({
      ...(await faultyIndex(NONE)(lab)),
      files: { '.config/uv/uv.toml': 'http-proxy = "http://127.0.0.1:9"\nno-proxy = ["127.0.0.1"]\n' },
    }),
  },
  {
    kind: 'index',
    fault: 'uv.toml: a proxy that is no address',
    cause: 'setting',
    remedy: 'check-settings',
    prepare: async () => ({
      host: '',
      env: { PIP_INDEX_URL: 'https://index.ktx-matrix.invalid/simple' },
      files: { '.config/uv/uv.toml': 'https-proxy = "http://[proxy-pass-word"\n' },
    }),
  },
  {
    kind: 'wheel',
    fault: '403 with problem details (RFC 9457)',
    cause: 'forbidden',
    says: /it says: .*License Compliance Issue/,
    prepare: faultyIndex(
      onFile(
        (response) =>
          response.writeHead(403, { 'content-type': 'application/problem+json' }).end(
            JSON.stringify({
              type: 'about:blank',
              status: 403,
              title: 'License Compliance Issue',
              detail: 'This package version has a license that violates organizational policy.',
            }),
          ),
        true,
      ),
    ),
  },
  {
    kind: 'index',
    fault: 'client certificate of another authority',
    cause: 'broken-off',
    remedy: 'set-client-certificate',
    prepare: wantsCertificate(({ world }) => ({ 'me.pem': `${world.expired.key}\n${world.expired.cert}` }), {
      SSL_CLIENT_CERT: '~/me.pem',
    }),
  },
  {
    kind: 'index',
    fault: 'client certificate, PIP_CLIENT_CERT=~/…',
    cause: null,
    prepare: wantsCertificate((lab) => ({ 'me.pem': ownCertificate(lab) }), { PIP_CLIENT_CERT: '~/me.pem' }),
  },
  {
    kind: 'index',
    fault: 'PIP_FIND_LINKS=~/wheels',
    cause: null,
    prepare: async ({ world }) => {
      const { readFileSync } = await import('node:fs');
      const files = { [`wheels/${world.subject.file}`]: readFileSync(world.subject.path) };
      return { host: '', files, env: { PIP_FIND_LINKS: '~/wheels', PIP_NO_INDEX: '1' } };
    },
  },
  {
    kind: 'index',
    fault: 'authority in a bundle with a broken one before it',
    cause: null,
    prepare: authorityInFiles(
      (pem) => ({
        'all.pem': `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${pem}`,
      }),
      { SSL_CERT_FILE: '~/all.pem' },
    ),
  },
  {
    kind: 'index',
    fault: 'SSL_CERT_DIR: several folders, one is missing',
    cause: null,
    prepare: async (lab) => {
      const given = await authorityInFiles((pem) => ({ 'certs/any-name.pem': pem }))(lab);
      return { ...given, env: { ...given.env, SSL_CERT_DIR: `/nowhere/certs:~/certs` } };
    },
  },
  {
    kind: 'index',
    fault: 'page redirected to a file: address',
    cause: 'redirect',
    prepare: async (lab) => {
      const location = `file://${dirname(lab.world.subject.path)}/`;
      return faultyIndex(onPage((response) => response.writeHead(302, { location }).end()))(lab);
    },
  },
  {
    kind: 'index',
    fault: 'page redirected to nowhere (Location is empty)',
    cause: 'redirect',
    prepare: faultyIndex(onPage((response) => response.writeHead(302, { location: '' }).end())),
  },
  {
    kind: 'index',
    fault: 'http to an IPv6 address, with a login',
    cause: null,
    prepare: async (lab) => {
      const server = lab.keep(await startServer(indexListener(lab.world.files, NONE), undefined, '::1'));
      return { host: server.host, env: indexEnv(server.url) };
    },
  },
  {
    kind: 'index',
    fault: 'npmrc: a variable between others, one of them escaped',
    cause: null,
    prepare: async (lab) => ({
      ...(await faultyIndex(NONE)(lab)),
      files: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
        '.npmrc': 'init-author-name=\\${x}${y?}z\nnoproxy=${NOPE?}127.0.0.1\nproxy=http://127.0.0.1:9\n',
      },
    }),
  },
  {
    kind: 'index',
    fault: 'two indexes on one host, a login each',
    cause: null,
    prepare: async (lab) => {
      const server = lab.keep(
        await startServer((request, response) => {
          const isOther = request.url!.startsWith('/other/');
          if (isOther) {
            const wanted = `Basic ${Buffer.from('you:matrix-pass-word').toString('base64')}`;
            return response.writeHead(request.headers.authorization === wanted ? 404 : 401).end();
          }
          return indexListener(lab.world.files, NONE)(request, response);
        }),
      );
      const other = server.url.replace('://', '://you:matrix-pass-word@');
      return {
        host: server.host,
        env: { UV_INDEX: `${other}/other/simple`, UV_DEFAULT_INDEX: `${withLogin(server.url)}/simple` },
      };
    },
  },
  {
    kind: 'index',
    fault: 'netrc: another user than the address names',
    cause: 'login',
    prepare: async (lab) => {
      const given = await indexInFiles((server) => ({
        '.netrc': `machine ${server.host.replace(/:\d+$/, '')} login you password x`,
      }))(lab);
      return { ...given, env: { PIP_INDEX_URL: `http://me@${given.host}/simple` } };
    },
  },
  {
    kind: 'index',
    fault: 'index that reads on for 3 s before its first byte',
    cause: null,
    prepare: async (lab) => {
      const given = await faultyIndex((request, response) => {
        if (request.method !== 'GET' || !request.url!.startsWith('/simple/click')) return false;
        const answer = indexListener(lab.world.files, NONE);
        setTimeout(() => answer(request, response), 3000);
        return true;
      })(lab);
      return { ...given, env: { ...given.env, UV_HTTP_TIMEOUT: '20' } };
    },
  },
  {
    kind: 'index',
    fault: 'proxy that answers CONNECT with a web page and 200',
    cause: 'proxy-broken-off',
    prepare: async (lab) => {
      const index = await secureIndex((world) => world.authority, true)(lab);
      const proxy = lab.keep(await startServer((_, response) => void html(response)));
      return { ...index, host: '', env: { ...index.env, HTTPS_PROXY: proxy.url } };
    },
  },
  {
    kind: 'index',
    fault: '401 on each page, a login in another index alone',
    cause: 'login',
    remedy: 'add-login',
    prepare: faultyIndex(onPage(status(401))),
  },
];
