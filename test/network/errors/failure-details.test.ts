import { describe, expect, it } from 'vitest';
import { GITHUB } from '../../../src/network/address/official-hosts.ts';
import { authenticationSchemes } from '../../../src/network/errors/authentication-schemes.ts';
import {
  HandshakeError,
  type ProxyAnswer,
  ProxyError,
  proxyAnswerOf,
} from '../../../src/network/errors/connect-errors.ts';
import { bodyWords, errorWords, reasonPhraseOf } from '../../../src/network/errors/error-words.ts';
import {
  isSourceFailure,
  joinFailures,
  mostRelevantFailure,
  partsOfFailure,
} from '../../../src/network/errors/joined-failures.ts';
import { NetworkFailure, reasonOfError } from '../../../src/network/errors/network-failure.ts';
import { proxyFailure, reasonOfCertificate } from '../../../src/network/errors/proxy-failure.ts';
import { pause, retryDelayMs } from '../../../src/network/errors/retry.ts';
import { CancelledError, SetupError } from '../../../src/support/errors.ts';
import { otherRemedy } from '../../../src/support/remedies.ts';

const github = new URL(GITHUB).host;
const coded = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code });
const within = (levels: number, cause: unknown): Error =>
  levels === 0 ? (cause as Error) : new Error(`level ${levels}`, { cause: within(levels - 1, cause) });
const ids = (error: SetupError) => error.remedies.map(({ id }) => id);

describe('a network failure', () => {
  it('has all that is known, and null for the rest', () => {
    const bare = new NetworkFailure('refused', { host: 'a.example' });
    expect(bare).toMatchObject({
      name: 'NetworkFailure',
      reason: 'refused',
      causeId: 'refused',
      host: 'a.example',
      via: null,
      status: null,
      issuer: null,
      proxyHost: null,
      retryAfterMs: null,
      evidence: ['host: a.example'],
    });
    expect('cause' in bare).toBe(false);
    const cause = new Error('x');
    expect(
      new NetworkFailure('http-status', {
        host: 'a.example',
        via: 'v.example',
        status: 503,
        issuer: 'Acme',
        proxyHost: 'p.example:1',
        retryAfterMs: 7,
        cause,
      }),
    ).toMatchObject({
      causeId: 'server-error',
      via: 'v.example',
      status: 503,
      issuer: 'Acme',
      proxyHost: 'p.example:1',
      retryAfterMs: 7,
      cause,
    });
  });

  it.each([
    ['a named host', { host: 'a.example' }, true],
    ['a built-in host', { host: github }, false],
    ['a redirect', { host: 'a.example', via: 'v.example' }, false],
    ['a link', { host: 'a.example', linkedFrom: 'i.example' }, false],
    ['a link to itself', { host: 'a.example', linkedFrom: 'a.example' }, true],
  ])('the address of %s can be mistyped: %#', (_, facts, expected) => {
    expect(ids(new NetworkFailure('not-found', facts)).includes('check-address')).toBe(expected);
  });

  it.each([
    ['refused', {}, null],
    ['refused', { via: 'v.example' }, 'v.example'],
    ['refused', { linkedFrom: 'i.example' }, 'i.example'],
    ['refused', { linkedFrom: 'a.example' }, null],
    ['refused', { via: 'v.example', linkedFrom: 'i.example' }, 'v.example'],
    ['not-found', { via: 'v.example' }, null],
    ['not-found', { linkedFrom: 'i.example' }, null],
  ] as const)('%s with %j: access is asked for what %s keeps', (reason, facts, keeper) => {
    const plain = new NetworkFailure(reason, { host: 'a.example' });
    const failure = new NetworkFailure(reason, { host: 'a.example', ...facts });
    const [first] = failure.remedies;
    const expected = keeper === null ? undefined : `a.example, where ${keeper} keeps its files`;
    if (expected === undefined) expect(first?.label).not.toContain('keeps its files');
    else {
      expect(first).toMatchObject({ id: 'ask-for-access', label: expect.stringContaining(expected) });
      expect(ids(failure).slice(1)).toEqual(ids(plain).filter((id) => id !== 'check-address'));
    }
    expect(failure.causeId).toBe(reason === 'refused' && 'via' in facts ? 'blocked-redirect' : plain.causeId);
    expect(failure.isBlocked).toBe(reason === 'refused');
  });

  it('is told by which redirect or index it was reached, once', () => {
    const failure = new NetworkFailure('refused', { host: 'a.example', status: 1 });
    const reached = failure.reachedFrom('v.example');
    expect(reached).toMatchObject({ via: 'v.example', host: 'a.example', status: 1, reason: 'refused' });
    expect(failure.via).toBeNull();
    expect(reached.reachedFrom('w.example')).toBe(reached);
    expect(failure.reachedFrom('a.example')).toBe(failure);
    const linked = failure.linkedFrom('i.example');
    expect(linked.evidence).toContain('i.example keeps its files at a.example');
    expect(linked.linkedFrom('j.example')).toBe(linked);
    expect(failure.linkedFrom('a.example')).toBe(failure);
  });
});

