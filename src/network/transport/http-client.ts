import { CancelledError, throwIfCancelled } from '../../support/errors.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import { placeOf, withoutPort } from '../address/address.ts';
import { NetworkFailure } from '../errors/network-failure.ts';
import type { NetworkProfile } from '../settings/profile.ts';
import type { Agents } from './agents.ts';
import { arriving } from './arriving.ts';
import { createExchanger, discard, type Exchange } from './exchange.ts';
import { decoded, failureOfAnswer, type HttpResponse, looksLikePage, textOf } from './http-response.ts';
import { openLocalAddress } from './local-address.ts';
import { createLogins } from './logins.ts';
import { createPacer, paceWindowOf } from './pace.ts';

/** The same as pip. A proxy that takes seconds per connection is slow, not blocked. */
const CONNECT_TIMEOUT_MS = 15_000;
/** Longest time without receiving a byte. There is no limit for the whole transfer: slow is fine. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 10;
/** Some servers never answer HEAD; GET decides. */
const HEAD_TIMEOUT_MS = 5000;

export interface GetOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /**
   * Index pages: requests compression and decompresses the response. Otherwise the bytes are the file's: a
   * server that claims `Content-Encoding: gzip` for a `.tar.gz` is not believed.
   */
  isPage?: boolean;
}

export interface ProbeResult {
  isReachable: boolean;
  /** Why it is unreachable; `null` when reachable. */
  failure: NetworkFailure | null;
  status: number | null;
  /** Hosts contacted, redirects included. */
  hops: string[];
  /** `Content-Length` of the file, if sent. */
  sizeBytes: number | null;
}

export interface HttpClient {
  /**
   * Follows redirects itself and resolves for any status; see `requireOk`. Also reads `file:` addresses.
   * @throws NetworkFailure naming the host; CancelledError; SetupError when this machine is at a limit.
   */
  get(url: string, options?: GetOptions): Promise<HttpResponse>;
  /**
   * Checks whether the file exists. HEAD is only a hint; unless it succeeds within seconds, the first byte is
   * requested. Same timeouts as a transfer. An unreachable host is a result, not an error.
   * @throws CancelledError of the caller's own signal; SetupError when this machine is at a limit.
   */
  probe(url: string, options?: { signal?: AbortSignal }): Promise<ProbeResult>;
  /** Body bytes received over the wire, per host, most first. */
  egress(): { host: string; bytes: number }[];
  close(): Promise<void>;
}

export interface HttpClientOptions {
  redactor: Redactor;
  /**
   * Called with `host[:port]` before each request of `get`, redirect targets included. Undefined: all hosts
   * are allowed.
   */
  isHostAllowed?: (host: string) => boolean;
  /** Explicitly allowed hosts, for the remedies of a refusal. */
  allowedHosts?: readonly string[];
  connectTimeoutMs?: number;
  idleTimeoutMs?: number;
}

export type { HttpResponse } from './http-response.ts';
export { requireOk } from './http-response.ts';

/** The timeouts of a run: the caller's, else the configured ones, else those of pip and uv. */
export function patienceOf(
  profile: Pick<NetworkProfile, 'connectTimeoutMs' | 'idleTimeoutMs'>,
  options: Pick<HttpClientOptions, 'connectTimeoutMs' | 'idleTimeoutMs'> = {},
): { connectTimeoutMs: number; idleTimeoutMs: number } {
  return {
    connectTimeoutMs: options.connectTimeoutMs ?? profile.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMs: options.idleTimeoutMs ?? profile.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
  };
}

/**
 * One client per run: remembers which hosts are down and how much it received. Loads undici with the first
 * request.
 */
