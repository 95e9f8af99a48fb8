import { describe, expect, it } from 'vitest';
import { HandshakeError, ProxyError, proxyAnswerOf } from '../../../src/network/errors/connect-errors.ts';
import { NetworkFailure } from '../../../src/network/errors/network-failure.ts';
import type { NetworkProfile } from '../../../src/network/settings/profile.ts';
import { createExchanger } from '../../../src/network/transport/exchange.ts';
import { createLogins } from '../../../src/network/transport/logins.ts';
import { createRedactor } from '../../../src/support/text/redaction.ts';
import { testProfile } from '../../fixtures/network.ts';

const proxyAt = (url: string): Partial<NetworkProfile> => {
  const server = { url, authorization: null, origin: 'test' };
  return { proxies: { forHttp: server, forHttps: server, noProxy: '' } };
};
const PROXY = proxyAt('http://proxy.example:3128/');
const SECURE_PROXY = proxyAt('https://proxy.example:3129/');
const IDENTIFIED = { clientCertificate: { path: '', pem: '', origin: '' } };

/** What an error becomes before any request was answered. */
function failureOf(
  error: unknown,
  { url = 'https://a.example/x', isBodyDue = false, profile = {} as Partial<NetworkProfile> } = {},
) {
  const whole = testProfile(profile);
  const redactor = createRedactor();
  redactor.addSecret('hidden-word');
  const { failureOf: convert } = createExchanger({
    profile: whole,
    redactor,
    logins: createLogins(whole, redactor),
    openAgents: () => Promise.reject(new Error('not needed')),
  });
  return convert(error, new URL(url), isBodyDue);
}

const coded = (code: string, message = code) => Object.assign(new Error(message), { code });

it('a failure stays what it is', () => {
  const failure = new NetworkFailure('dns', { host: 'b.example' });
  expect(failureOf(failure)).toBe(failure);
});

it('a limit of this machine is not the fault of a host', () => {
  const failure = failureOf(coded('EMFILE'));
  expect(failure).not.toBeInstanceOf(NetworkFailure);
  expect(failure.causeId).toBe('too-many-files');
});

it('secrets are masked in what an error and a proxy say', () => {
  const answer = proxyAnswerOf(403, 'no hidden-word here', {}, false);
  const says = failureOf(new ProxyError('p.example', answer), { profile: PROXY });
  const detail = failureOf(coded('EPROTO', 'bad hidden-word'));
  for (const { message, evidence } of [says, detail]) {
    expect([message, ...evidence].join('\n')).toContain('****');
    expect([message, ...evidence].join('\n')).not.toContain('hidden-word');
  }
});

describe('the reason, by way', () => {
  const HTTP = 'http://a.example/x';
  const HTTPS = 'https://a.example/x';
  const closed = coded('UND_ERR_SOCKET', 'other side closed');
  const rows: [string, unknown, Parameters<typeof failureOf>[1], string][] = [
    ['no such name', coded('ENOTFOUND'), {}, 'dns'],
    ['no such name, over http', coded('ENOTFOUND'), { url: HTTP }, 'dns'],
    // Only plain http goes to the proxy as a whole.
    ['no such proxy', coded('ENOTFOUND'), { url: HTTP, profile: PROXY }, 'proxy-unreachable'],
    ['nobody listens', coded('ECONNREFUSED'), { url: HTTP, profile: PROXY }, 'proxy-unreachable'],
    ['no way to the proxy', coded('EHOSTUNREACH'), { url: HTTP, profile: PROXY }, 'proxy-unreachable'],
    ['a silent proxy', coded('UND_ERR_CONNECT_TIMEOUT'), { url: HTTP, profile: PROXY }, 'proxy-unreachable'],
    ['silence in a body', coded('UND_ERR_BODY_TIMEOUT'), { url: HTTP, profile: PROXY }, 'idle-timeout'],
    ['no such name, https', coded('ENOTFOUND'), { url: HTTPS, profile: PROXY }, 'dns'],
    ['no such name, late', coded('ENOTFOUND'), { url: HTTP, profile: PROXY, isBodyDue: true }, 'dns'],
    ['TLS of the proxy', coded('EPROTO'), { url: HTTP, profile: SECURE_PROXY }, 'proxy-plain-http'],
    ['TLS, no secure proxy', coded('EPROTO'), { url: HTTP, profile: PROXY }, 'tls'],
    [
      'certificate of the proxy',
      coded('CERT_HAS_EXPIRED'),
      { url: HTTP, profile: SECURE_PROXY },
      'proxy-expired-certificate',
    ],
    [
      'certificate, no secure proxy',
      coded('CERT_HAS_EXPIRED'),
      { url: HTTP, profile: PROXY },
      'expired-certificate',
    ],
    ['reset', coded('ECONNRESET'), {}, 'reset'],
    ['reset in the body', coded('ECONNRESET'), { isBodyDue: true }, 'truncated'],
    ['silence in the body', coded('UND_ERR_BODY_TIMEOUT'), { isBodyDue: true }, 'idle-timeout'],
    ['closed after TLS', closed, { url: HTTPS }, 'closed-after-tls'],
    ['closed, over http', closed, { url: HTTP }, 'reset'],
    ['closed in the body', closed, { url: HTTPS, isBodyDue: true }, 'truncated'],
    ['something else', new Error('?'), {}, 'unknown'],
  ];
  it.each(rows)('%s', (_, error, context, reason) => {
    expect(failureOf(error, context)).toMatchObject({ reason, host: 'a.example', cause: error });
  });
});

it('names the proxy where there is one, and only there', () => {
  expect(failureOf(coded('ENOTFOUND'), { profile: PROXY })).toMatchObject({
    proxyHost: 'proxy.example:3128',
  });
  expect(failureOf(coded('ENOTFOUND'))).toMatchObject({ proxyHost: null });
});

it('names who signed a certificate that is not trusted, where that is known', () => {
  const cause = coded('SELF_SIGNED_CERT_IN_CHAIN');
  const handshake = (issuer: string | null) => failureOf(new HandshakeError(issuer, cause));
  expect(handshake('Corporate CA')).toMatchObject({
    reason: 'untrusted-certificate',
    issuer: 'Corporate CA',
  });
  expect(handshake(null)).toMatchObject({ reason: 'untrusted-certificate', issuer: null });
  expect(failureOf(cause)).toMatchObject({ reason: 'untrusted-certificate', issuer: null });
});

it.each([
  ['a server that closes', coded('UND_ERR_SOCKET', 'other side closed')],
  ['a server that refuses', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')],
])('%s wants a certificate, or another one than was shown', (_, error) => {
  const texts = (profile: Partial<NetworkProfile>) => {
    const { message, evidence, remedies } = failureOf(error, { profile });
    return JSON.stringify([message, evidence, remedies]);
  };
  expect(texts(IDENTIFIED)).not.toBe(texts({}));
});
