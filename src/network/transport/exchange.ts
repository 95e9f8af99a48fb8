import type { Dispatcher } from 'undici';
import { machineLimit } from '../../failure/causes/machine-failure.ts';
import { errorChain, type SetupError, throwIfCancelled } from '../../support/errors.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import { placeOf } from '../address/address.ts';
import { type ProxyServer, proxyFor } from '../address/proxy.ts';
import { HandshakeError, ProxyError, proxyAnswerOf } from '../errors/connect-errors.ts';
import { NetworkFailure, type NetworkReason, reasonOfError } from '../errors/network-failure.ts';
import { proxyFailure, reasonOfCertificate } from '../errors/proxy-failure.ts';
import { pause } from '../errors/retry.ts';
import type { NetworkProfile } from '../settings/profile.ts';
import type { Agents } from './agents.ts';
import type { Logins } from './logins.ts';

/** One request and its response, before redirects are followed. */
export interface Exchange {
  status: number;
  reasonPhrase: string;
  /** The request carried a login. */
  hasLogin: boolean;
  url: URL;
  hops: string[];
  headers: Record<string, string | string[] | undefined>;
  stream: Dispatcher.ResponseData['body'];
}

export interface ExchangeRequest {
  url: URL;
  method: 'GET' | 'HEAD';
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  /** Reached through another host's redirect. */
  isRedirected: boolean;
}

export interface ExchangerOptions {
  profile: NetworkProfile;
  redactor: Redactor;
  logins: Logins;
  openAgents: () => Promise<Agents>;
}

export interface Exchanger {
  /** @throws NetworkFailure; CancelledError; SetupError when this machine is at a limit. */
  send(request: ExchangeRequest): Promise<Exchange>;
  /**
   * Converts a transport error to a NetworkFailure, or a limit of this machine. `isBodyDue`: the response had
   * begun.
   */
  failureOf(error: unknown, url: URL, isBodyDue: boolean): SetupError;
}

/** Delays before an accepted login is retried: servers behind one address do not always agree. */
const LOGIN_DELAYS_MS = [300, 1000];

/**
 * Sends single requests through the configured proxy with the known login. Remembers which hosts answered and
 * which logins they accepted.
 */
