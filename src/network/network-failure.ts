import { SetupError } from '../support/errors.ts';

/** What a transfer died of. Each has its words in `TEXTS`. */
export type NetworkReason =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'connect-timeout'
  | 'idle-timeout'
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
  | 'not-a-file'
  | 'file'
  | 'unknown';

export interface NetworkFailureContext {
  /** `host[:port]`, or the path of a folder. */
  host: string;
  /** Host of the proxy that was in between. */
  proxyHost?: string;
  status?: number;
  /** Who signed the certificate that was not trusted. */
  issuer?: string;
  /** The system's or the library's own words, secrets masked. */
  detail?: string;
  /** Where an error page lies, login and query left out. */
  url?: string;
  cause?: unknown;
}

/** A SetupError of class network that names the host and knows what it was. */
export class NetworkFailure extends SetupError {
  readonly reason: NetworkReason;
  readonly host: string;
  /** HTTP status, when there was an answer. */
  readonly status: number | null;

  constructor(reason: NetworkReason, context: NetworkFailureContext) {
    const text = TEXTS[reason](context);
    super(text.message, {
      failureClass: 'network',
      evidence: [
        `host: ${context.host}`,
        ...(context.url ? [`address: ${context.url}`] : []),
        ...(context.proxyHost ? [`proxy: ${context.proxyHost}`] : []),
        ...(context.issuer ? [`certificate signed by: ${context.issuer}`] : []),
        ...(context.detail ? [context.detail] : []),
      ],
      nextSteps: text.nextSteps,
      ...(context.cause === undefined ? {} : { cause: context.cause }),
    });
    this.name = 'NetworkFailure';
    this.reason = reason;
    this.host = context.host;
    this.status = context.status ?? null;
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

const OWN_MIRROR = 'Use an index or mirror that this network allows: ktx setup --index-url <url>';
const CHECK_PROXY =
  'If this network needs a proxy, set HTTPS_PROXY to it (NO_PROXY for hosts without), then run: ktx setup';
const EXTRA_CA =
  'Put the certificate of the authority that signed it into a PEM file and run: SSL_CERT_FILE=<file> ktx setup';
const AGAIN = 'Run it again: ktx setup';

type Text = (context: NetworkFailureContext) => { message: string; nextSteps: string[] };

const TEXTS: Readonly<Record<NetworkReason, Text>> = {
  dns: ({ host }) => ({
    message: `The name of ${host} could not be found (DNS).`,
    nextSteps: ['Check the network connection, and the name for typing errors.', CHECK_PROXY, OWN_MIRROR],
  }),
  refused: ({ host }) => ({
    message: `${host} refused the connection.`,
    nextSteps: [`Check that ${host} is the right address and that it is running.`, CHECK_PROXY, OWN_MIRROR],
  }),
  unreachable: ({ host }) => ({
    message: `There is no route to ${host}.`,
    nextSteps: ['Check the network connection (VPN, firewall).', CHECK_PROXY, OWN_MIRROR],
  }),
  'connect-timeout': ({ host }) => ({
    message: `${host} did not answer the connection in time; a firewall may drop it.`,
    nextSteps: [CHECK_PROXY, OWN_MIRROR],
  }),
  'idle-timeout': ({ host }) => ({
    message: `${host} went silent: nothing arrived for too long.`,
    nextSteps: [AGAIN, OWN_MIRROR],
  }),
  reset: ({ host }) => ({
    message: `${host} broke off the connection.`,
    nextSteps: [AGAIN, CHECK_PROXY],
  }),
  truncated: ({ host }) => ({
    message: `${host} broke off before everything had arrived.`,
    nextSteps: [AGAIN, OWN_MIRROR],
  }),
  protocol: ({ host }) => ({
    message: `${host} answered with something that is no valid HTTP.`,
    nextSteps: ['Check that the address and its port are right.', OWN_MIRROR],
  }),
  'untrusted-certificate': ({ host, issuer }) => ({
    message: `The certificate that ${host} showed is not trusted${issuer ? `: it is signed by ${issuer}` : ''}. TLS on this network may be intercepted.`,
    nextSteps: [EXTRA_CA],
  }),
  'expired-certificate': ({ host }) => ({
    message: `The certificate that ${host} showed is out of its dates.`,
    nextSteps: ["Check this machine's clock.", `Ask the people who run ${host} to renew it.`],
  }),
  'wrong-name-certificate': ({ host, issuer }) => ({
    message: `The certificate that ${host} showed is for another name${issuer ? ` (signed by ${issuer})` : ''}.`,
    nextSteps: [
      'Check the address; a proxy or sign-in page of this network may be answering in its place.',
      EXTRA_CA,
    ],
  }),
  tls: ({ host }) => ({
    message: `No secure connection could be made to ${host} (TLS).`,
    nextSteps: ['Check that the port speaks https.', CHECK_PROXY],
  }),
  'proxy-unreachable': ({ host, proxyHost }) => ({
    message: `The proxy ${proxyHost ?? ''} could not be reached on the way to ${host}.`,
    nextSteps: [
      'Check HTTPS_PROXY and HTTP_PROXY, or unset them when this network needs none.',
      `If ${host} is inside this network, add it to NO_PROXY.`,
    ],
  }),
  'proxy-login': ({ host, proxyHost }) => ({
    message: `The proxy ${proxyHost ?? ''} wants a login (407) before it connects to ${host}.`,
    nextSteps: [
      'Put the login into the proxy address: HTTPS_PROXY=http://<user>:<password>@<proxy>, then run: ktx setup',
    ],
  }),
  'proxy-refused': ({ host, proxyHost, status }) => ({
    message: `The proxy ${proxyHost ?? ''} refused to connect to ${host}${status ? ` (${status})` : ''}.`,
    nextSteps: [`Ask for ${host} to be allowed on the proxy.`, OWN_MIRROR],
  }),
  'proxy-unsupported': ({ host, proxyHost }) => ({
    message: `The proxy ${proxyHost ?? ''} on the way to ${host} is of a kind that ktx does not speak (SOCKS).`,
    nextSteps: [
      'Set HTTPS_PROXY to an http:// proxy, or add the host to NO_PROXY, then run: ktx setup',
      OWN_MIRROR,
    ],
  }),
  redirect: ({ host, detail }) => ({
    message: `${host} redirects to where it may not lead${detail ? `: ${detail}` : ''}.`,
    nextSteps: ['Check the address.', OWN_MIRROR],
  }),
  offline: ({ host }) => ({
    message: `${host} was not asked: the network is not used with --offline.`,
    nextSteps: [
      'Run it without --offline, or name a folder with the files in PIP_FIND_LINKS, or use a bundle: ktx setup --bundle <file>',
    ],
  }),
  'host-not-allowed': ({ host }) => ({
    message: `${host} was not contacted: the plan does not name it.`,
    nextSteps: [`To allow it, run: ktx setup --allow-host ${host}`],
  }),
  login: ({ host }) => ({
    message: `${host} wants a login (401), or did not accept the one it got.`,
    nextSteps: [
      `Add the login to ~/.netrc (machine ${host.replace(/:\d+$/, '')} login <user> password <password>), or to the index address.`,
    ],
  }),
  forbidden: ({ host }) => ({
    message: `${host} refuses access (403).`,
    nextSteps: [`Check that your login may read there, or ask the people who run ${host}.`, OWN_MIRROR],
  }),
  'not-found': ({ host, status }) => ({
    message: `${host} does not have it${status ? ` (${status})` : ''}.`,
    nextSteps: [OWN_MIRROR],
  }),
  'http-status': ({ host, status }) => ({
    message: `${host} answered ${status}.`,
    nextSteps: [AGAIN, OWN_MIRROR],
  }),
  empty: ({ host }) => ({
    message: `${host} answered with nothing.`,
    nextSteps: [AGAIN, OWN_MIRROR],
  }),
  'not-an-index': ({ host }) => ({
    message: `${host} answered with a page that is no package index; it may be a sign-in page.`,
    nextSteps: [
      'Open the address in a browser, sign in if the network asks for it, then run: ktx setup',
      OWN_MIRROR,
    ],
  }),
  'not-a-file': ({ host }) => ({
    message: `${host} answered with a web page where a file was due; it may be a sign-in page or a blocked download.`,
    nextSteps: [
      'Open the address in a browser, sign in if the network asks for it, then run: ktx setup',
      OWN_MIRROR,
    ],
  }),
  file: ({ host }) => ({
    message: `${host} cannot be read.`,
    nextSteps: ['Check that it is there and that you may read it.'],
  }),
  unknown: ({ host }) => ({
    message: `Something unexpected stopped the transfer from ${host}.`,
    nextSteps: [AGAIN],
  }),
};
