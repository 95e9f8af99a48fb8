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
 * `NO_PROXY`: names separated by commas or spaces; a name covers itself and what is below it, with or without a leading dot or
 * `*.`; `*` covers all; `name:port` one port.
 */
export function isBypassed(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(/[,\s]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true;
      const withPort = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry);
      if (withPort && withPort[2] !== port) return false;
      const name = bareHost(withPort?.[1] ?? entry).replace(/^\*?\./, '');
      return name !== '' && (host === name || host.endsWith(`.${name}`));
    });
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/\.$/, '');
}
