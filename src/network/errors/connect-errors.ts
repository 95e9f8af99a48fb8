/** The proxy did not let us through. `status` is its answer, or `null` when it was not reached. */
export class ProxyError extends Error {
  readonly proxyHost: string;
  readonly status: number | null;

  constructor(proxyHost: string, status: number | null, cause?: unknown) {
    super(
      status === null ? `proxy ${proxyHost} not reached` : `proxy ${proxyHost} answered ${status}`,
      cause === undefined ? undefined : { cause },
    );
    this.proxyHost = proxyHost;
    this.status = status;
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
