/** From here on the hosts of one storage service are shown, and asked about, as one. */
const MANY_HOSTS = 4;

/**
 * Hosts of a plan, with `*.files.example` in place of four or more of one domain: storage services choose one of many by a file's digest,
 * and which it will be for the next file nobody knows.
 */
export function withPatterns(hosts: readonly string[]): string[] {
  const unique = [...new Set(hosts)];
  const siblings = new Map<string, number>();
  for (const host of unique) {
    const domain = domainOf(host);
    if (domain !== null) siblings.set(domain, (siblings.get(domain) ?? 0) + 1);
  }
  const shown = unique.map((host) => {
    const domain = domainOf(host);
    return domain !== null && siblings.get(domain)! >= MANY_HOSTS ? `*.${domain}` : host;
  });
  return [...new Set(shown)];
}

/** Whether a host is one of those of a plan, or falls under one of its patterns. */
export function isAmongHosts(hosts: Iterable<string>, host: string): boolean {
  for (const each of hosts) {
    if (each === host) return true;
    if (each.startsWith('*.') && host.endsWith(each.slice(1))) return true;
  }
  return false;
}

/** `files.example` of `s1.files.example`; `null` where what is left would be a whole top-level domain, and for addresses. */
function domainOf(host: string): string | null {
  if (host.startsWith('[') || /^\d+(?:\.\d+){3}(?::|$)/.test(host)) return null;
  const domain = host.slice(host.indexOf('.') + 1);
  return host.includes('.') && domain.includes('.') ? domain : null;
}
