import { expect, it } from 'vitest';
import { ProxyError, proxyAnswerOf } from '../../../src/network/errors/connect-errors.ts';
import { proxyFailure } from '../../../src/network/errors/proxy-failure.ts';

const coded = (code: string) => Object.assign(new Error(code), { code });
const answered = (status: number, headers: Record<string, string | string[]> = {}) =>
  proxyFailure(new ProxyError('p:1', proxyAnswerOf(status, '', headers, true))).reason;
const silent = (code: string, isSecure = false) =>
  proxyFailure(new ProxyError('p:1', null, { isSecure, cause: coded(code) })).reason;

it.each<[number, Record<string, string | string[]>, string]>([
  [407, {}, 'proxy-login'],
  [407, { 'proxy-authenticate': ['Negotiate', 'NTLM'] }, 'proxy-login-scheme'],
  [407, { 'proxy-authenticate': ['Negotiate', 'Basic realm="x"'] }, 'proxy-login'],
  [302, { location: 'https://login.example/' }, 'proxy-sign-in'],
  [511, {}, 'proxy-sign-in'],
  [503, { 'x-squid-error': 'ERR_DNS_FAIL 0' }, 'proxy-dns'],
  [503, { 'x-squid-error': 'ERR_CONNECT_FAIL 111' }, 'proxy-upstream'],
  [500, {}, 'proxy-upstream'],
  [504, {}, 'proxy-upstream'],
  [403, {}, 'proxy-refused'],
  [404, {}, 'proxy-refused'],
])('%i with %j is %s', (status, headers, reason) => {
  expect(answered(status, headers)).toBe(reason);
});

it.each<[string, boolean, string]>([
  ['ECONNREFUSED', false, 'proxy-unreachable'],
  ['ENOTFOUND', true, 'proxy-unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', false, 'proxy-unreachable'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', true, 'proxy-plain-http'],
  ['ECONNRESET', true, 'proxy-plain-http'],
  ['ECONNRESET', false, 'proxy-reset'],
  ['HPE_INVALID_CONSTANT', false, 'proxy-protocol'],
  ['SELF_SIGNED_CERT_IN_CHAIN', true, 'proxy-certificate'],
  ['CERT_HAS_EXPIRED', true, 'proxy-expired-certificate'],
  ['CERT_NOT_YET_VALID', true, 'proxy-expired-certificate'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', true, 'proxy-wrong-name-certificate'],
])('%s, over TLS: %s, is %s', (code, isSecure, reason) => {
  expect(silent(code, isSecure)).toBe(reason);
});

it('shows where to sign in, without what may be a token', () => {
  const answer = proxyAnswerOf(302, 'Found', { location: 'https://login.example/a?token=hush' }, false);
  expect(proxyFailure(new ProxyError('p:1', answer)).facts.signInUrl).toBe('https://login.example/a?****');
});
