import { describe, expect, it } from 'vitest';
import { NETWORK_CAUSES } from '../../../src/failure/causes/network-causes.ts';
import { GITHUB, MODEL_HUB, OFFICIAL_MIRROR } from '../../../src/network/address/official-hosts.ts';
import { PUBLIC_INDEX_URL } from '../../../src/network/address/public-index.ts';
import {
  NetworkFailure,
  type NetworkReason,
  reasonOfError,
  reasonOfStatus,
} from '../../../src/network/errors/network-failure.ts';

const coded = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code });

describe('what an error means', () => {
  it.each<[string, unknown, NetworkReason]>([
    ['unknown name', coded('ENOTFOUND'), 'dns'],
    ['resolver down', coded('EAI_AGAIN'), 'dns'],
    ['port closed', coded('ECONNREFUSED'), 'refused'],
    [
      'all addresses closed',
      Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: undefined }),
      'refused',
    ],
    ['no route', coded('EHOSTUNREACH'), 'unreachable'],
    ['connect timeout of undici', coded('UND_ERR_CONNECT_TIMEOUT'), 'connect-timeout'],
    ['silence before the answer', coded('UND_ERR_HEADERS_TIMEOUT'), 'idle-timeout'],
    ['silence in the answer', coded('UND_ERR_BODY_TIMEOUT'), 'idle-timeout'],
    ['intercepted TLS', coded('SELF_SIGNED_CERT_IN_CHAIN'), 'untrusted-certificate'],
    ['unknown authority', coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'untrusted-certificate'],
    ['old certificate', coded('CERT_HAS_EXPIRED'), 'expired-certificate'],
    ['another name', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'wrong-name-certificate'],
    ['http on a TLS port', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
    ['handshake cut', coded('EPROTO'), 'tls'],
    ['no certificate of ours', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'client-certificate'],
    ['another one than ours', coded('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'client-certificate'],
    ['reset', coded('ECONNRESET'), 'reset'],
    ['no HTTP', coded('HPE_INVALID_CONSTANT'), 'protocol'],
    ['code in the cause', new Error('fetch failed', { cause: coded('ENOTFOUND') }), 'dns'],
    ['the outer code wins', coded('ECONNREFUSED', coded('ENOTFOUND')), 'refused'],
    ['nothing known', new Error('?'), 'unknown'],
    ['no error at all', 'text', 'unknown'],
  ])('%s', (_, error, reason) => {
    expect(reasonOfError(error)).toBe(reason);
  });

  it.each<[number, NetworkReason]>([
    [401, 'login'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [410, 'not-found'],
    [407, 'proxy-login'],
    [429, 'too-many-requests'],
    [451, 'legal-reasons'],
    [511, 'sign-in-required'],
    [503, 'http-status'],
  ])('status %i', (status, reason) => {
    expect(reasonOfStatus(status)).toBe(reason);
  });
});

describe('what a failure says', () => {
  const reasons = Object.keys(NETWORK_CAUSES) as NetworkReason[];

  it.each(reasons)('%s: names the host and a next step, is of class network', (reason) => {
    const failure = new NetworkFailure(reason, { host: 'pypi.acme.internal:8443', status: 500 });
    expect(failure.message).toContain('pypi.acme.internal:8443');
    expect(failure.nextSteps.length).toBeGreaterThan(0);
    expect(failure.failureClass).toBe('network');
    expect(failure.message).not.toMatch(/undefined|null/);
  });

  it('does not call interception a DNS failure', () => {
    const failure = new NetworkFailure('untrusted-certificate', { host: 'a.example', issuer: 'Acme CA' });
    expect(failure.message).toContain('Acme CA');
    expect(failure.message).not.toMatch(/DNS|name could not/);
  });

  it('names the flag that allows a host', () => {
    const failure = new NetworkFailure('host-not-allowed', { host: 'cdn.example' });
    expect(failure.nextSteps.join()).toContain('--allow-host cdn.example');
  });

  it('knows what is worth another try and what is down', () => {
    const of = (reason: NetworkReason, status?: number) =>
      new NetworkFailure(reason, { host: 'a.example', status });
    expect([of('truncated').isTransient, of('http-status', 503).isTransient]).toEqual([true, true]);
    expect([of('forbidden', 403).isTransient, of('http-status', 418).isTransient]).toEqual([false, false]);
    expect([of('legal-reasons', 451).isTransient, of('legal-reasons', 451).isHostDown]).toEqual([
      false,
      false,
    ]);
    expect([of('dns').isHostDown, of('refused').isHostDown, of('not-found').isHostDown]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('an address is worth a second look only where somebody has typed it', () => {
  const advice = (host: string, via?: string) =>
    new NetworkFailure('dns', { host, ...(via ? { via } : {}) }).remedies.map(({ id }) => id);

  it.each([OFFICIAL_MIRROR, GITHUB, MODEL_HUB, PUBLIC_INDEX_URL])('not %s, which is built in', (address) => {
    const { host } = new URL(address);
    expect(advice(host)).toEqual(['check-network', 'set-proxy', 'use-index']);
    // Nor is it inside of anybody's network.
    const { remedies } = new NetworkFailure('proxy-unreachable', { host, proxyHost: 'proxy.example' });
    expect(remedies.map(({ id }) => id)).toEqual(['check-proxy']);
  });

  it('a folder has no port', () => {
    const { nextSteps } = new NetworkFailure('not-found', { host: '/opt/wheels' });
    expect(nextSteps[0]).toBe('Check that /opt/wheels is the right place.');
  });

  it('a configured one, but not where it redirects to', () => {
    expect(advice('index.example')).toContain('check-address');
    expect(advice('files.example', 'index.example')).not.toContain('check-address');
    expect(
      new NetworkFailure('dns', { host: 'files.example' }).reachedFrom('index.example').nextSteps.join(),
    ).not.toContain('right address');
  });
});
