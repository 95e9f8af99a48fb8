/** What was seen of a transfer that failed. Secrets are masked, texts of others made harmless. */
export interface NetworkFacts {
  /** `host[:port]`, or the path of a folder. */
  host: string;
  /** Host whose redirect led there. */
  via?: string;
  /** Index whose page named the file there. */
  linkedFrom?: string;
  /** Host of the proxy that was in between. */
  proxyHost?: string;
  status?: number;
  /** Who signed the certificate that was not trusted. */
  issuer?: string;
  /** What the host asked to wait before the next attempt (`Retry-After`). */
  retryAfterMs?: number;
  /** The system's or the library's own words. */
  detail?: string;
  /** What the other side says: reason phrase, message of a JSON body, title of a page. */
  says?: string;
  /** Where an error page lies, login and query left out. */
  url?: string;
  /** Where to sign in, login and query left out. */
  signInUrl?: string;
  /** What the proxy requires a login by: `Negotiate`, `NTLM`. */
  schemes?: readonly string[];
  /** A login was sent. */
  hasLogin?: boolean;
  /** The host has answered in this run. */
  hasAnswered?: boolean;
  /** What `--allow-host` has to name, this host and those before it. */
  hostsToAllow?: readonly string[];
}

/** The lines below the title. */
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
