/** What a proxy said in place of a connection. Texts as it sent them. */
export interface ProxyAnswer {
  status: number;
  reasonPhrase: string;
  /** `Proxy-Authenticate`, all of them. */
  authenticate: string;
  /** `X-Squid-Error`, such as `ERR_DNS_FAIL 0`. */
  squidError: string;
  location: string;
  /** A login was sent. */
  hasLogin: boolean;
}

/** The proxy did not let us through. `answer` is what it said, or `null` when it said nothing. */
export class ProxyError extends Error {
  readonly proxyHost: string;
  readonly answer: ProxyAnswer | null;
  /** It was to be reached over TLS. */
  readonly isSecure: boolean;
  /** Who signed its certificate, where that was not trusted. */
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

/** A TLS handshake failed; `issuer` tells who signed what the other side showed. */
export class HandshakeError extends Error {
  readonly issuer: string | null;

  constructor(issuer: string | null, cause: Error) {
    super(cause.message, { cause });
    this.issuer = issuer;
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Reads what a proxy answered. */
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
