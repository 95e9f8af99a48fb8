import { NETWORK_CAUSES, type NetworkReason } from '../../failure/causes/network-causes.ts';
import { type NetworkFacts, networkEvidence } from '../../failure/causes/network-facts.ts';
import { SetupError } from '../../support/errors.ts';
import { askForAccess } from '../../support/remedies.ts';
import type { RemedyId } from '../../support/remedy.ts';
import { isBuiltInHost } from '../address/official-hosts.ts';

export type { NetworkReason } from '../../failure/causes/network-causes.ts';

export interface NetworkFailureContext extends NetworkFacts {
  cause?: unknown;
}

/**
 * A SetupError of class network with the host and the reason. Its texts come from its row in
 * `NETWORK_CAUSES`.
 */
export class NetworkFailure extends SetupError {
  readonly reason: NetworkReason;
  declare readonly host: string;
  /** The host that redirected there; `null` without a redirect. */
  readonly via: string | null;
  /** HTTP status, if there was a response. */
  readonly status: number | null;
  /** Issuer of the untrusted certificate; `null` if that was not the problem, or is unknown. */
  readonly issuer: string | null;
  readonly proxyHost: string | null;
  /** `Retry-After` of the host; `null` if it sent none. */
  readonly retryAfterMs: number | null;

  private readonly context: NetworkFailureContext;

  constructor(reason: NetworkReason, context: NetworkFailureContext) {
    const row = NETWORK_CAUSES[reason];
    const { via, linkedFrom, host } = context;
    const isBuiltIn = isBuiltInHost(host);
    const isPointless: Partial<Record<RemedyId, boolean>> = {
      // Only a user-supplied address can be mistyped, not a built-in one or the target of a redirect or link.
      'check-address': isBuiltIn || via !== undefined || (linkedFrom !== undefined && linkedFrom !== host),
      'bypass-proxy': isBuiltIn,
    };
    const remedies = row.remedies(context).filter(({ id }) => !isPointless[id]);
    const keeper = via ?? (linkedFrom === host ? undefined : linkedFrom);
    super(row.title(context), {
      failureClass: row.failureClass,
      // A blocked redirect, however it was blocked.
      causeId: via !== undefined && row.isBlocked ? 'blocked-redirect' : row.cause,
      host,
      evidence: networkEvidence(context),
      // Whoever opened the firewall for one host may have missed its redirect targets.
      remedies:
        keeper && row.isBlocked
          ? [askForAccess(`${host}, where ${keeper} keeps its files`), ...remedies]
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

  /** The same failure, reached through another host's redirect. */
  reachedFrom(via: string): NetworkFailure {
    if (this.via !== null || via === this.host) return this;
    return new NetworkFailure(this.reason, { ...this.context, via });
  }

  /** The same failure, for a file linked from an index page. */
  linkedFrom(index: string): NetworkFailure {
    if (this.context.linkedFrom !== undefined || index === this.host) return this;
    return new NetworkFailure(this.reason, { ...this.context, linkedFrom: index });
  }

  /** The connection was blocked, as opposed to an error response. */
  get isBlocked(): boolean {
    return NETWORK_CAUSES[this.reason].isBlocked === true;
  }

  /** The server answered and refused. */
  get isRefusal(): boolean {
    return NETWORK_CAUSES[this.reason].isRefusal === true;
  }

  /** A retry may succeed shortly. */
  get isTransient(): boolean {
    const { isTransient = false } = NETWORK_CAUSES[this.reason];
    return typeof isTransient === 'boolean' ? isTransient : isTransient(this.context);
  }

  /** The host will not answer in this run. A host that has answered before is not down. */
  get isHostDown(): boolean {
    return NETWORK_CAUSES[this.reason].isHostDown === true && this.context.hasAnswered !== true;
  }
}

/** Reasons by error code of Node, OpenSSL and undici. */
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

/** The reason for a transport error: its own code, else that of its causes, outermost first. */
export function reasonOfError(error: unknown): NetworkReason {
  let current: unknown = error;
  for (let depth = 0; typeof current === 'object' && current !== null && depth < 8; depth++) {
    const { code, cause, name } = current as { code?: unknown; cause?: unknown; name?: unknown };
    // undici's parser omits the code from some of its errors.
    if (name === 'HTTPParserError') return 'protocol';
    if (typeof code === 'string') {
      const known = REASON_OF_CODE[code];
      if (known) return known;
      // The peer rejected our client certificate, or missed one.
      if (/^ERR_SSL_.*ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA)$/.test(code))
        return 'client-certificate';
      if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls';
      if (code.startsWith('HPE_')) return 'protocol';
    }
    current = current instanceof AggregateError ? current.errors[0] : cause;
  }
  return 'unknown';
}

/** The reason for an HTTP status other than success and redirect. */
export function reasonOfStatus(status: number): NetworkReason {
  if (status === 401) return 'login';
  if (status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 407) return 'proxy-login';
  if (status === 429) return 'too-many-requests';
  if (status === 451) return 'legal-reasons';
  if (status === 511) return 'sign-in-required';
  return 'http-status';
}
