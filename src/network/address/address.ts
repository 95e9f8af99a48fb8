import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A user name and password that were part of an address. */
export interface Login {
  username: string;
  password: string;
}

/** `host[:port]` of a network address, the path of a `file:` one. Safe to show: never contains a login. */
export function placeOf(address: string | URL): string {
  const url = new URL(address);
  if (url.protocol !== 'file:') return url.host;
  try {
    return fileURLToPath(url);
  } catch {
    // A file address with a host, or an encoded slash: still worth showing as it was written.
    return url.href;
  }
}

/** `host` of `host:port`: `--allow-host` names one without its port. */
export function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** Takes the login out of an address, so that the address can be kept, compared and shown. */
export function splitLogin(address: string): { url: string; login: Login | null } {
  const url = new URL(address);
  if (!url.username && !url.password) return { url: address, login: null };
  const login = { username: decodeLoginPart(url.username), password: decodeLoginPart(url.password) };
  url.username = '';
  url.password = '';
  return { url: url.href, login };
}

/** A `%` that encodes nothing stands for itself, as curl and pip read it. */
function decodeLoginPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Value of an `Authorization` header. */
export function basicAuthorization(login: Login): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

/**
 * A setting that may be an address or a path becomes an address: `/srv/wheels` gives `file:///srv/wheels`.
 * One letter before a colon is a Windows drive, not a scheme.
 * @throws TypeError when it is neither.
 */
export function addressOfSetting(value: string, baseDir: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(value)) return new URL(value).href;
  // Taken for a path, it would be shown, with the login in it.
  if (/:[^\s/\\]*@/.test(value) || /^\W*https?\W*[:/\\]/i.test(value))
    throw new TypeError('it looks like an address, but does not begin with https:// or http://');
  return pathToFileURL(resolve(baseDir, value)).href;
}

/** `https://…`, and `https:/…`, which means the same; not `proxy.example:3128`. */
export function hasScheme(value: string): boolean {
  return /^[a-z][a-z0-9+]+:[/\\]/i.test(value);
}

/** Adds path segments to an address that may or may not end with a slash. */
export function joinAddress(base: string, path: string): string {
  return `${base.replace(/\/+$/, '')}/${path}`;
}
