import type { Redactor } from '../../support/text/redaction.ts';
import { basicAuthorization, type Login, splitLogin } from '../address/address.ts';
import { netrcLogin } from '../settings/netrc.ts';
import type { NetworkProfile } from '../settings/profile.ts';

export interface Logins {
  /** Value of `Authorization` for an address, or `null`. */
  authorizationFor(url: URL): string | null;
  /** Keeps the login of an address for its origin and gives the address without it. */
  withoutLogin(address: string): URL;
}

/** What one run knows of logins. Every secret among them is told to the redactor before it can be printed. */
export function createLogins(
  profile: Pick<NetworkProfile, 'credentials' | 'netrc' | 'proxies'>,
  redactor: Pick<Redactor, 'addSecret'>,
): Logins {
  const credentials = [...profile.credentials];
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
    // A token as user name, as several index products want it.
    else if (login.username) redactor.addSecret(login.username);
    redactor.addSecret(basicAuthorization(login).slice('Basic '.length));
  }

  return {
    /** The login that came with an address of the same origin (the one with the longest common path), else the netrc's. */
    authorizationFor(url) {
      const known = credentials
        .filter((credential) => credential.urlOrigin === url.origin)
        .map((credential) => ({ credential, rank: commonLength(credential.path, url.pathname) }))
        .sort((a, b) => b.rank - a.rank)[0]?.credential;
      const login = known ?? netrcLogin(profile.netrc, url.hostname);
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

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
