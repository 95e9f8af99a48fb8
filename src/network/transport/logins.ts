import type { Redactor } from '../../support/text/redaction.ts';
import { basicAuthorization, type Login, splitLogin } from '../address/address.ts';
import { isBuiltInHost } from '../address/official-hosts.ts';
import { netrcLogin } from '../settings/netrc.ts';
import type { Credential, NetworkProfile } from '../settings/profile.ts';

export interface Logins {
  /**
   * Value of `Authorization` for an address, or `null`. The `default` of a netrc is only for hosts named in
   * the settings: a redirect target may be a stranger, or a signed address that a second login breaks.
   */
  authorizationFor(url: URL): string | null;
  /** The `default` of the netrc, for a host that requested a login. */
  defaultAuthorization(): string | null;
  /** Stores the login of an address for its origin and returns the address without it. */
  withoutLogin(address: string): URL;
}

type LoginProfile = Pick<NetworkProfile, 'credentials' | 'netrc' | 'proxies'> &
  Partial<
    Pick<NetworkProfile, 'indexes' | 'findLinks' | 'pythonInstallMirror' | 'officialMirror' | 'modelHub'>
  >;

/** Hosts named in the settings, without ktx's built-in addresses. */
function namedOriginsOf(profile: LoginProfile): Set<string> {
  const { indexes = [], findLinks = [], pythonInstallMirror, officialMirror, modelHub } = profile;
  const urls = [...indexes, ...findLinks, pythonInstallMirror, modelHub].flatMap((each) => each?.url ?? []);
  const origins = [...urls, ...(officialMirror ? [officialMirror] : [])].map((url) => new URL(url));
  return new Set(origins.filter(({ host }) => !isBuiltInHost(host)).map(({ origin }) => origin));
}

/** The logins of one run. Each secret is registered with the redactor before it can be printed. */
export function createLogins(profile: LoginProfile, redactor: Pick<Redactor, 'addSecret'>): Logins {
  const credentials = [...profile.credentials];
  const namedOrigins = namedOriginsOf(profile);
  for (const login of [...credentials, ...profile.netrc]) keepSecret(login);
  for (const proxy of [profile.proxies.forHttp, profile.proxies.forHttps]) {
    if (!proxy?.authorization) continue;
    const encoded = proxy.authorization.slice('Basic '.length);
    redactor.addSecret(encoded);
    const login = Buffer.from(encoded, 'base64').toString();
    const password = login.slice(login.indexOf(':') + 1);
    if (password) redactor.addSecret(password);
  }

  function keepSecret(login: Login): void {
    if (login.password) redactor.addSecret(login.password);
    // A token as user name, as several index products require.
    else if (login.username) redactor.addSecret(login.username);
    redactor.addSecret(basicAuthorization(login).slice('Basic '.length));
  }

  /** When an address has only a user name, its password comes from the netrc. */
  function completed(login: Login, url: URL): Login {
    if (login.password !== '') return login;
    return netrcLogin(profile.netrc, url.hostname, { username: login.username }) ?? login;
  }

  return {
    /** The login given in an address of the same origin (longest common path wins), else the netrc's. */
    authorizationFor(url) {
      const known = credentials
        .filter((credential) => isFor(credential, url))
        .map((credential) => ({ credential, rank: commonLength(credential.path, url.pathname) }))
        .sort((a, b) => b.rank - a.rank)[0]?.credential;
      const hasDefault = namedOrigins.has(url.origin);
      const login = known ? completed(known, url) : netrcLogin(profile.netrc, url.hostname, { hasDefault });
      return login ? basicAuthorization(login) : null;
    },
    defaultAuthorization() {
      const login = netrcLogin(profile.netrc, '');
      return login ? basicAuthorization(login) : null;
    },
    withoutLogin(address) {
      const { url, login } = splitLogin(address);
      const result = new URL(url);
      result.hash = '';
      if (login) {
        keepSecret(login);
        credentials.push({ ...login, urlOrigin: result.origin, path: result.pathname });
      }
      return result;
    },
  };
}

/** Of the same origin, or of the same host upgraded to https. */
function isFor({ urlOrigin }: Credential, url: URL): boolean {
  if (urlOrigin === url.origin) return true;
  return (
    url.protocol === 'https:' && urlOrigin.startsWith('http:') && new URL(urlOrigin).hostname === url.hostname
  );
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