export function createExchanger({ profile, redactor, logins, openAgents }: ExchangerOptions): Exchanger {
  const answered = new Set<string>();
  const accepted = new Set<string>();

  function failureOf(error: unknown, url: URL, isBodyDue: boolean): SetupError {
    if (error instanceof NetworkFailure) return error;
    const limit = machineLimit(error);
    if (limit !== null) return limit;
    const proxy = proxyFor(url, profile.proxies);
    const context = {
      host: url.host,
      detail: redactor.redact(errorChain(error)),
      ...(proxy ? { proxyHost: placeOf(proxy.url) } : {}),
      ...(answered.has(url.origin) ? { hasAnswered: true } : {}),
      cause: error,
    };
    if (error instanceof ProxyError) {
      const { reason, facts } = proxyFailure(error);
      const says = facts.says === undefined ? {} : { says: redactor.redact(facts.says) };
      return new NetworkFailure(reason, { ...context, ...facts, ...says });
    }
    const reason = reasonOfError(error);
    if (proxy && url.protocol === 'http:' && !isBodyDue) {
      const ofProxy = reasonOfForwarding(reason, proxy);
      if (ofProxy) return new NetworkFailure(ofProxy, context);
    }
    if (isBodyDue && reason === 'reset') return new NetworkFailure('truncated', context);
    const hasLogin = profile.clientCertificate !== null;
    // A TLS 1.3 server rejects a missing or untrusted client certificate only after the handshake, and some
    // just hang up.
    const isNew = !answered.has(url.origin);
    if (reason === 'reset' && url.protocol === 'https:' && isNew && isClosedByPeer(error))
      return new NetworkFailure('closed-after-tls', { ...context, ...(hasLogin ? { hasLogin } : {}) });
    const issuer = error instanceof HandshakeError ? error.issuer : null;
    return new NetworkFailure(reason, {
      ...context,
      ...(issuer ? { issuer } : {}),
      ...(reason === 'client-certificate' ? { hasLogin } : {}),
    });
  }

  async function sendOnce(request: ExchangeRequest, authorization: string | null): Promise<Exchange> {
    const { url, method, signal } = request;
    const { direct, forwarding } = await openAgents();
    const proxy = proxyFor(url, profile.proxies);
    if (proxy && !/^https?:/.test(proxy.url))
      throw new NetworkFailure('proxy-unsupported', { host: url.host, proxyHost: placeOf(proxy.url) });
    const isForwarded = proxy !== null && url.protocol === 'http:';
    const options: Dispatcher.RequestOptions = {
      origin: isForwarded ? new URL(proxy.url).origin : url.origin,
      path: isForwarded ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
      method,
      headers: {
        'user-agent': 'ktx-setup',
        ...request.headers,
        ...(authorization ? { authorization } : {}),
        ...(isForwarded ? forwardingHeaders(url, proxy) : {}),
      },
      signal: signal ?? null,
    };
    for (let attempt = 1; ; attempt++) {
      throwIfCancelled(signal);
      try {
        const response = await (isForwarded ? forwarding : direct).request(options);
        const { statusCode: status, statusText: reasonPhrase, headers, body: stream } = response;
        if (status === 407 || (isForwarded && status >= 500 && headers['x-squid-error'] !== undefined)) {
          await discard(stream);
          const hasProxyLogin = (proxy?.authorization ?? null) !== null;
          const answer = proxyAnswerOf(status, reasonPhrase, headers, hasProxyLogin);
          throw new ProxyError(proxy ? placeOf(proxy.url) : url.host, answer);
        }
        return { status, reasonPhrase, hasLogin: authorization !== null, url, hops: [], headers, stream };
      } catch (error) {
        throwIfCancelled(signal);
        // The server had just closed a kept-alive connection: the request never reached it.
        if (attempt === 1 && !(error instanceof ProxyError) && reasonOfError(error) === 'reset') continue;
        throw failureOf(error, url, false);
      }
    }
  }

  async function send(request: ExchangeRequest): Promise<Exchange> {
    const { url, signal, isRedirected } = request;
    let authorization = logins.authorizationFor(url);
    for (let refusals = 0; ; refusals++) {
      const exchange = await sendOnce(request, authorization);
      answered.add(url.origin);
      const pass = `${url.origin} ${authorization}`;
      if (exchange.status < 400 && authorization) accepted.add(pass);
      if (exchange.status !== 401) return exchange;
      const delayMs = LOGIN_DELAYS_MS[refusals];
      const byDefault = authorization === null && !isRedirected ? logins.defaultAuthorization() : null;
      const isFlicker = accepted.has(pass) && delayMs !== undefined;
      if (byDefault === null && !isFlicker) return exchange;
      await discard(exchange.stream);
      if (byDefault !== null) authorization = byDefault;
      else await pause(delayMs!, signal);
    }
  }

  return { send, failureOf };
}

/** Closed in an orderly way after the connection was established; not reset. */
function isClosedByPeer(error: unknown): boolean {
  return errorChain(error).includes('other side closed');
}

/**
 * The reason for a failure on the way to a proxy that receives the whole request; `null` if the proxy is not
 * at fault.
 */
function reasonOfForwarding(reason: NetworkReason, { url }: ProxyServer): NetworkReason | null {
  if (['dns', 'refused', 'unreachable', 'connect-timeout'].includes(reason)) return 'proxy-unreachable';
  if (!url.startsWith('https:')) return null;
  return reasonOfCertificate(reason) ?? (reason === 'tls' ? 'proxy-plain-http' : null);
}

function forwardingHeaders(url: URL, proxy: ProxyServer): Record<string, string> {
  return { host: url.host, ...(proxy.authorization ? { 'proxy-authorization': proxy.authorization } : {}) };
}

/** Discards an unwanted body to free its connection. Its errors are ignored. */
export async function discard(stream: Dispatcher.ResponseData['body']): Promise<void> {
  await stream.dump({ limit: 64 * 1024 }).catch(() => {});
}
