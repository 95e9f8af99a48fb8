import { readFileSync } from 'node:fs';
import type { TestServer } from '../fixtures/network.ts';
import {
  faultyIndex,
  indexEnv,
  type Lab,
  type MatrixCase,
  NONE,
  onPage,
  type Prepared,
  secureIndex,
  status,
} from './lab.ts';
import { indexListener, LOGIN, pageOf, startServer, startTalkingProxy } from './servers.ts';

type Prepare = MatrixCase['prepare'];

/** A proxy that lets only this login through, before an https index whose authority is known. */
const choosyProxy =
  (username: string, settings: (address: string) => Pick<Prepared, 'env' | 'files'>): Prepare =>
  async (lab) => {
    const index = await secureIndex((world) => world.authority, true)(lab);
    const wanted = `Basic ${Buffer.from(`${username}:proxy-pass-word`).toString('base64')}`;
    const proxy = lab.keep(
      await startTalkingProxy(({ headers }) =>
        headers['proxy-authorization'] === wanted ? null : 'HTTP/1.1 407 No\r\n\r\n',
      ),
    );
    const { env, files } = settings(proxy.host);
    return {
      ...index,
      env: { ...index.env, ...env },
      ...(files ? { files } : {}),
      check: () => (proxy.requests.length > 0 ? null : 'the proxy was not asked'),
    };
  };

/** Settings that are refused, and of which nothing is shown. */
const refused = (name: string, value: string): MatrixCase => ({
  kind: 'index',
  fault: `${name}: ${value.replace(/\w+-pass-word/, 'password').slice(0, 34)}`,
  cause: 'setting',
  remedy: 'check-settings',
  says: new RegExp(
    `${name} is not an address[\\s\\S]*(?:encode the password|quotes|not an address|variable)`,
  ),
  prepare: async () => ({ host: '', env: { [name]: value } }),
});

/** An index that is named in a file of the home alone. */
const indexInFiles =
  (files: (index: TestServer) => Prepared['files'], env: NodeJS.ProcessEnv = {}): Prepare =>
  async (lab) => {
    const server = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
    const named = files({ ...server, url: server.url.replace('://', '://me:matrix-pass-word@') });
    return { host: server.host, files: named, env };
  };

/** An https index; what knows its authority is in the home. */
const authorityInFiles =
  (files: (pem: string) => Prepared['files'], env: NodeJS.ProcessEnv = {}): Prepare =>
  async (lab) => {
    const given = await secureIndex((world) => world.authority, false)(lab);
    return { ...given, files: files(lab.world.authority.caPem), env: { ...given.env, ...env } };
  };

/** An https index that wants a client certificate; the one it accepts is the leaf of the same authority. */
const wantsCertificate =
  (files: (lab: Lab) => Prepared['files'], env: NodeJS.ProcessEnv): Prepare =>
  async (lab) => {
    const { authority, files: wheels } = lab.world;
    const options = { ...authority, ca: authority.caPem, requestCert: true, rejectUnauthorized: true };
    const server = lab.keep(await startServer(indexListener(wheels, NONE), options));
    return {
      host: server.host,
      files: files(lab),
      env: { ...indexEnv(server.url), SSL_CERT_FILE: authority.caPath, ...env },
    };
  };
const ownCertificate = ({ world }: Lab) => `${world.authority.key}\n${world.authority.cert}`;

const der = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

/** An index without the login in its address. */
const withNetrc =
  (netrc: (host: string) => string, address: (url: string) => string = (url) => url): Prepare =>
  async (lab) => {
    const server = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
    const hostname = server.host.replace(/:\d+$/, '');
    return {
      host: server.host,
      files: { '.netrc': netrc(hostname) },
      env: { PIP_INDEX_URL: `${address(server.url)}/simple` },
    };
  };

