import type { Dispatcher } from 'undici';
import { CancelledError, errorChain, throwIfCancelled } from '../../support/errors.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import { placeOf } from '../address/address.ts';
import { type ProxyServer, proxyFor } from '../address/proxy.ts';
import { HandshakeError, ProxyError } from '../errors/connect-errors.ts';
import {
  NetworkFailure,
  type NetworkReason,
  reasonOfError,
  reasonOfStatus,
} from '../errors/network-failure.ts';
import type { NetworkProfile } from '../settings/profile.ts';
import type { Agents } from './agents.ts';
import { arriving } from './arriving.ts';
import { decoded, type HttpResponse, textOf } from './http-response.ts';
import { openLocalAddress } from './local-address.ts';
import { createLogins } from './logins.ts';
import { paced, paceWindowOf } from './pace.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Between two arrivals of bytes. There is no limit for the whole: a slow transfer is not a crime. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 10;

export interface GetOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /**
   * Index pages: compressed transfer is asked for and undone. Otherwise the bytes are those of the file: a server that says
   * `Content-Encoding: gzip` of a `.tar.gz` is not taken at its word.
   */
  isPage?: boolean;
}

export interface ProbeResult {
  isReachable: boolean;
  /** Why not; `null` when reachable. */
  failure: NetworkFailure | null;
  status: number | null;
  /** Hosts that were asked, redirects included. */
  hops: string[];
  /** `Content-Length` of the file, when it was said. */
  sizeBytes: number | null;
}

