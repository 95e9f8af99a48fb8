import { readFileSync } from 'node:fs';
import { faultyIndex, type MatrixCase, NONE } from './lab.ts';
import { indexListener, LOGIN, startServer } from './servers.ts';

import { authorityInFiles, der, ownCertificate, wantsCertificate, withNetrc } from './setting-lab.ts';

/** Certificates, logins in files, and variables, as their tools read them. */
export const TRUST_CASES: readonly MatrixCase[] = [
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