/** What is set, in the ways in which pip, uv, npm and curl understand it. */
export const SETTING_CASES: readonly MatrixCase[] = [
  // Logins in addresses. pypa/pip 3020: the domain of a company before the user.
  {
    kind: 'index',
    fault: 'proxy login with a domain',
    cause: null,
    prepare: choosyProxy('CORP\\jdoe', (host) => ({
      env: { HTTPS_PROXY: `http://CORP\\jdoe:proxy-pass-word@${host}` },
    })),
  },
  {
    kind: 'index',
    fault: 'proxy login with a domain, no scheme',
    cause: null,
    prepare: choosyProxy('CORP\\jdoe', (host) => ({
      env: { HTTPS_PROXY: `CORP\\jdoe:proxy-pass-word@${host}` },
    })),
  },
  {
    kind: 'index',
    fault: 'proxy login with a domain, pip.conf',
    cause: null,
    prepare: choosyProxy('CORP\\jdoe', (host) => ({
      files: { '.config/pip/pip.conf': `[global]\nproxy = http://CORP\\jdoe:proxy-pass-word@${host}\n` },
    })),
  },
  {
    kind: 'index',
    fault: 'proxy login with an @, npmrc',
    cause: null,
    prepare: choosyProxy('jdoe@corp.example', (host) => ({
      files: { '.npmrc': `https-proxy = "http://jdoe@corp.example:proxy-pass-word@${host}"\n` },
    })),
  },
  // pypa/pip 6974: a percent sign that encodes nothing.
  {
    kind: 'index',
    fault: 'proxy login with a %',
    cause: null,
    prepare: choosyProxy('100%', (host) => ({
      env: { HTTPS_PROXY: `http://100%:proxy%2Dpass-word@${host}` },
    })),
  },
  refused('HTTPS_PROXY', 'http://u:12/proxy-pass-word@p.invalid:8080'),
  refused('HTTPS_PROXY', '"http://p:proxy-pass-word@p.invalid:1"'),
  refused('HTTPS_PROXY', 'http://p:12?proxy-pass-word@p.invalid:8080'),
  // astral-sh/uv 14837: pasted from a page that made a link of it.
  refused('HTTPS_PROXY', 'http://[10.101.3.14:3128](proxy-pass-word:3128)'),
  refused('UV_INDEX_URL', 'https://u:20#matrix-pass-word@s.invalid/simple'),
  // pypa/pip 4315
  refused('PIP_INDEX_URL', 'https://me:matrix/@matrix-pass-word@s.invalid/simple'),
  refused('UV_FIND_LINKS', "'https://me:matrix-pass-word@s.invalid/links'"),
  refused('UV_PYTHON_INSTALL_MIRROR', 'https://me:1/matrix-pass-word@[::1]:8080/'),
  {
    kind: 'index',
    fault: 'index address with a token in its query',
    cause: null,
    says: /simple\?\*{4}|idna/,
    prepare: async (lab) => {
      const given = await faultyIndex((request) => {
        // The token stays behind the path of the project's page.
        request.url = request.url!.replace('?token=matrix-query-secret', '');
        return false;
      })(lab);
      return { ...given, env: { PIP_INDEX_URL: `${given.env!['PIP_INDEX_URL']}?token=matrix-query-secret` } };
    },
  },

  // pip.conf
  {
    kind: 'index',
    fault: 'pip.conf in UTF-16',
    cause: null,
    says: /is in UTF-16/,
    prepare: indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': Buffer.from(`\uFEFF[global]\r\nindex-url = ${url}/simple\r\n`, 'utf16le'),
    })),
  },
  {
    kind: 'index',
    fault: 'pip.conf without a section',
    cause: null,
    says: /before the first section/,
    prepare: indexInFiles(({ url }) => ({ '.config/pip/pip.conf': `index-url = ${url}/simple\n` })),
  },
  {
    kind: 'index',
    fault: 'pip.conf, all options indented',
    cause: null,
    prepare: indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': `[global]\n  index-url = ${url}/simple\n  timeout = 9\n  no-input = true\n`,
    })),
  },
  {
    kind: 'index',
    fault: 'pip.conf, names with dashes before them',
    cause: null,
    prepare: indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': `[global]\n--index-url = ${url}/simple\n`,
    })),
  },
  // motioneye-project/motioneye 2905: pip stops at a name that stands twice.
  {
    kind: 'index',
    fault: 'pip.conf, a name twice',
    cause: null,
    says: /set twice/,
    prepare: indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': `[global]\nindex-url = http://127.0.0.1:9/\nindex-url = ${url}/simple\n`,
    })),
  },
  {
    kind: 'index',
    fault: 'pip.conf, [install] over [global]',
    cause: null,
    prepare: indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': `[install]\nindex-url = ${url}/simple\n[global]\nindex-url = http://127.0.0.1:9/\n`,
    })),
  },
  {
    kind: 'index',
    fault: 'pip timeout longer than the answer takes',
    cause: null,
    prepare: async (lab) => {
      const fault = onPage(
        (response) => void setTimeout(() => response.end(pageOf(lab.world.files, 'idna')), 2500),
      );
      const given = await faultyIndex((request, response, count) => {
        if (request.headers.authorization === LOGIN) response.setHeader('content-type', 'text/html');
        return fault(request, response, count);
      })(lab);
      return {
        ...given,
        env: { ...given.env, UV_HTTP_TIMEOUT: '', UV_HTTP_CONNECT_TIMEOUT: '', PIP_TIMEOUT: '9.5' },
      };
    },
  },
  {
    kind: 'index',
    fault: 'a keyring that nobody reads',
    cause: 'login',
    remedy: 'add-login',
    says: /note: UV_KEYRING_PROVIDER is set and not obeyed/,
    prepare: faultyIndex(onPage(status(401)), { UV_KEYRING_PROVIDER: 'subprocess' }),
  },
  {
    kind: 'index',
    fault: 'trusted-host, authority not known',
    cause: 'tls-interception',
    remedy: 'choose-ca-file',
    says: /note: trusted-host is set/,
    prepare: secureIndex((world) => world.authority, false, { PIP_TRUSTED_HOST: '127.0.0.1' }),
  },

  // uv.toml
  {
    kind: 'index',
    fault: 'uv.toml, flat index',
    cause: null,
    prepare: async (lab) => {
      const server = lab.keep(
        await startServer(
          indexListener(lab.world.files, (request, response) => {
            if (request.url !== '/flat/') return false;
            response
              .writeHead(200, { 'content-type': 'text/html' })
              .end(pageOf(lab.world.files, 'idna')!.replaceAll('"/files', '"../files'));
            return true;
          }),
        ),
      );
      const url = server.url.replace('://', '://me:matrix-pass-word@');
      return {
        host: server.host,
        files: { '.config/uv/uv.toml': `[[index]]\nname = "corp"\nurl = "${url}/flat/"\nformat = "flat"\n` },
        env: { PIP_NO_INDEX: '1' },
      };
    },
  },
  // astral-sh/uv 6653: what is named beside the default is asked before it.
  ...(['UV_INDEX', 'UV_EXTRA_INDEX_URL', 'uv.toml'] as const).map(
    (where): MatrixCase => ({
      kind: 'index',
      fault: `${where}: asked before the default`,
      cause: null,
      prepare: async (lab) => {
        const wrong = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
        const right = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
        const address = `${right.url.replace('://', '://me:matrix-pass-word@')}/simple`;
        const isFile = where === 'uv.toml';
        return {
          host: right.host,
          env: {
            UV_DEFAULT_INDEX: indexEnv(wrong.url)['PIP_INDEX_URL'],
            ...(isFile ? {} : { [where]: address }),
          },
          ...(isFile ? { files: { '.config/uv/uv.toml': `[[index]]\nurl = "${address}"\n` } } : {}),
          check: () =>
            wrong.requests.some(({ url, method }) => method === 'GET' && url.startsWith('/files/'))
              ? 'the default was fetched from'
              : null,
        };
      },
    }),
  ),

  // Certificates
  {
    kind: 'index',
    fault: 'client certificate, pip.conf with ~',
    cause: null,
    prepare: wantsCertificate(
      (lab) => ({
        'me.pem': ownCertificate(lab),
        '.config/pip/pip.conf': '[global]\nclient-cert = ~/me.pem\n',
      }),
      {},
    ),
  },
  {
    kind: 'index',
    fault: 'client certificate, SSL_CLIENT_CERT',
    cause: null,
    prepare: wantsCertificate((lab) => ({ 'me.pem': ownCertificate(lab) }), { SSL_CLIENT_CERT: '~/me.pem' }),
  },
  {
    kind: 'index',
    fault: 'client certificate wanted, none set',
    cause: 'broken-off',
    remedy: 'set-client-certificate',
    prepare: wantsCertificate(() => ({}), {}),
  },
  // pypa/pip 7207
  {
    kind: 'index',
    fault: 'client certificate without its key',
    cause: 'broken-off',
    remedy: 'set-client-certificate',
    says: /note: PIP_CLIENT_CERT names .* no private key/,
    prepare: wantsCertificate(({ world }) => ({ 'me.pem': world.authority.cert }), {
      PIP_CLIENT_CERT: '~/me.pem',
    }),
  },
  {
    kind: 'index',
    fault: 'authority: cert = ~/corp.pem in pip.conf',
    cause: null,
    prepare: authorityInFiles((pem) => ({
      'corp.pem': pem,
      '.config/pip/pip.conf': '[global]\ncert = ~/corp.pem\n',
    })),
  },
  {
    kind: 'index',
    fault: 'authority: PIP_CERT=~/corp.pem',
    cause: null,
    prepare: authorityInFiles((pem) => ({ 'corp.pem': pem }), { PIP_CERT: '~/corp.pem' }),
  },
  // npm/cli 5267
  {
    kind: 'index',
    fault: 'authority: cafile=~/… in npmrc',
    cause: null,
    prepare: authorityInFiles((pem) => ({ 'corp.pem': pem, '.npmrc': 'cafile=~/corp.pem\n' })),
  },
  {
    kind: 'index',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
    fault: 'authority: cafile=${HOME}/… in npmrc',
    cause: null,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
    prepare: authorityInFiles((pem) => ({ 'corp.pem': pem, '.npmrc': 'cafile=${HOME}/corp.pem\n' })),
  },
  {
    kind: 'index',
    fault: 'authority: ca="…" in npmrc',
    cause: null,
    prepare: authorityInFiles((pem) => ({ '.npmrc': `ca="${pem.trim().replaceAll('\n', '\\n')}"\n` })),
  },
  {
    kind: 'index',
    fault: 'authority: ca[] in npmrc',
    cause: null,
    prepare: authorityInFiles((pem) => ({ '.npmrc': `ca[]="${pem.trim().replaceAll('\n', '\\n')}"\n` })),
  },
  {
    kind: 'index',
    fault: 'authority in DER',
    cause: null,
    prepare: authorityInFiles((pem) => ({ 'corp.der': der(pem) }), { SSL_CERT_FILE: '~/corp.der' }),
  },
  {
    kind: 'index',
    fault: 'authority in indented PEM',
    cause: null,
    prepare: authorityInFiles((pem) => ({ 'corp.pem': pem.replaceAll('\n', '\n    ') }), {
      SSL_CERT_FILE: '~/corp.pem',
    }),
  },
  {
    kind: 'index',
    fault: 'SSL_CERT_FILE without a certificate',
    cause: 'tls-interception',
    remedy: 'check-settings',
    says: /note: SSL_CERT_FILE names .*corp\.p12, which holds no certificate/,
    prepare: authorityInFiles(() => ({ 'corp.p12': Buffer.from([0x30, 0x80, 1, 2, 3]) }), {
      SSL_CERT_FILE: '~/corp.p12',
    }),
  },

  // Folders and netrc
  {
    kind: 'index',
    fault: 'find-links = ~/wheels in pip.conf',
    cause: null,
    prepare: async ({ world }) => ({
      host: '',
      files: {
        [`wheels/${world.subject.file}`]: readFileSync(world.subject.path),
        '.config/pip/pip.conf': '[global]\nfind-links = ~/wheels\nno-index = true\n',
      },
      env: {},
    }),
  },
  {
    kind: 'index',
    fault: 'NETRC=~/other',
    cause: null,
    prepare: async (lab) => {
      const given = await withNetrc((host) => `machine ${host} login me password matrix-pass-word`)(lab);
      return { ...given, files: { other: given.files!['.netrc']! }, env: { ...given.env, NETRC: '~/other' } };
    },
  },
  {
    kind: 'index',
    fault: 'netrc: the machine twice',
    cause: null,
    prepare: withNetrc(
      (host) => `machine ${host} login old password old\nmachine ${host} login me password matrix-pass-word`,
    ),
  },
  // curl/curl 8256
  {
    kind: 'index',
    fault: 'netrc: default on top',
    cause: null,
    prepare: withNetrc(
      (host) => `default login a password b\nmachine ${host} login me password matrix-pass-word`,
    ),
  },
  {
    kind: 'index',
    fault: 'netrc: default alone',
    cause: null,
    prepare: withNetrc(() => 'default login me password matrix-pass-word'),
  },
  {
    kind: 'index',
    fault: 'netrc: user in the address',
    cause: null,
    prepare: withNetrc(
      (host) => `machine ${host} login me password matrix-pass-word\nmachine ${host} login you password x`,
      (url) => url.replace('://', '://me@'),
    ),
  },
  // curl/curl 9248
  {
    kind: 'index',
    fault: 'netrc: password without a login',
    cause: null,
    prepare: withNetrc(
      (host) => `machine ${host} password matrix-pass-word`,
      (url) => url.replace('://', '://me@'),
    ),
  },
  // psf/requests 4813
  {
    kind: 'index',
    fault: 'netrc: others have no password',
    cause: null,
    prepare: withNetrc(
      (host) =>
        `machine api.example\n  login x\n  method interactive\nmachine ${host} login me password matrix-pass-word`,
    ),
  },
  {
    kind: 'index',
    fault: 'netrc: default is not for a redirect',
    cause: null,
    prepare: async (lab) => {
      const signed = lab.keep(
        await startServer((request, response) => {
          if (request.headers.authorization) response.writeHead(400).end('two logins');
          else {
            request.headers.authorization = LOGIN;
            indexListener(lab.world.files, NONE)(request, response);
          }
        }),
      );
      const given = await faultyIndex((request, response) => {
        if (!request.url!.startsWith('/files/')) return false;
        response.writeHead(302, { location: `${signed.url}${request.url}` }).end();
        return true;
      })(lab);
      return { ...given, files: { '.netrc': 'default login stranger password x' } };
    },
  },

  // npm's variables
  {
    kind: 'index',
    fault: 'npmrc: a variable that is not set',
    cause: null,
    says: /names the variable corp_proxy, which is not set/,
    prepare: async (lab) => ({
      ...(await faultyIndex(NONE)(lab)),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
      files: { '.npmrc': 'proxy=${corp_proxy}\nhttps-proxy=http://${corp_proxy}:3128\n' },
    }),
  },
  {
    kind: 'index',
    fault: 'npmrc: a variable that may be empty',
    cause: null,
    prepare: async (lab) => ({
      ...(await faultyIndex(NONE)(lab)),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way to name a variable.
      files: { '.npmrc': 'proxy=${corp_proxy?}\n' },
    }),
  },
  // npm/npm 7168
  {
    kind: 'index',
    fault: 'npmrc: proxy, and noproxy for the index',
    cause: null,
    prepare: async (lab) => ({
      ...(await faultyIndex(NONE)(lab)),
      files: { '.npmrc': 'proxy=http://127.0.0.1:9\nnoproxy=127.0.0.1 ; inside\n' },
    }),
  },
];