describe('the reason of an error', () => {
  it('is looked for in eight errors of a chain', () => {
    expect(reasonOfError(coded('ENOTFOUND'))).toBe('dns');
    expect(reasonOfError(within(7, coded('ENOTFOUND')))).toBe('dns');
    expect(reasonOfError(within(8, coded('ENOTFOUND')))).toBe('unknown');
  });

  it.each([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'client-certificate'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA_X', 'tls'],
    ['X_ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'client-certificate'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'tls'],
  ])('%s is %s', (code, reason) => expect(reasonOfError(coded(code))).toBe(reason));
});

describe('the answer of a proxy', () => {
  it('has every header that tells something, and empty texts for the rest', () => {
    expect(proxyAnswerOf(407, 'No', {}, false)).toEqual({
      status: 407,
      reasonPhrase: 'No',
      authenticate: '',
      squidError: '',
      location: '',
      hasLogin: false,
    });
    const headers = {
      'proxy-authenticate': ['Basic', 'NTLM'],
      'x-squid-error': 'ERR_X 0',
      location: 'https://a.example/',
    };
    expect(proxyAnswerOf(302, '', headers, true)).toEqual({
      status: 302,
      reasonPhrase: '',
      authenticate: 'Basic, NTLM',
      squidError: 'ERR_X 0',
      location: 'https://a.example/',
      hasLogin: true,
    });
  });

  it('or its silence is an error with what is known', () => {
    const silent = new ProxyError('p.example:1', null);
    expect(silent).toMatchObject({
      message: 'proxy p.example:1 not reached',
      proxyHost: 'p.example:1',
      answer: null,
      status: null,
      isSecure: false,
      issuer: null,
    });
    expect('cause' in silent).toBe(false);
    const cause = new Error('x');
    const answer = proxyAnswerOf(407, '', {}, false);
    expect(new ProxyError('p.example:1', answer, { isSecure: true, issuer: 'Acme', cause })).toMatchObject({
      message: 'proxy p.example:1 answered 407',
      status: 407,
      isSecure: true,
      issuer: 'Acme',
      cause,
    });
    expect(new HandshakeError('Acme', cause)).toMatchObject({ message: 'x', cause, issuer: 'Acme' });
  });

  const answered = (answer: Partial<ProxyAnswer>) =>
    proxyFailure(new ProxyError('p.example:1', { ...proxyAnswerOf(403, 'Forbidden', {}, false), ...answer }));

  it.each<[Partial<ProxyAnswer>, string]>([
    [{ status: 407 }, 'proxy-login'],
    [{ status: 407, authenticate: 'NTLM' }, 'proxy-login-scheme'],
    [{ status: 407, authenticate: 'NTLM, Basic' }, 'proxy-login'],
    [{ status: 299 }, 'proxy-refused'],
    [{ status: 300 }, 'proxy-sign-in'],
    [{ status: 302 }, 'proxy-sign-in'],
    [{ status: 399 }, 'proxy-sign-in'],
    [{ status: 400 }, 'proxy-refused'],
    [{ status: 511 }, 'proxy-sign-in'],
    [{ status: 503, squidError: 'ERR_DNS_FAIL 0' }, 'proxy-dns'],
    [{ status: 503, squidError: 'ERR_CANNOT_RESOLVE' }, 'proxy-dns'],
    [{ status: 500 }, 'proxy-upstream'],
    [{ status: 501 }, 'proxy-refused'],
    [{ status: 502 }, 'proxy-upstream'],
    [{ status: 503 }, 'proxy-upstream'],
    [{ status: 504 }, 'proxy-upstream'],
    [{ status: 403 }, 'proxy-refused'],
  ])('%j means %s', (answer, reason) => expect(answered(answer).reason).toBe(reason));

  it('becomes facts, only those that are there', () => {
    expect(answered({}).facts).toEqual({ proxyHost: 'p.example:1', status: 403, hasLogin: false });
    expect(
      answered({
        status: 407,
        hasLogin: true,
        reasonPhrase: 'Ask Ann',
        squidError: 'ERR_X 0',
        authenticate: 'NTLM',
        location: 'https://login.example/x?secret=1',
      }).facts,
    ).toEqual({
      proxyHost: 'p.example:1',
      status: 407,
      hasLogin: true,
      says: 'Ask Ann, ERR_X 0',
      schemes: ['NTLM'],
      signInUrl: 'https://login.example/x?****',
    });
    expect(answered({ squidError: 'ERR_X 0' }).facts.says).toBe('ERR_X 0');
    expect(answered({ location: 'not an address' }).facts).not.toHaveProperty('signInUrl');
  });

  it.each<[string, boolean, string]>([
    ['CERT_HAS_EXPIRED', false, 'proxy-expired-certificate'],
    ['HOSTNAME_MISMATCH', false, 'proxy-wrong-name-certificate'],
    ['SELF_SIGNED_CERT_IN_CHAIN', false, 'proxy-certificate'],
    ['EPROTO', true, 'proxy-plain-http'],
    ['ECONNRESET', true, 'proxy-plain-http'],
    ['EPROTO', false, 'proxy-unreachable'],
    ['ECONNRESET', false, 'proxy-reset'],
    ['HPE_INVALID_CONSTANT', true, 'proxy-protocol'],
    ['ECONNREFUSED', true, 'proxy-unreachable'],
  ])('none, after %s (TLS: %s), means %s', (code, isSecure, reason) => {
    const failure = proxyFailure(new ProxyError('p.example:1', null, { isSecure, cause: coded(code) }));
    expect(failure).toEqual({ reason, facts: { proxyHost: 'p.example:1' } });
  });

  it('names who signed a certificate that is not trusted', () => {
    expect(proxyFailure(new ProxyError('p.example:1', null, { issuer: 'Acme' })).facts).toEqual({
      proxyHost: 'p.example:1',
      issuer: 'Acme',
    });
    expect(reasonOfCertificate('dns')).toBeNull();
  });

  it.each([
    ['Basic', ['Basic']],
    ['Basic realm="x"', ['Basic']],
    ['kerberos', ['Kerberos']],
    ['NTLM,Negotiate abc', ['Negotiate', 'NTLM']],
    ['Realm Basic', []],
  ])('%s asks for %j', (header, schemes) => expect(authenticationSchemes(header)).toEqual(schemes));
});

describe('several failures', () => {
  const failed = (failureClass: 'verification' | 'disk', host?: string) =>
    new SetupError(`${failureClass}.`, { failureClass, evidence: [`of ${failureClass}`], host });
  const lost = new NetworkFailure('not-found', { host: 'lost.example' });
  const dns = new NetworkFailure('dns', { host: 'dns.example' });

  it('of none there is nothing to tell', () => {
    expect(mostRelevantFailure([])).toBeUndefined();
    expect(joinFailures('Nothing.', [])).toMatchObject({
      message: 'Nothing.',
      failureClass: 'network',
      evidence: [],
      remedies: [],
      host: null,
    });
  });

  it.each([
    ['an alarm', [dns, failed('verification')], 1],
    ['a built-in refusal', [lost, new NetworkFailure('login', { host: github })], 1],
    ['another failure than a missing file', [lost, failed('disk')], 1],
    ['a built-in host that is not reached', [lost, new NetworkFailure('dns', { host: github })], 1],
    ['the first of missing files', [lost, new NetworkFailure('not-found', { host: github })], 0],
  ])('%s comes first', (_, failures, at) => expect(mostRelevantFailure(failures)).toBe(failures[at]));

  it('one alone is told with the message', () => {
    const joined = joinFailures('No file v1.2.', [dns], { evidence: ['first'] });
    expect(joined).toMatchObject({
      message: `No file v1.2: ${dns.message}`,
      failureClass: 'network',
      evidence: ['first', ...dns.evidence],
      host: 'dns.example',
      cause: dns,
    });
    expect(partsOfFailure(joined)).toEqual([dns]);
    expect(partsOfFailure(dns)).toEqual([dns]);
  });

  it('are told each, with the evidence of an alarm and the remedies of all, best first', () => {
    const alarm = failed('verification', 'bad.example');
    const remedies = [otherRemedy('Last')];
    const joined = joinFailures('No file.', [dns, alarm], { remedies });
    expect(joined).toMatchObject({
      message: 'No file.',
      failureClass: 'verification',
      evidence: [dns.message, 'verification.', 'of verification'],
      host: 'bad.example',
      cause: alarm,
    });
    expect(ids(joined)).toEqual([...ids(dns), 'other']);
    const both = joinFailures('No file.', [lost, dns], { remedies });
    expect(both).toMatchObject({ evidence: [lost.message, dns.message], host: 'dns.example' });
    expect(ids(both)).toEqual([...ids(dns), 'check-address', 'other']);
    expect(joinFailures('No file.', [failed('disk'), dns])).toMatchObject({ failureClass: 'disk' });
  });

  it.each<[unknown, boolean]>([
    [dns, true],
    [failed('verification'), true],
    [failed('disk'), false],
    [new Error('x'), false],
    [Object.assign(new Error('x'), { failureClass: 'network' }), false],
  ])('%s is of the source: %s', (error, expected) => expect(isSourceFailure(error)).toBe(expected));
});

describe('the words of an error', () => {
  it.each<[string, string, string]>([
    ['text/plain', '  \n ', ''],
    ['text/plain', ' first \nsecond', 'first'],
    ['application/text/plain', 'bytes', ''],
    ['TEXT/PLAIN', 'words', 'words'],
    ['', '<title>page</title>', 'page'],
    ['application/xhtml+xml', 'x <title>page</title>', 'page'],
    ['application/json', '{"message":"  "}', ''],
    ['application/json', '{"message":" a "}', 'a'],
    ['application/json', '[1,2,"third","fourth"]', 'third'],
    ['application/json', '["a","b","c","d"]', 'a; b; c'],
    ['application/json', '{"title":"Only"}', 'Only'],
    ['application/json', '{"title":1,"detail":"only"}', 'only'],
    ['application/json', '{"title":"Own","detail":"  "}', 'Own'],
    ['application/json', '{"title":"Own","detail":" x "}', 'Own: x'],
    ['application/json', '{"message":null,"detail":"d"}', 'd'],
    ['application/json', '{"a":{"message":"x"}}', ''],
    ['application/json', '{"error":{"error":{"error":{"error":{"error":"five"}}}}}', 'five'],
    ['application/json', '{"error":{"error":{"error":{"error":{"error":{"error":"six"}}}}}}', ''],
    ['application/json', '[[[[["five"]]]]]', 'five'],
    ['application/json', '[[[[[["six"]]]]]]', ''],
    ['text/plain', 'x'.repeat(300), 'x'.repeat(300)],
    ['text/plain', 'x'.repeat(301), `${'x'.repeat(300)}…`],
  ])('%s %j', (type, body, words) => expect(bodyWords(type, body)).toBe(words));

  it('a body without a type is read as text', async () => {
    const discarded: number[] = [];
    const answer = {
      reasonPhrase: ' Not Found ',
      headers: new Map<string, string>(),
      body: (async function* () {
        yield Buffer.from('words');
      })(),
      discard: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        discarded.push(1);
      },
    };
    expect(await errorWords(answer)).toBe('words');
    expect(discarded).toEqual([1]);
    expect(reasonPhraseOf(' No such\nfile ')).toBe('No such file');
  });
});

describe('another attempt', () => {
  const asked = (retryAfterMs: number) =>
    retryDelayMs(new NetworkFailure('too-many-requests', { host: 'a.example', retryAfterMs }), 1, 3);

  it('waits as long as the host asks, up to a minute', () => {
    expect(asked(59_999)).toBe(59_999);
    expect(asked(60_000)).toBe(60_000);
    expect(asked(60_001)).toBeNull();
  });

  it('waits until a cancel', async () => {
    await pause(0, undefined);
    await pause(0, new AbortController().signal);
    const controller = new AbortController();
    let isOver = false;
    const waiting = pause(60_000, controller.signal).finally(() => {
      isOver = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    controller.abort();
    await expect(waiting).rejects.toThrow(CancelledError);
    await expect(pause(0, AbortSignal.abort())).rejects.toThrow(CancelledError);
  });
});
