import { execFileSync } from 'node:child_process';
import { faultyIndex, type MatrixCase, NONE, withLogin } from './lab.ts';
import { indexListener, startServer } from './servers.ts';
import { authorityInFiles, choosyProxy, indexInFiles, withNetrc } from './setting-lab.ts';

const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
const index = (
  fault: string,
  prepare: MatrixCase['prepare'],
  more: Partial<Pick<MatrixCase, 'cause' | 'says' | 'remedy'>> = {},
): MatrixCase => ({ kind: 'index', fault, cause: null, ...more, prepare });

/** An index whose address is written in this way. */
const written = (fault: string, write: (url: string) => string, says?: RegExp): MatrixCase =>
  index(
    `PIP_INDEX_URL: ${fault}`,
    async (lab) => {
      const server = lab.keep(await startServer(indexListener(lab.world.files, NONE)));
      return { host: server.host, env: { PIP_INDEX_URL: write(`${withLogin(server.url)}/simple`) } };
    },
    says ? { says } : {},
  );

/** A dead proxy, and an entry of NO_PROXY that must let the index past it. */
const bypassed = (entry: (port: string) => string, name: string): MatrixCase =>
  index(`NO_PROXY: ${name}`, async (lab) => {
    const given = await faultyIndex(NONE)(lab);
    const port = given.host.split(':')[1]!;
    const url = given.env!['PIP_INDEX_URL']!.replace('127.0.0.1', 'localhost');
    const env = { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: entry(port) };
    return {
      ...given,
      env: { ...given.env, ...env, ...(/^\d|\[/.test(env.NO_PROXY) ? {} : { PIP_INDEX_URL: url }) },
    };
  });

/** The authority of the index in a file that is written in this way. */
const authority = (fault: string, write: (pem: string) => string | Buffer, says?: RegExp): MatrixCase =>
  index(
    `authority: ${fault}`,
    authorityInFiles((pem) => ({ 'corp.crt': write(pem) }), { SSL_CERT_FILE: '~/corp.crt' }),
    says ? { says, cause: 'tls-interception', remedy: 'check-settings' } : {},
  );

const everyLetter = (text: string) =>
  [...text].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');

/** Settings as people and their editors write them. */
export const WRITTEN_CASES: readonly MatrixCase[] = [
  index(
    'pip.conf, a comment after the address',
    indexInFiles(({ url }) => ({ '.config/pip/pip.conf': `[global]\nindex-url = ${url}/simple  # ours\n` })),
    { says: /has a comment after its value/ },
  ),
  index(
    'pip.conf, % signs are no interpolation',
    indexInFiles(({ url }) => ({
      '.config/pip/pip.conf': `[global]\r\nuser-agent-user-data = %(x)s 100%%\r\nindex-url = ${url.replace('matrix-', 'matrix%2D')}/simple\r\n`,
    })),
  ),
  index(
    'PIP_CONFIG_FILE=~/…',
    indexInFiles(({ url }) => ({ 'my.conf': `[global]\nindex_url: ${url}/simple\n` }), {
      PIP_CONFIG_FILE: '~/my.conf',
    }),
  ),
  index(
    'uv.toml in UTF-16',
    indexInFiles(({ url }) => ({ '.config/uv/uv.toml': utf16(`index-url = "${url}/simple"\r\n`) })),
    { says: /uv\.toml is in UTF-16/ },
  ),
  index('netrc in UTF-16, with a macro and a default', async (lab) => {
    const given = await withNetrc((host) => `machine ${host} login me password matrix-pass-word`)(lab);
    const text = `macdef init\r\nmachine x\r\n\r\n${given.files!['.netrc']}\r\ndefault login you password x\r\n`;
    return { ...given, files: { '.netrc': utf16(text) } };
  }),
  written('a comment after it', (url) => `${url} # ours`, /has a comment after its value/),
  written('capital letters, slashes and blanks', (url) => ` ${url.replace('http:', 'HTTP:')}//\t`),
  written('a fragment', (url) => `${url}/#egg`),
  bypassed((port) => `127.0.0.1:${port}`, 'an address with its port'),
  bypassed(() => '127.0.0.0/8', 'a range'),
  bypassed(() => 'example.com, .LOCALHOST. ', 'a leading and a trailing dot, capital letters'),
  bypassed((port) => `*.localhost:${port}`, 'a star and a port'),
  index(
    'proxy login with every letter encoded',
    choosyProxy('corp\\j:doe@x', (host) => ({
      env: { HTTPS_PROXY: `http://${everyLetter('corp\\j')}:doe@x:proxy-pass-word@${host}` },
    })),
  ),
  index(
    'HTTPS_PROXY: an IPv6 address with a zone',
    async () => ({ host: '', env: { HTTPS_PROXY: 'http://p:proxy-pass-word@[fe80::1%25eth0]:8080' } }),
    { cause: 'setting', remedy: 'check-settings', says: /zone/ },
  ),
  authority(
    'CRLF, words around it',
    (pem) => `Bag Attributes\r\n${pem.replaceAll('\n', '\r\n')}\r\nsubject=x`,
  ),
  authority('UTF-16', (pem) => utf16(pem)),
  authority('X509 CERTIFICATE', (pem) => pem.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE')),
  index('authority: after one that expired', async (lab) => {
    const given = await authorityInFiles((pem) => ({ 'corp.crt': `${lab.world.expired.caPem}\n${pem}` }), {
      SSL_CERT_FILE: '~/corp.crt',
    })(lab);
    return given;
  }),
  authority(
    'PKCS #7',
    (pem) => execFileSync('bash', ['-c', 'openssl crl2pkcs7 -nocrl -certfile <(cat)'], { input: pem }),
    /which is in the PKCS #7 format; it is left out\. Convert it: openssl pkcs7 -print_certs -in /,
  ),
  authority(
    'PKCS #12',
    (pem) => execFileSync('openssl', ['pkcs12', '-export', '-nokeys', '-passout', 'pass:'], { input: pem }),
    /which is in the PKCS #12 format; it is left out\. Convert it: openssl pkcs12 -cacerts -nokeys -in /,
  ),
];
