import {
  faultyIndex,
  html,
  indexEnv,
  type MatrixCase,
  NONE,
  onFile,
  onPage,
  type Prepared,
  secureIndex,
  withLogin,
} from './lab.ts';
import { type Fault, indexListener, LOGIN, pageOf, startServer } from './servers.ts';

/** Only HEAD of the subject's file goes wrong. */
const onHead =
  (answer: Fault): Fault =>
  (request, response, count) =>
    request.method === 'HEAD' && request.url!.startsWith('/files/click-')
      ? answer(request, response, count)
      : false;

const answers =
  (status: number, type: string, body: string, reasonPhrase?: string): Fault =>
  (_request, response) => {
    response.writeHead(status, reasonPhrase, { 'content-type': type }).end(body);
    return true;
  };
const json = (value: unknown) => JSON.stringify(value);

/** GET decides whether a file is there. */
const head = (fault: string, answer: Fault): MatrixCase => ({
  kind: 'wheel',
  fault: `HEAD ${fault}`,
  cause: null,
  prepare: faultyIndex(onHead(answer)),
});

/** What a repository says of its refusal is shown. */
const told = (fault: string, says: RegExp, answer: Fault, cause = 'forbidden'): MatrixCase => ({
  kind: 'wheel',
  fault,
  cause,
  says,
  prepare: faultyIndex(onFile((response) => answer(undefined as never, response, 1), true)),
});

/** An https index whose links begin with this, behind which the same files are. */
const linksTo =
  (linkBase: (url: string) => string, more: Partial<Prepared> = {}): MatrixCase['prepare'] =>
  async (lab) => {
    let base = '';
    const given = await secureIndexWith(lab, (request, response) => {
      if (!request.url!.startsWith('/simple/click/')) return false;
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(pageOf(lab.world.files, 'click')!.replaceAll('"/files', `"${base}/files`));
      return true;
    });
    base = linkBase(given.host);
    return { ...given, ...more };
  };

async function secureIndexWith(lab: Parameters<MatrixCase['prepare']>[0], fault: Fault): Promise<Prepared> {
  const { authority, files } = lab.world;
  const server = lab.keep(await startServer(indexListener(files, fault), authority));
  return { host: server.host, env: { ...indexEnv(server.url), SSL_CERT_FILE: authority.caPath } };
}

/** Two packages are missing, and the second comes from somewhere else. */
const second = 'sqlglot-';
const projectOf = (url: string | undefined) => /^\/simple\/([^/]+)\//.exec(url ?? '')?.[1];