export interface HttpClient {
  /**
   * Follows redirects itself and resolves for any status; see `requireOk`. Reads `file:` addresses too.
   * @throws NetworkFailure naming the host; CancelledError.
   */
  get(url: string, options?: GetOptions): Promise<HttpResponse>;
  /** Is the file there? HEAD, else the first byte. Never rejects but with CancelledError of the caller's own signal. */
  probe(url: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<ProbeResult>;
  /** Bytes received of bodies, as they came over the wire, per host, most first. */
  egress(): { host: string; bytes: number }[];
  close(): Promise<void>;
}

export interface HttpClientOptions {
  redactor: Redactor;
  /** Called with `host[:port]` before each request of `get`, redirect targets included. Absent: all hosts. */
  isHostAllowed?: (host: string) => boolean;
  connectTimeoutMs?: number;
  idleTimeoutMs?: number;
}

export type { HttpResponse } from './http-response.ts';
export { requireOk } from './http-response.ts';

interface Exchange {
  status: number;
  url: URL;
  hops: string[];
  headers: Record<string, string | string[] | undefined>;
  stream: Dispatcher.ResponseData['body'];
}

/** One client for one run: it remembers which hosts are down and what it received. Loads undici with the first request. */
export function createHttpClient(profile: NetworkProfile, options: HttpClientOptions): HttpClient {
  const { redactor } = options;
  const connectTimeoutMs = options.connectTimeoutMs ?? profile.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const idleTimeoutMs = options.idleTimeoutMs ?? profile.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const received = new Map<string, number>();
  const downHosts = new Map<string, NetworkFailure>();
  const { authorizationFor, withoutLogin } = createLogins(profile, redactor);
  let agents: Promise<Agents> | null = null;

  function openedAgents() {
    agents ??= import('./agents.ts').then(({ openAgents }) =>
      openAgents(profile, { connectTimeoutMs, idleTimeoutMs }),
    );
    return agents;
  }

  function failureOf(error: unknown, url: URL, isBodyDue: boolean): NetworkFailure {
    if (error instanceof NetworkFailure) return error;
    const proxy = proxyFor(url, profile.proxies);
    const context = {
      host: url.host,
      detail: redactor.redact(errorChain(error)),
      ...(proxy ? { proxyHost: placeOf(proxy.url) } : {}),
      cause: error,
    };
    if (error instanceof ProxyError) {
      const { status, proxyHost } = error;
      const reason: NetworkReason =
        status === null ? 'proxy-unreachable' : status === 407 ? 'proxy-login' : 'proxy-refused';
      return new NetworkFailure(reason, { ...context, proxyHost, ...(status ? { status } : {}) });
    }
    const reason = reasonOfError(error);
    if (proxy && url.protocol === 'http:' && (reason === 'dns' || isUnreachable(reason))) {
      return new NetworkFailure('proxy-unreachable', context);
    }
    if (isBodyDue && reason === 'reset') return new NetworkFailure('truncated', context);
    const issuer = error instanceof HandshakeError ? error.issuer : null;
    return new NetworkFailure(reason, { ...context, ...(issuer ? { issuer } : {}) });
  }

  async function send(
    url: URL,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Exchange> {
    const { direct, forwarding } = await openedAgents();
    const authorization = authorizationFor(url);
    const proxy = proxyFor(url, profile.proxies);
    if (proxy && !/^https?:/.test(proxy.url))
      throw new NetworkFailure('proxy-unsupported', { host: url.host, proxyHost: placeOf(proxy.url) });
    const isForwarded = proxy !== null && url.protocol === 'http:';
    const request: Dispatcher.RequestOptions = {
      origin: isForwarded ? new URL(proxy.url).origin : url.origin,
      path: isForwarded ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
      method,
      headers: {
        'user-agent': 'ktx-setup',
        ...headers,
        ...(authorization ? { authorization } : {}),
        ...(isForwarded ? forwardingHeaders(url, proxy) : {}),
      },
      signal: signal ?? null,
    };
    for (let attempt = 1; ; attempt++) {
      throwIfCancelled(signal);
      try {
        const response = await (isForwarded ? forwarding : direct).request(request);
        if (response.statusCode === 407) {
          await discard(response.body);
          throw new ProxyError(proxy ? placeOf(proxy.url) : url.host, 407);
        }
        return {
          status: response.statusCode,
          url,
          hops: [],
          headers: response.headers,
          stream: response.body,
        };
      } catch (error) {
        throwIfCancelled(signal);
        // A kept connection that the server had just closed: the request never reached it.
        if (attempt === 1 && reasonOfError(error) === 'reset') continue;
        throw failureOf(error, url, false);
      }
    }
  }

  /** Asks, follows redirects, and notes which hosts are down. `isGuarded`: the hosts must be allowed. */
  async function follow(
    address: string,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
    isGuarded: boolean,
    hops: string[] = [],
  ): Promise<Exchange> {
    try {
      return await followHops(address, method, headers, signal, isGuarded, hops);
    } catch (error) {
      throw error instanceof NetworkFailure && hops[0] ? error.reachedFrom(hops[0]) : error;
    }
  }

  async function followHops(
    address: string,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
    isGuarded: boolean,
    hops: string[],
  ): Promise<Exchange> {
    let url = withoutLogin(address);
    let sent = headers;
    const seen = new Set<string>();
    for (;;) {
      const host = url.host;
      if (hops.at(-1) !== host) hops.push(host);
      if (seen.has(url.href)) throw new NetworkFailure('redirect', { host, detail: 'in a circle' });
      if (seen.size > MAX_REDIRECTS)
        throw new NetworkFailure('redirect', { host, detail: `more than ${MAX_REDIRECTS} times` });
      seen.add(url.href);
      if (profile.isOffline) throw new NetworkFailure('offline', { host });
      if (isGuarded && options.isHostAllowed?.(host) === false)
        throw new NetworkFailure('host-not-allowed', { host });
      const known = downHosts.get(url.origin);
      if (known) throw known;
      let exchange: Exchange;
      try {
        exchange = await send(url, method, sent, signal);
      } catch (error) {
        if (error instanceof NetworkFailure && error.isHostDown) downHosts.set(url.origin, error);
        throw error;
      }
      const location = exchange.headers['location'];
      const isRedirect = [301, 302, 303, 307, 308].includes(exchange.status) && typeof location === 'string';
      if (!isRedirect) return { ...exchange, hops };
      await discard(exchange.stream);
      const next = redirectTarget(location, url);
      if (next.origin !== url.origin) sent = withoutSecrets(sent);
      url = next;
    }
  }

  function redirectTarget(location: string, from: URL): URL {
    let target: URL;
    try {
      target = withoutLogin(new URL(location, from).href);
    } catch {
      throw new NetworkFailure('redirect', { host: from.host, detail: 'to something that is no address' });
    }
    if (target.protocol !== 'https:' && target.protocol !== 'http:')
      throw new NetworkFailure('redirect', { host: from.host, detail: `to ${target.protocol}` });
    if (from.protocol === 'https:' && target.protocol === 'http:')
      throw new NetworkFailure('redirect', {
        host: from.host,
        detail: `from https to unprotected http (${target.host})`,
      });
    return target;
  }

  async function* countedBody(
    exchange: Exchange,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ) {
    const { host } = exchange.url;
    try {
      for await (const chunk of chunks) {
        received.set(host, (received.get(host) ?? 0) + chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      if (signal?.aborted) throw new CancelledError();
      throw failureOf(error, exchange.url, true);
    }
  }

  /** A page that is needed now has no use for a server that never ends it. */
  function pageBody(wire: AsyncIterable<Uint8Array>, encoding: string, url: URL): AsyncIterable<Uint8Array> {
    const steady = paced(wire, paceWindowOf(profile), (bytes, ms) => {
      throw new NetworkFailure('too-slow', {
        host: url.host,
        detail: `${bytes} bytes in ${Math.round(ms)} ms`,
      });
    });
    return decoded(steady, encoding, (error) => failureOf(error, url, true));
  }

  async function get(address: string, { signal, headers = {}, isPage = false }: GetOptions = {}) {
    throwIfCancelled(signal);
    if (new URL(address).protocol === 'file:') return openLocalAddress(address);
    const accepted = { 'accept-encoding': isPage ? 'gzip, deflate, br' : 'identity', ...headers };
    const exchange = await follow(address, 'GET', accepted, signal, true);
    const encoding = String(exchange.headers['content-encoding'] ?? 'identity')
      .toLowerCase()
      .trim();
    const wire = countedBody(exchange, arriving(exchange.stream), signal);
    const body = isPage ? pageBody(wire, encoding, exchange.url) : wire;
    return {
      status: exchange.status,
      url: exchange.url.href,
      hops: exchange.hops,
      headers: headerMap(exchange.headers),
      body,
      text: (maxBytes: number) => textOf(body, maxBytes, exchange.url.host),
      discard: () => discard(exchange.stream),
    };
  }

  async function probe(
    address: string,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<ProbeResult> {
    throwIfCancelled(signal);
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const host = placeOf(address);
    // Filled as it goes: the one that did not answer in time is the last.
    let hops: string[] = [];
    try {
      const local = new URL(address).protocol === 'file:' ? await openLocalAddress(address) : null;
      if (local) {
        await local.discard();
        const localSize = sizeOf(local.headers.get('content-length'));
        return probeResult(local.status, [host], localSize, undefined);
      }
      let exchange = await follow(address, 'HEAD', {}, either, false, hops);
      // Servers and mirrors that know no HEAD answer it with one of these.
      if ([400, 403, 405, 501].includes(exchange.status)) {
        await discard(exchange.stream);
        hops = [];
        exchange = await follow(address, 'GET', { range: 'bytes=0-0' }, either, false, hops);
      }
      await discard(exchange.stream);
      const range = /\/(\d+)$/.exec(String(exchange.headers['content-range'] ?? ''))?.[1];
      const size = range ?? (exchange.status === 206 ? null : exchange.headers['content-length']);
      return probeResult(exchange.status, hops, sizeOf(size), String(exchange.headers['content-type'] ?? ''));
    } catch (error) {
      throwIfCancelled(signal);
      const failure =
        error instanceof NetworkFailure
          ? error
          : new NetworkFailure('connect-timeout', {
              host: hops.at(-1) ?? host,
              detail: `no answer within ${timeoutMs} ms`,
              ...(hops.length > 1 ? { via: hops[0]! } : {}),
            });
      return { isReachable: false, failure, status: failure.status, hops, sizeBytes: null };
    }
  }

  return {
    get,
    probe,
    egress: () => [...received].map(([host, bytes]) => ({ host, bytes })).sort((a, b) => b.bytes - a.bytes),
    close: async () => {
      if (!agents) return;
      const { direct, forwarding } = await agents;
      // Not close(): that would wait for transfers nobody reads any more.
      await Promise.all([direct.destroy(), forwarding.destroy()]);
    },
  };
}

function probeResult(
  status: number,
  hops: string[],
  sizeBytes: number | null,
  contentType: string | undefined,
): ProbeResult {
  const isSuccess = status >= 200 && status < 300;
  const host = hops.at(-1)!;
  const via = hops[0] === host ? {} : { via: hops[0]! };
  // No file that is probed is a web page: something answers in the place of the host.
  const isPage = isSuccess && /^text\/html\b/i.test(contentType ?? '');
  const failure = isPage
    ? new NetworkFailure('not-a-file', { host, ...via })
    : isSuccess
      ? null
      : new NetworkFailure(reasonOfStatus(status), { host, status, ...via });
  return { isReachable: failure === null, failure, status, hops, sizeBytes };
}

function headerMap(headers: Exchange['headers']): Map<string, string> {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
    ),
  );
}

function forwardingHeaders(url: URL, proxy: ProxyServer): Record<string, string> {
  return { host: url.host, ...(proxy.authorization ? { 'proxy-authorization': proxy.authorization } : {}) };
}

function withoutSecrets(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
  );
}

function isUnreachable(reason: NetworkReason): boolean {
  return reason === 'refused' || reason === 'unreachable' || reason === 'connect-timeout';
}

function sizeOf(header: string | string[] | null | undefined): number | null {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : null;
}

/** Lets go of a body that nobody wants, so that its connection is free again. Errors of it are of no interest. */
async function discard(stream: Dispatcher.ResponseData['body']): Promise<void> {
  await stream.dump({ limit: 64 * 1024 }).catch(() => {});
}