export function createHttpClient(profile: NetworkProfile, options: HttpClientOptions): HttpClient {
  const { redactor } = options;
  const { connectTimeoutMs, idleTimeoutMs } = patienceOf(profile, options);
  const received = new Map<string, number>();
  const downHosts = new Map<string, NetworkFailure>();
  const refusedHosts = new Set<string>();
  const silentForHead = new Set<string>();
  const logins = createLogins(profile, redactor);
  const { withoutLogin } = logins;
  const pacer = createPacer(paceWindowOf(profile));
  let agents: Promise<Agents> | null = null;

  function openedAgents() {
    agents ??= import('./agents.ts').then(({ openAgents }) =>
      openAgents(profile, { connectTimeoutMs, idleTimeoutMs }),
    );
    return agents;
  }

  const { send, failureOf } = createExchanger({ profile, redactor, logins, openAgents: openedAgents });

  /** Sends, follows redirects, and records which hosts are down. `isGuarded`: only allowed hosts. */
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
    let isRedirected = false;
    const seen = new Set<string>();
    for (;;) {
      const host = url.host;
      if (hops.at(-1) !== host) hops.push(host);
      if (seen.has(url.href)) throw new NetworkFailure('redirect', { host, detail: 'in a circle' });
      if (seen.size > MAX_REDIRECTS)
        throw new NetworkFailure('redirect', { host, detail: `more than ${MAX_REDIRECTS} times` });
      seen.add(url.href);
      if (profile.isOffline) throw new NetworkFailure('offline', { host });
      if (isGuarded && options.isHostAllowed?.(host) === false) {
        refusedHosts.add(withoutPort(host));
        const hostsToAllow = [...(options.allowedHosts ?? []), ...refusedHosts];
        throw new NetworkFailure('host-not-allowed', { host, hostsToAllow });
      }
      const known = downHosts.get(url.origin);
      if (known) throw known;
      let exchange: Exchange;
      try {
        exchange = await send({ url, method, headers: sent, signal, isRedirected });
      } catch (error) {
        if (error instanceof NetworkFailure && error.isHostDown) downHosts.set(url.origin, error);
        throw error;
      }
      const location = exchange.headers['location'];
      const isRedirect = [301, 302, 303, 307, 308].includes(exchange.status) && typeof location === 'string';
      if (!isRedirect) return { ...exchange, hops };
      await discard(exchange.stream);
      const next = redirectTarget(location, url);
      if (next.origin !== url.origin) {
        sent = withoutSecrets(sent);
        isRedirected = true;
      }
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

  /** A page is needed now: an endless response is an error. */
  function pageBody(wire: AsyncIterable<Uint8Array>, encoding: string, url: URL): AsyncIterable<Uint8Array> {
    const steady = pacer.paced(wire, (bytes, ms) => {
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
    return responseOf(await follow(address, 'GET', accepted, signal, true), isPage, signal);
  }

  function responseOf(exchange: Exchange, isPage: boolean, signal: AbortSignal | undefined): HttpResponse {
    const encoding = String(exchange.headers['content-encoding'] ?? 'identity')
      .toLowerCase()
      .trim();
    const wire = countedBody(exchange, arriving(exchange.stream), signal);
    const body = isPage ? pageBody(wire, encoding, exchange.url) : wire;
    const { status, reasonPhrase, hasLogin, hops } = exchange;
    return {
      status,
      reasonPhrase,
      hasLogin,
      url: exchange.url.href,
      hops,
      headers: headerMap(exchange.headers),
      body,
      text: (maxBytes: number) => textOf(body, maxBytes, exchange.url.host),
      discard: () => discard(exchange.stream),
      redact: (text) => redactor.redact(text),
    };
  }

  async function probe(address: string, { signal }: { signal?: AbortSignal } = {}): Promise<ProbeResult> {
    throwIfCancelled(signal);
    if (new URL(address).protocol === 'file:') return probeFile(address);
    const byHead = await askHead();
    const isClear = byHead !== null && isSuccess(byHead.status) && !isHtml(byHead.headers);
    if (byHead) await discard(byHead.stream);
    if (isClear) return reachable(byHead);
    const byGet = await follow(address, 'GET', { range: 'bytes=0-0' }, signal, false);
    return isSuccess(byGet.status) ? fileOrPage(byGet) : refused(byGet);

    /** `null`: there is no answer to HEAD, and GET has to decide. */
    async function askHead(): Promise<Exchange | null> {
      const { origin } = new URL(address);
      if (silentForHead.has(origin)) return null;
      // Ended rather than left behind: the silent requests would hold all connections to the host.
      const silence = AbortSignal.timeout(Math.min(HEAD_TIMEOUT_MS, idleTimeoutMs));
      const stop = signal ? AbortSignal.any([signal, silence]) : silence;
      try {
        return await follow(address, 'HEAD', {}, stop, false);
      } catch (error) {
        throwIfCancelled(signal);
        if (silence.aborted) silentForHead.add(origin);
        else if (!(error instanceof NetworkFailure) || error.isHostDown) throw error;
        return null;
      }
    }

    async function refused(exchange: Exchange): Promise<ProbeResult> {
      return unreachable(await failureOfAnswer(responseOf(exchange, false, signal)), exchange.hops);
    }

    /** Some servers declare every file a web page: the content decides. */
    async function fileOrPage(exchange: Exchange): Promise<ProbeResult> {
      if (!isHtml(exchange.headers)) {
        await discard(exchange.stream);
        return reachable(exchange);
      }
      const response = responseOf(exchange, false, signal);
      const isPage = await startsLikePage(response.body);
      await response.discard();
      if (!isPage) return reachable(exchange);
      const [via, host] = [exchange.hops[0]!, exchange.hops.at(-1)!];
      return unreachable(
        new NetworkFailure('not-a-file', { host, ...(via === host ? {} : { via }) }),
        exchange.hops,
      );
    }
  }

  async function safeProbe(address: string, options: { signal?: AbortSignal } = {}): Promise<ProbeResult> {
    try {
      return await probe(address, options);
    } catch (error) {
      throwIfCancelled(options.signal);
      if (error instanceof NetworkFailure) return unreachable(error, [placeOf(address)]);
      throw error;
    }
  }

  return {
    get,
    probe: safeProbe,
    egress: () => [...received].map(([host, bytes]) => ({ host, bytes })).sort((a, b) => b.bytes - a.bytes),
    close: async () => {
      if (!agents) return;
      const { direct, forwarding } = await agents;
      // Not close(), which would wait for transfers that are no longer read.
      await Promise.all([direct.destroy(), forwarding.destroy()]);
    },
  };
}

async function probeFile(address: string): Promise<ProbeResult> {
  const local = await openLocalAddress(address);
  await local.discard();
  const hops = [placeOf(address)];
  if (!isSuccess(local.status))
    return unreachable(new NetworkFailure('not-found', { host: hops[0]!, status: local.status }), hops);
  const sizeBytes = sizeOf(local.headers.get('content-length'));
  return { isReachable: true, failure: null, status: local.status, hops, sizeBytes };
}

function reachable({ status, hops, headers }: Exchange): ProbeResult {
  const range = /\/(\d+)$/.exec(String(headers['content-range'] ?? ''))?.[1];
  const size = range ?? (status === 206 ? null : headers['content-length']);
  // Some servers answer HEAD with a length of 0.
  const sizeBytes = sizeOf(size) || null;
  return { isReachable: true, failure: null, status, hops, sizeBytes };
}

function unreachable(failure: NetworkFailure, hops: string[]): ProbeResult {
  return { isReachable: false, failure, status: failure.status, hops, sizeBytes: null };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function isHtml(headers: Exchange['headers']): boolean {
  return /^text\/html\b/i.test(String(headers['content-type'] ?? ''));
}

async function startsLikePage(body: AsyncIterable<Uint8Array>): Promise<boolean> {
  for await (const chunk of body) if (chunk.byteLength > 0) return looksLikePage(chunk);
  return false;
}

function headerMap(headers: Exchange['headers']): Map<string, string> {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
    ),
  );
}

function withoutSecrets(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
  );
}

function sizeOf(header: string | string[] | null | undefined): number | null {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : null;
}
