/** From this many on, the hosts of one domain are collapsed into a pattern. */
const MANY_HOSTS = 4;

/**
 * Hosts of a plan, with `*.files.example` in place of four or more of one domain: storage services pick a
 * host by file digest, so the next file's host is unpredictable.
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

/** Whether a host is in a plan's list or matches one of its patterns. */
export function isAmongHosts(hosts: Iterable<string>, host: string): boolean {
  for (const each of hosts) {
    if (each === host) return true;
    if (each.startsWith('*.') && host.endsWith(each.slice(1))) return true;
  }
  return false;
}

/**
 * `files.example` of `s1.files.example`; `null` for addresses, and when only a top-level domain would be
 * left.
 */
function domainOf(host: string): string | null {
  if (host.startsWith('[') || /^\d+(?:\.\d+){3}(?::|$)/.test(host)) return null;
  const domain = host.slice(host.indexOf('.') + 1);
  return host.includes('.') && domain.includes('.') ? domain : null;
}
