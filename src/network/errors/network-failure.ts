import { SetupError } from '../../support/errors.ts';
import {
  addLogin,
  allowHost,
  askForAccess,
  askTheOwner,
  bypassProxy,
  CHECK_CLOCK,
  CHECK_NETWORK,
  CHECK_PROXY,
  CHOOSE_CA_FILE,
  COPY_STORE,
  checkAddress,
  GO_ONLINE,
  PROXY_LOGIN,
  RETRY,
  type Remedy,
  type RemedyId,
  SET_PROXY,
  SIGN_IN,
  USE_INDEX,
} from '../../support/remedies.ts';
import { withoutPort } from '../address/address.ts';
import { isBuiltInHost } from '../address/official-hosts.ts';

/** What a transfer died of. Each has its words in `TEXTS`. */
export type NetworkReason =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'connect-timeout'
  | 'idle-timeout'
  | 'too-slow'
  | 'reset'
  | 'truncated'
  | 'protocol'
  | 'untrusted-certificate'
  | 'expired-certificate'
  | 'wrong-name-certificate'
  | 'tls'
  | 'proxy-unreachable'
  | 'proxy-login'
  | 'proxy-refused'
  | 'proxy-unsupported'
  | 'redirect'
  | 'offline'
  | 'host-not-allowed'
  | 'login'
  | 'forbidden'
  | 'not-found'
  | 'http-status'
  | 'empty'
  | 'not-an-index'
  | 'sign-in-page'
  | 'not-a-file'
  | 'file'
  | 'unknown';

export interface NetworkFailureContext {
  /** `host[:port]`, or the path of a folder. */
  host: string;
  /** Host whose redirect led there. */
  via?: string;
  /** Host of the proxy that was in between. */
  proxyHost?: string;
  status?: number;
  /** Who signed the certificate that was not trusted. */
  issuer?: string;
  /** What the host asked to wait before the next attempt (`Retry-After`). */
  retryAfterMs?: number;
  /** The system's or the library's own words, secrets masked. */
  detail?: string;
  /** Where an error page lies, login and query left out. */
  url?: string;
  cause?: unknown;
}

/** A SetupError of class network that names the host and knows what it was. */
export class NetworkFailure extends SetupError {
  readonly reason: NetworkReason;
  declare readonly host: string;
  /** Host whose redirect led there; `null` when it was asked directly. */
  readonly via: string | null;
  /** HTTP status, when there was an answer. */
  readonly status: number | null;
  /** Who signed the certificate that was not trusted; `null` when that was not the trouble, or not seen. */
  readonly issuer: string | null;
  readonly proxyHost: string | null;
  /** How long the host wants to be left alone; `null` when it did not say. */
  readonly retryAfterMs: number | null;

  private readonly context: NetworkFailureContext;

  constructor(reason: NetworkReason, context: NetworkFailureContext) {
    const { message, remedies: known } = TEXTS[reason](context);
    const { via, host } = context;
    const isBuiltIn = isBuiltInHost(host);
    const isPointless: Partial<Record<RemedyId, boolean>> = {
      // Only what somebody has typed can be mistyped: neither our own addresses nor where they redirect to.
      'check-address': isBuiltIn || via !== undefined,
      'bypass-proxy': isBuiltIn,
    };
    const remedies = known.filter(({ id }) => !isPointless[id]);
    super(message, {
      failureClass: 'network',
      host,
      evidence: [
        `host: ${host}`,
        ...(via ? [`reached by a redirect of ${via}`] : []),
        ...(context.url ? [`address: ${context.url}`] : []),
        ...(context.proxyHost ? [`proxy: ${context.proxyHost}`] : []),
        ...(context.issuer ? [`certificate signed by: ${context.issuer}`] : []),
        ...(context.detail ? [context.detail] : []),
      ],
      // Who allows one host rarely thinks of where it sends people on to.
      remedies:
        via && BLOCKED.has(reason)
          ? [askForAccess(`${host}, where ${via} keeps its files`), ...remedies]
          : remedies,
      ...(context.cause === undefined ? {} : { cause: context.cause }),
    });
    this.name = 'NetworkFailure';
    this.reason = reason;
    this.context = context;
    this.via = via ?? null;
    this.status = context.status ?? null;
    this.issuer = context.issuer ?? null;
    this.proxyHost = context.proxyHost ?? null;
    this.retryAfterMs = context.retryAfterMs ?? null;
  }

  /** The same, as seen by somebody who asked another host. */
  reachedFrom(via: string): NetworkFailure {
    if (this.via !== null || via === this.host) return this;
    return new NetworkFailure(this.reason, { ...this.context, via });
  }

  /** The way to the host is closed, as opposed to what it answers. */
  get isBlocked(): boolean {
    return BLOCKED.has(this.reason);
  }

  /** The same request may work a moment later. */
  get isTransient(): boolean {
    if (this.reason !== 'http-status') return TRANSIENT.has(this.reason);
    return this.status === 408 || this.status === 429 || (this.status ?? 0) >= 500;
  }