/** What the other side answers, and where it sends us. */
export const ANSWER_CASES: readonly MatrixCase[] = [
  // astral-sh/uv 2099, 11539, 13324
  head('404', answers(404, 'text/plain', '')),
  head('400', answers(400, 'text/plain', '')),
  head('405', answers(405, 'text/plain', '')),
  head('500', answers(500, 'text/plain', '')),
  head('reset', (request) => !!request.socket.destroy()),
  head('as a web page', answers(200, 'text/html', '')),
  head(
    'redirects in a circle',
    (request, response) => !!response.writeHead(302, { location: request.url! }).end(),
  ),
  {
    kind: 'wheel',
    fault: 'sent as a web page',
    cause: null,
    prepare: faultyIndex((request, response) => {
      // The listener sets the type after this, so it is fixed here.
      const writeHead = response.writeHead.bind(response);
      if (request.url!.startsWith('/files/'))
        response.writeHead = ((status: number, headers: Record<string, string>) =>
          writeHead(status, { ...headers, 'content-type': 'text/html' })) as never;
      return false;
    }),
  },
  {
    kind: 'wheel',
    fault: 'a web page that says it is a file',
    cause: 'other-bytes',
    prepare: faultyIndex(
      onFile((response) => response.writeHead(200, { 'content-type': 'application/zip' }).end('<html>')),
    ),
  },

  // jfrog/jfrog-cli 3150, sobolevn/git-secret 801, jfrog/jenkins-jfrog-plugin 124
  told(
    '403 with a JSON body of errors',
    /it says: .*blocked by policy SEC-7/,
    answers(403, 'application/json', json({ errors: [{ status: 403, message: 'blocked by policy SEC-7' }] })),
  ),
  told('403 with a reason phrase', /it says: Requested item is quarantined/, (_, response) => {
    response.writeHead(403, 'Requested item is quarantined').end();
    return true;
  }),
  told(
    '403 with a detail',
    /it says: Not on the allow list/,
    answers(403, 'application/json', json({ detail: 'Not on the allow list' })),
  ),
  told(
    '403 with a text',
    /it says: ask the platform team/,
    answers(403, 'text/plain', 'ask the platform team\nsecond line'),
  ),
  told(
    '403 with a page of a proxy',
    /it says: Blocked by Acme Web Gateway/,
    answers(403, 'text/html', '<html><title>Blocked by Acme Web Gateway</title><body>…'),
  ),
  told(
    '400 that wants a certificate',
    /it says: No required SSL certificate was sent/,
    answers(400, 'text/html', '<title>No required SSL certificate was sent</title>'),
    'server-error',
  ),
  told(
    '403 with control characters',
    /it says: red \[31mtext/,
    answers(403, 'text/plain', 'red\u001B[31mtext\u0007'),
  ),
  told(
    '403 with the login in it',
    /it says: you are \*+/,
    answers(403, 'text/plain', 'you are matrix-pass-word'),
  ),
  told(
    '503 with a JSON message',
    /it says: upstream is down/,
    answers(503, 'application/json', json({ error: { message: 'upstream is down' } })),
    'server-error',
  ),
  told(
    '404 with nothing to say',
    /does not have it \(404\)/,
    answers(404, 'application/json', '{}'),
    'not-found',
  ),

  // astral-sh/uv 7359, 12004, 5595, 11097: where files really come from.
  {
    kind: 'index',
    fault: 'page redirected to another index',
    cause: null,
    prepare: async (lab) => {
      const other = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
      const given = await faultyIndex((request, response) => {
        if (projectOf(request.url) !== 'sqlglot') return false;
        response.writeHead(302, { location: `${withLogin(other.url)}${request.url}` }).end();
        return true;
      })(lab);
      return { ...given, missing: [second], says: new RegExp(`"hosts":[^\\]]*${other.host}`) };
    },
  },
  {
    kind: 'index',
    fault: 'files of one index on two hosts',
    cause: null,
    prepare: async (lab) => {
      const other = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
      const given = await faultyIndex((request, response) => {
        if (projectOf(request.url) !== 'sqlglot' || request.headers.authorization !== LOGIN) return false;
        const page = pageOf(lab.world.files, 'sqlglot')!.replaceAll(
          '"/files',
          `"${withLogin(other.url)}/files`,
        );
        response.writeHead(200, { 'content-type': 'text/html' }).end(page);
        return true;
      })(lab);
      return { ...given, missing: [second], says: new RegExp(`"hosts":[^\\]]*${other.host}`) };
    },
  },
  {
    kind: 'index',
    fault: 'one file redirected to a storage host',
    cause: null,
    prepare: async (lab) => {
      const store = lab.keep(
        await startServer((request, response) => {
          request.headers.authorization = LOGIN;
          indexListener(lab.world.files, NONE)(request, response);
        }),
      );
      const given = await faultyIndex((request, response) => {
        if (!request.url!.startsWith('/files/click-') || request.headers.authorization !== LOGIN)
          return false;
        response.writeHead(302, { location: `${store.url}${request.url}` }).end();
        return true;
      })(lab);
      return { ...given, missing: [second], says: new RegExp(`"hosts":[^\\]]*${store.host}`) };
    },
  },
  {
    kind: 'index',
    fault: 'host that only the transfer meets',
    cause: 'host-not-allowed',
    remedy: 'allow-host',
    says: /ktx setup --allow-host files\.example --allow-host 127\.0\.0\.1/,
    prepare: async (lab) => {
      const store = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
      const given = await faultyIndex((request, response) => {
        const isProbe = request.method === 'HEAD' || request.headers.range !== undefined;
        if (!request.url!.startsWith('/files/click-') || isProbe) return false;
        response.writeHead(302, { location: `${store.url}${request.url}` }).end();
        return true;
      })(lab);
      return { ...given, host: store.host, options: { allowedHosts: ['files.example'] } };
    },
  },

  // sonatype/nexus-public 390, devpi/devpi 765
  {
    kind: 'wheel',
    fault: 'https page, http links on its host',
    cause: null,
    prepare: linksTo((host) => `http://${host}`),
  },
  {
    kind: 'wheel',
    fault: 'https page, http links elsewhere',
    cause: 'redirect',
    remedy: 'ask-the-owner',
    prepare: linksTo(() => 'http://files.example', { host: 'files.example' }),
  },
  {
    kind: 'wheel',
    fault: 'links to a host that does not resolve',
    cause: 'dns',
    remedy: 'ask-for-access',
    says: /127\.0\.0\.1:\d+ keeps its files at files\.ktx-matrix\.invalid/,
    prepare: linksTo(() => 'https://files.ktx-matrix.invalid', { host: 'files.ktx-matrix.invalid' }),
  },
  {
    kind: 'index',
    fault: 'http that moved to https, with its login',
    cause: null,
    prepare: async (lab) => {
      const secure = await secureIndex((world) => world.authority, true)(lab);
      const plain = lab.keep(
        await startServer((request, response) =>
          response.writeHead(301, { location: `https://${secure.host}${request.url}` }).end(),
        ),
      );
      return { ...secure, env: { ...secure.env, ...indexEnv(plain.url) } };
    },
  },

  // astral-sh/uv 17485, 13443
  {
    kind: 'index',
    fault: '401 for a login that was accepted',
    cause: null,
    prepare: async (lab) => {
      let refusals = 0;
      const given = await faultyIndex((request, response) => {
        if (request.method !== 'GET' || !request.url!.startsWith('/files/') || refusals++ > 0) return false;
        response.writeHead(401).end();
        return true;
      })(lab);
      return given;
    },
  },
  {
    kind: 'index',
    fault: '401 that stays',
    cause: 'login',
    remedy: 'add-login',
    prepare: faultyIndex((request, response) => {
      if (!request.url!.startsWith('/files/')) return false;
      response.writeHead(401).end();
      return true;
    }),
  },
  {
    kind: 'index',
    fault: '401 that wants another scheme',
    cause: 'login',
    says: /it requires a login by: Negotiate, NTLM/,
    prepare: faultyIndex(
      onPage((response) => response.writeHead(401, { 'www-authenticate': ['Negotiate', 'NTLM'] }).end()),
    ),
  },
  {
    kind: 'index',
    fault: 'portal for HEAD and GET alike',
    cause: 'captive-portal',
    remedy: 'sign-in',
    prepare: faultyIndex(onFile(html, true)),
  },
];
