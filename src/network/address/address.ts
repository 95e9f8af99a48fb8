import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withHome } from './home-path.ts';

/** A user name and password given in an address. */
export interface Login {
  username: string;
  password: string;
}

/** An address without its login, safe to store and compare; see `shownAddress` for what may be displayed. */
export interface ReadAddress {
  url: string;
  login: Login | null;
}

/** Why a setting is not a valid address. Repeats nothing of the value: it may hold a password. */
export class AddressError extends TypeError {}

/** Part of a login ended up in the path. */
export class LoginCutOffError extends AddressError {}

const MASK = '****';
const QUOTES = /^["'`\u2018\u201C]|["'`\u2019\u201D]$/;
const HOST_AFTER_LOGIN =
  /^(?:\[[\da-f:.]+\]|(?:[\w-]+\.)+[a-z][\w-]*\.?|\d{1,3}(?:\.\d{1,3}){3}|localhost)(?::\d+)?(?:[/?#]|$)|^[\w.-]+:\d+(?:[/?#]|$)/i;

/** `host[:port]` of a network address, the path of a `file:` one. Safe to show: never contains a login. */
export function placeOf(address: string | URL): string {
  const url = new URL(address);
  if (url.protocol !== 'file:') return url.host;
  try {
    return fileURLToPath(url);
  } catch {
    // A file address with a host, or an encoded slash: still worth showing as written.
    return url.href;
  }
}

/**
 * An address for display: without its query, which may be a token, and without anything before an `@`, which
 * may be a login.
 */
export function shownAddress(address: string): string {
  const url = new URL(address);
  if (url.protocol === 'file:') return url.href;
  const path = url.pathname.replace(/^\/.*@/s, `/${MASK}@`);
  return `${url.protocol}//${url.host}${path}${url.search === '' ? '' : `?${MASK}`}`;
}

/** `host` of `host:port`: `--allow-host` takes a host without its port. */
export function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** Removes the login from an address, so that the address can be stored, compared and shown. */
export function splitLogin(address: string): ReadAddress {
  const url = new URL(address);
  if (!url.username && !url.password) return { url: address, login: null };
  const login = { username: decodeLoginPart(url.username), password: decodeLoginPart(url.password) };
  url.username = '';
  url.password = '';
  return { url: url.href, login };
}

/** Percent-decodes. A `%` that encodes nothing is literal, as in curl and pip. */
function decodeLoginPart(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (encoded) => {
    const bytes = Buffer.from(encoded.replaceAll('%', ''), 'hex');
    const decoded = bytes.toString('utf8');
    return decoded.includes('\uFFFD') ? bytes.toString('latin1') : decoded;
  });
}

/** Value of an `Authorization` header. */
export function basicAuthorization(login: Login): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

/** How to resolve a relative path and `~`. */
export interface PathContext {
  baseDir: string;
  homeDir: string;
}

/**
 * Reads a setting that is an address or a path: `/srv/wheels` gives `file:///srv/wheels`. Logins are read as
 * curl and pip read them: up to the last `@` before the path, including backslashes (`CORP\me`), which the
 * URL standard treats as slashes. One letter before a colon is a Windows drive, not a scheme.
 * @throws AddressError when it is neither, or when part of a login may be in the path, where it would be
 * shown.
 */
export function readAddress(value: string, paths: PathContext): ReadAddress {
  const text = unquoted(value);
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(text)) return parseAddress(text, false);
  // Treated as a path, it would be shown with the login in it.
  if (/:[^\s/\\]*@/.test(text) || /^\W*https?\W*[:/\\]/i.test(text))
    throw new AddressError('it looks like an address, but does not start with https:// or http://');
  return { url: pathToFileURL(resolve(paths.baseDir, withHome(text, paths.homeDir))).href, login: null };
}

/**
 * Reads the address of a proxy: the default scheme is `http:`, and the path is ignored. @throws AddressError
 */
export function readProxyAddress(value: string): ReadAddress {
  const text = unquoted(value);
  const { url, login } = parseAddress(hasScheme(text) ? text : `http://${text}`, true);
  const { protocol, host } = new URL(url);
  return { url: `${protocol}//${host}${/^https?:/.test(protocol) ? '/' : ''}`, login };
}

function unquoted(value: string): string {
  const text = value.trim();
  if (QUOTES.test(text)) throw new AddressError('the value has quotes in it; write it without them');
  if (/\$\{[^}]*\}|^\$[A-Za-z_]|%[A-Z_]{2,}%/.test(text))
    throw new AddressError('the value names a variable that is not filled in');
  return text;
}

function parseAddress(text: string, isProxy: boolean): ReadAddress {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? [];
  const protocol = `${scheme.toLowerCase()}:`;
  if (protocol === 'file:') return { url: parsed(text).href, login: null };
  if (!/^(?:https?|socks(?:4a?|5h?)?):$/.test(protocol)) {
    // Anything else may be the user name of a login without its scheme.
    const name = /^(?:ftps?|sftp|ssh|git|wss?|s3|pip):$/.test(protocol) ? protocol : 'its scheme';
    throw new AddressError(`${name} is not supported: it must start with https:// or http://`);
  }
  const { userinfo, host, path } = splitAuthority(rest.replace(/^[/\\]+/, ''));
  if (isLoginCutOff(path, isProxy))
    throw new LoginCutOffError(
      'a login in it ends too early: encode the password (/ as %2F, # as %23, ? as %3F, @ as %40)',
    );
  if (/^\[[^\]]*%/.test(host)) throw new AddressError('an IPv6 address with a zone is not supported');
  const url = parsed(`${protocol}//${host}${path}`);
  if (userinfo === null) return { url: url.href, login: null };
  const colon = userinfo.indexOf(':');
  const [username, password] =
    colon < 0 ? [userinfo, ''] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)];
  return {
    url: url.href,
    login: { username: decodeLoginPart(username), password: decodeLoginPart(password) },
  };
}

function splitAuthority(rest: string): { userinfo: string | null; host: string; path: string } {
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const path = end < 0 ? '' : rest.slice(end);
  const at = authority.lastIndexOf('@');
  const userinfo = at <= 0 ? null : authority.slice(0, at);
  const hostAndMore = authority.slice(at + 1);
  // `http:\\host\path`, as typed on Windows.
  const slash = hostAndMore.indexOf('\\');
  if (slash < 0) return { userinfo, host: hostAndMore, path };
  return { userinfo, host: hostAndMore.slice(0, slash), path: hostAndMore.slice(slash) + path };
}

/** `u:12/S3cret@host`: the URL standard ends the login at the slash and treats the rest as a path. */
function isLoginCutOff(path: string, isProxy: boolean): boolean {
  const at = path.lastIndexOf('@');
  return at >= 0 && (isProxy || HOST_AFTER_LOGIN.test(path.slice(at + 1)));
}

function parsed(address: string): URL {
  if (!URL.canParse(address)) throw new AddressError('it is not an address');
  return new URL(address);
}

/** True for `https://…` and the equivalent `https:/…`, false for `proxy.example:3128`. */
export function hasScheme(value: string): boolean {
  return /^[a-z][a-z0-9+]+:[/\\]/i.test(value);
}

/** Appends path segments to an address, with or without a trailing slash, before its query. */
export function joinAddress(base: string, path: string): string {
  const query = base.search(/[?#]/);
  if (query >= 0) return `${joinAddress(base.slice(0, query), path)}${base.slice(query)}`;
  return `${base.replace(/\/+$/, '')}/${path}`;
}