  /** Nothing at this host will answer in this run. */
  get isHostDown(): boolean {
    return HOST_DOWN.has(this.reason);
  }
}

const TRANSIENT = new Set<NetworkReason>(['reset', 'truncated', 'idle-timeout', 'protocol']);
const HOST_DOWN = new Set<NetworkReason>([
  'dns',
  'refused',
  'unreachable',
  'connect-timeout',
  'untrusted-certificate',
  'expired-certificate',
  'wrong-name-certificate',
  'proxy-unreachable',
  'proxy-login',
  'proxy-refused',
]);

const BLOCKED = new Set<NetworkReason>([
  'dns',
  'refused',
  'unreachable',
  'connect-timeout',
  'reset',
  'forbidden',
  'proxy-refused',
]);

/** Error codes of Node, OpenSSL and undici, and what each means. */
const REASON_OF_CODE: Readonly<Record<string, NetworkReason>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNREFUSED: 'refused',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'connect-timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'idle-timeout',
  UND_ERR_BODY_TIMEOUT: 'idle-timeout',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'truncated',
  Z_BUF_ERROR: 'truncated',
  Z_DATA_ERROR: 'protocol',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted-certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted-certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted-certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted-certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted-certificate',
  CERT_UNTRUSTED: 'untrusted-certificate',
  CERT_REJECTED: 'untrusted-certificate',
  CERT_SIGNATURE_FAILURE: 'untrusted-certificate',
  CERT_CHAIN_TOO_LONG: 'untrusted-certificate',
  CERT_REVOKED: 'untrusted-certificate',
  INVALID_CA: 'untrusted-certificate',
  INVALID_PURPOSE: 'untrusted-certificate',
  PATH_LENGTH_EXCEEDED: 'untrusted-certificate',
  EE_KEY_TOO_SMALL: 'untrusted-certificate',
  CA_MD_TOO_WEAK: 'untrusted-certificate',
  CERT_HAS_EXPIRED: 'expired-certificate',
  CERT_NOT_YET_VALID: 'expired-certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name-certificate',
  HOSTNAME_MISMATCH: 'wrong-name-certificate',
  EPROTO: 'tls',
  ENOENT: 'file',
  ENOTDIR: 'file',
  EISDIR: 'file',
  EACCES: 'file',
};

/** What an error of the transport means: its own code, else that of its causes, from the outside in. */
export function reasonOfError(error: unknown): NetworkReason {
  let current: unknown = error;
  for (let depth = 0; typeof current === 'object' && current !== null && depth < 8; depth++) {
    const { code, cause, name } = current as { code?: unknown; cause?: unknown; name?: unknown };
    // undici's parser leaves the code out for some of its errors.
    if (name === 'HTTPParserError') return 'protocol';
    if (typeof code === 'string') {
      const known = REASON_OF_CODE[code];
      if (known) return known;
      if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls';
      if (code.startsWith('HPE_')) return 'protocol';
    }
    current = current instanceof AggregateError ? current.errors[0] : cause;
  }
  return 'unknown';
}

/** What an HTTP status other than success and redirect means. */
export function reasonOfStatus(status: number): NetworkReason {
  if (status === 401) return 'login';
  if (status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 407) return 'proxy-login';
  return 'http-status';
}

type Text = (context: NetworkFailureContext) => { message: string; remedies: Remedy[] };

