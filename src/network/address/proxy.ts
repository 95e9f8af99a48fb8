import { BlockList, isIP } from 'node:net';

/** One proxy. The login is kept apart from the address, so that the address can be shown. */
export interface ProxyServer {
  /** `http:`, `https:` or `socks5:` address without login. */
  url: string;
  /** Value of `Proxy-Authorization`, or `null`. A secret. */
  authorization: string | null;
  /** The setting it came from, such as `HTTPS_PROXY`. */
  origin: string;
}

export interface ProxySettings {
  forHttp: ProxyServer | null;
  forHttps: ProxyServer | null;
  noProxy: string;
}

/**
 * The proxy for an address, or `null` for a direct connection. The rules of curl and requests: https addresses use
 * `HTTPS_PROXY` alone (undici's EnvHttpProxyAgent would send them to `HTTP_PROXY` too, and reads the process environment).
 */
export function proxyFor(url: URL, settings: ProxySettings): ProxyServer | null {
  const proxy = url.protocol === 'https:' ? settings.forHttps : settings.forHttp;
  return proxy && !isBypassed(url, settings.noProxy) ? proxy : null;
}

/**
 * Matches `NO_PROXY`: entries separated by commas or spaces. A name covers itself and its subdomains, with or
 * without a leading dot or `*.`; `*` covers all; an IP address itself; `10.0.0.0/8` and `fd00::/8` a range;
 * `name:port` and `[::1]:8080` one port. Names are not resolved, so a range covers only hosts given as IP
 * addresses (as in curl, Go and Python).
 */
export function isBypassed(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(/[,\s]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true;
      const part = splitPort(entry);
      return (part.port === null || part.port === port) && covers(part.name, host);
    });
}

/** More than one colon and no brackets: an IPv6 address, which has no port. */
function splitPort(entry: string): { name: string; port: string | null } {
  const match = /^(\[[^\]]+\](?:\/\d+)?|[^:]+):(\d+)$/.exec(entry);
  return match ? { name: match[1]!, port: match[2]! } : { name: entry, port: null };
}

function covers(entry: string, host: string): boolean {
  const [address = '', bits] = entry.replace(/^\[(.+)\]/, '$1').split('/', 2);
  const family = isIP(address);
  if (family > 0) {
    const hostFamily = isIP(host);
    if (hostFamily !== family) return false;
    const type = family === 6 ? 'ipv6' : 'ipv4';
    const range = new BlockList();
    const prefix = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits);
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 6 ? 128 : 32)) return false;
    range.addSubnet(address, prefix, type);
    return range.check(host, type);
  }
  if (isIP(host) > 0) return false;
  const name = bareHost(entry).replace(/^\*?\./, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/\.$/, '');
}
