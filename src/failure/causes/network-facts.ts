/** Observations about a failed transfer. Secrets are masked, outside texts made harmless. */
export interface NetworkFacts {
  /** `host[:port]`, or the path of a folder. */
  host: string;
  /** The host that redirected there. */
  via?: string;
  /** The index whose page linked to it. */
  linkedFrom?: string;
  /** The proxy in between. */
  proxyHost?: string;
  status?: number;
  /** Issuer of the untrusted certificate. */
  issuer?: string;
  /** The delay requested by the host (`Retry-After`). */
  retryAfterMs?: number;
  /** The text of the system's or library's error. */
  detail?: string;
  /** The server's explanation: reason phrase, message of a JSON body, title of a page. */
  says?: string;
  /** Address of an error page, without login and query. */
  url?: string;
  /** Where to sign in, without login and query. */
  signInUrl?: string;
  /** Authentication schemes of the proxy: `Negotiate`, `NTLM`. */
  schemes?: readonly string[];
  /** The request carried a login. */
  hasLogin?: boolean;
  /** The host has answered earlier in this run. */
  hasAnswered?: boolean;
  /** Hosts to pass to `--allow-host`: this one and those allowed so far. */
  hostsToAllow?: readonly string[];
}

/** The evidence lines below the title. */
export function networkEvidence(facts: NetworkFacts): string[] {
  const { host, via, linkedFrom, url, proxyHost, issuer, schemes, says, signInUrl, detail } = facts;
  return [
    `host: ${host}`,
    ...(via ? [`reached by a redirect of ${via}`] : []),
    ...(linkedFrom && linkedFrom !== host ? [`${linkedFrom} keeps its files at ${host}`] : []),
    ...(url ? [`address: ${url}`] : []),
    ...(proxyHost ? [`proxy: ${proxyHost}`] : []),
    ...(issuer ? [`certificate signed by: ${issuer}`] : []),
    ...(schemes?.length ? [`it requires a login by: ${schemes.join(', ')}`] : []),
    ...(says ? [`it says: ${says}`] : []),
    ...(signInUrl ? [`it sends to: ${signInUrl}`] : []),
    ...(detail ? [detail] : []),
  ];
}