const TEXTS: Readonly<Record<NetworkReason, Text>> = {
  dns: ({ host }) => ({
    message: `The name of ${host} could not be found (DNS).`,
    remedies: [CHECK_NETWORK, checkAddress(host), SET_PROXY, USE_INDEX],
  }),
  refused: ({ host }) => ({
    message: `${host} refused the connection.`,
    remedies: [checkAddress(host), SET_PROXY, USE_INDEX],
  }),
  unreachable: ({ host }) => ({
    message: `There is no route to ${host}.`,
    remedies: [CHECK_NETWORK, SET_PROXY, USE_INDEX],
  }),
  'connect-timeout': ({ host }) => ({
    message: `${host} did not answer the connection in time; a firewall may drop it.`,
    remedies: [SET_PROXY, USE_INDEX],
  }),
  'idle-timeout': ({ host }) => ({
    message: `${host} went silent: nothing arrived for too long.`,
    remedies: [RETRY, USE_INDEX],
  }),
  'too-slow': ({ host }) => ({
    message: `${host} sends next to nothing.`,
    remedies: [RETRY, USE_INDEX],
  }),
  reset: ({ host }) => ({
    message: `${host} broke off the connection.`,
    remedies: [RETRY, SET_PROXY, USE_INDEX],
  }),
  truncated: ({ host }) => ({
    message: `${host} broke off before everything had arrived.`,
    remedies: [RETRY, USE_INDEX],
  }),
  protocol: ({ host }) => ({
    message: `${host} answered with something that is no valid HTTP.`,
    remedies: [checkAddress(host), USE_INDEX],
  }),
  'untrusted-certificate': ({ host, issuer }) => ({
    message: `The certificate that ${host} showed is not trusted${issuer ? `: it is signed by ${issuer}` : ''}. TLS on this network may be intercepted.`,
    remedies: [CHOOSE_CA_FILE],
  }),
  'expired-certificate': ({ host }) => ({
    message: `The certificate that ${host} showed is out of its dates.`,
    remedies: [CHECK_CLOCK, askTheOwner(host, 'to renew it'), USE_INDEX],
  }),
  'wrong-name-certificate': ({ host, issuer }) => ({
    message: `The certificate that ${host} showed is for another name${issuer ? ` (signed by ${issuer})` : ''}; a proxy or a sign-in page of this network may be answering in its place.`,
    remedies: [checkAddress(host), SIGN_IN, CHOOSE_CA_FILE],
  }),
  tls: ({ host }) => ({
    message: `No secure connection could be made to ${host} (TLS).`,
    remedies: [checkAddress(host), SET_PROXY, USE_INDEX],
  }),
  'proxy-unreachable': ({ host, proxyHost }) => ({
    message: `The proxy ${proxyHost ?? ''} could not be reached on the way to ${host}.`,
    remedies: [CHECK_PROXY, bypassProxy(host)],
  }),
  'proxy-login': ({ host, proxyHost }) =>
    proxyHost !== undefined && proxyHost !== host
      ? {
          message: `The proxy ${proxyHost} wants a login (407) before it connects to ${host}.`,
          remedies: [PROXY_LOGIN, CHECK_PROXY],
        }
      : {
          message: `${host} answers that a proxy wants a login (407), and no proxy is set for it.`,
          remedies: [SET_PROXY, PROXY_LOGIN, CHECK_PROXY],
        },
  'proxy-refused': ({ host, proxyHost, status }) => ({
    message: `The proxy ${proxyHost ?? ''} refused to connect to ${host}${status ? ` (${status})` : ''}.`,
    remedies: [askForAccess(`${host} on the proxy`), USE_INDEX],
  }),
  'proxy-unsupported': ({ host, proxyHost }) => ({
    message: `The proxy ${proxyHost ?? ''} on the way to ${host} is of a kind that ktx does not speak (SOCKS).`,
    remedies: [SET_PROXY, bypassProxy(host), USE_INDEX],
  }),
  redirect: ({ host, detail }) => ({
    message: `${host} redirects to where it may not lead${detail ? `: ${detail}` : ''}.`,
    remedies: [checkAddress(host), USE_INDEX],
  }),
  offline: ({ host }) => ({
    message: `${host} was not asked: the network is not used with --offline.`,
    remedies: [GO_ONLINE, COPY_STORE],
  }),
  'host-not-allowed': ({ host }) => ({
    message: `${host} was not contacted: the plan does not name it.`,
    remedies: [allowHost(withoutPort(host))],
  }),
  login: ({ host }) => ({
    message: `${host} wants a login (401), or did not accept the one it got.`,
    remedies: [addLogin(host.replace(/:\d+$/, '')), USE_INDEX],
  }),
  forbidden: ({ host }) => ({
    message: `${host} refuses access (403).`,
    remedies: [askTheOwner(host, 'whether you, and your login, may read there'), USE_INDEX],
  }),
  'not-found': ({ host, status }) => ({
    message: `${host} does not have it${status ? ` (${status})` : ''}.`,
    remedies: [checkAddress(host), USE_INDEX],
  }),
  'http-status': ({ host, status }) => ({
    message:
      status === 429
        ? `${host} was asked too often (429).`
        : status === 511
          ? `The network wants a sign-in before it lets anybody through to ${host} (511).`
          : `${host} answered ${status}.`,
    remedies: status === 511 ? [SIGN_IN] : [RETRY, USE_INDEX],
  }),
  empty: ({ host }) => ({
    message: `${host} answered with nothing.`,
    remedies: [RETRY, USE_INDEX],
  }),
  'not-an-index': ({ host }) => ({
    message: `${host} answered with something that is no package index.`,
    remedies: [checkAddress(host), USE_INDEX],
  }),
  'sign-in-page': ({ host }) => ({
    message: `${host} answered with a web page that is no package index; it may be a sign-in page.`,
    remedies: [SIGN_IN, checkAddress(host), USE_INDEX],
  }),
  'not-a-file': ({ host }) => ({
    message: `${host} answered with a web page where a file was due; it may be a sign-in page or a blocked download.`,
    remedies: [SIGN_IN, USE_INDEX],
  }),
  file: ({ host }) => ({
    message: `${host} cannot be read.`,
    remedies: [checkAddress(host)],
  }),
  unknown: ({ host }) => ({
    message: `Something unexpected stopped the transfer from ${host}.`,
    remedies: [RETRY],
  }),
};
