/** What a proxy answered to a connection attempt. Texts as received. */
export interface ProxyAnswer {
  status: number;
  reasonPhrase: string;
  /** All `Proxy-Authenticate` headers. */
  authenticate: string;
  /** `X-Squid-Error`, such as `ERR_DNS_FAIL 0`. */
  squidError: string;
  location: string;
  /** A login was sent. */
  hasLogin: boolean;
}

/** The proxy refused the connection. `answer` is its response, or `null` if it sent none. */
export class ProxyError extends Error {
  readonly proxyHost: string;
  readonly answer: ProxyAnswer | null;
  /** Whether the proxy itself uses TLS. */
  readonly isSecure: boolean;
  /** Issuer of the proxy's certificate, if it was not trusted. */
  readonly issuer: string | null;

  constructor(
    proxyHost: string,
    answer: ProxyAnswer | null,
    more: { isSecure?: boolean; issuer?: string | null; cause?: unknown } = {},
  ) {
    super(
      answer === null ? `proxy ${proxyHost} not reached` : `proxy ${proxyHost} answered ${answer.status}`,
      more.cause === undefined ? undefined : { cause: more.cause },
    );
    this.proxyHost = proxyHost;
    this.answer = answer;
    this.isSecure = more.isSecure ?? false;
    this.issuer = more.issuer ?? null;
  }

  get status(): number | null {
    return this.answer?.status ?? null;
  }
}

/** A failed TLS handshake; `issuer` signed the certificate that the peer presented. */
export class HandshakeError extends Error {
  readonly issuer: string | null;

  constructor(issuer: string | null, cause: Error) {
    super(cause.message, { cause });
    this.issuer = issuer;
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Parses a proxy's answer. */
export function proxyAnswerOf(
  status: number,
  reasonPhrase: string,
  headers: Headers,
  hasLogin: boolean,
): ProxyAnswer {
  const text = (name: string) => [headers[name] ?? ''].flat().join(', ');
  return {
    status,
    reasonPhrase,
    authenticate: text('proxy-authenticate'),
    squidError: text('x-squid-error'),
    location: text('location'),
    hasLogin,
  };
}
