import { faultyIndex, indexEnv, type MatrixCase, NONE, onPage, secureIndex, status } from './lab.ts';
import { indexListener, LOGIN, pageOf, startServer } from './servers.ts';

import { choosyProxy, indexInFiles, refused } from './setting-lab.ts';

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
    says: /simple\?\*{4}|click/,
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
        (response) => void setTimeout(() => response.end(pageOf(lab.world.files, 'click')), 2500),
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
    says: /note: UV_KEYRING_PROVIDER is set and ignored/,
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
              .end(pageOf(lab.world.files, 'click')!.replaceAll('"/files', '"../files'));
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
];
