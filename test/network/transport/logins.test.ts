import { describe, expect, it } from 'vitest';
import { createLogins } from '../../../src/network/transport/logins.ts';

type Profile = Parameters<typeof createLogins>[0];

const pass = (name: string, password = 'pw') => `Basic ${btoa(`${name}:${password}`)}`;
const NO_PROXIES = { forHttp: null, forHttps: null, noProxy: '' };

function loginsOf(profile: Partial<Profile>) {
  const secrets: string[] = [];
  const logins = createLogins(
    { credentials: [], netrc: [], proxies: NO_PROXIES, ...profile },
    { addSecret: (secret) => void secrets.push(secret) },
  );
  return { ...logins, secrets, for: (url: string) => logins.authorizationFor(new URL(url)) };
}

const credential = (urlOrigin: string, username = 'me', password = 'pw', path = '/') => ({
  username,
  password,
  urlOrigin,
  path,
});

describe('the login of an address', () => {
  it.each([
    ['https://a.example/x', true],
    ['https://a.example:443/x', true],
    ['https://a.example:8443/x', false],
    ['http://a.example/x', false],
    ['https://b.example/x', false],
    ['https://sub.a.example/x', false],
  ])('https://a.example: %s %s', (url, isSent) => {
    expect(loginsOf({ credentials: [credential('https://a.example')] }).for(url)).toBe(
      isSent ? pass('me') : null,
    );
  });

  it.each([
    ['http://a.example/x', true],
    ['https://a.example/x', true],
    ['https://a.example:8443/x', true],
    ['http://a.example:8080/x', false],
    ['https://b.example/x', false],
  ])('http://a.example, which may have moved to https: %s %s', (url, isSent) => {
    expect(loginsOf({ credentials: [credential('http://a.example')] }).for(url)).toBe(
      isSent ? pass('me') : null,
    );
  });

  it('is the one with the longest common path, the first of equals', () => {
    const logins = loginsOf({
      credentials: ['/', '/team-a/simple', '/team-b/simple'].map((path) =>
        credential('https://a.example', path, 'pw', path),
      ),
    });
    expect(logins.for('https://a.example/team-b/file')).toBe(pass('/team-b/simple'));
    expect(logins.for('https://a.example/team-a')).toBe(pass('/team-a/simple'));
    expect(logins.for('https://a.example/other')).toBe(pass('/'));
  });

  it('takes a missing password from the netrc line of that user', () => {
    const netrc = [
      { machine: 'a.example', username: 'other', password: 'x' },
      { machine: 'a.example', username: 'me', password: 'of-netrc' },
    ];
    const named = loginsOf({ netrc, credentials: [credential('https://a.example', 'me', '')] });
    expect(named.for('https://a.example/')).toBe(pass('me', 'of-netrc'));
    const whole = loginsOf({ netrc, credentials: [credential('https://a.example', 'me', 'own')] });
    expect(whole.for('https://a.example/')).toBe(pass('me', 'own'));
    const alone = loginsOf({ credentials: [credential('https://a.example', 'token', '')] });
    expect(alone.for('https://a.example/')).toBe(pass('token', ''));
  });

  it('is taken off an address, kept for its origin and hidden', () => {
    const logins = loginsOf({});
    expect(logins.withoutLogin('https://me:hidden@a.example/x?y#z').href).toBe('https://a.example/x?y');
    expect(logins.secrets).toEqual(['hidden', btoa('me:hidden')]);
    expect(logins.for('https://a.example/other')).toBe(pass('me', 'hidden'));
    expect(logins.withoutLogin('https://b.example/x').href).toBe('https://b.example/x');
    expect(logins.for('https://b.example/x')).toBeNull();
  });
});

describe('the default of a netrc', () => {
  const netrc = [{ machine: null, username: 'any', password: 'pw' }];
  const set = (url: string) => ({ url, label: 'x', origin: 'test' });

  it.each<[string, Partial<Profile>]>([
    ['an index', { indexes: [set('https://a.example/simple')] }],
    ['a page of links', { findLinks: [set('https://a.example/links')] }],
    ['the mirror of Python', { pythonInstallMirror: set('https://a.example/python') }],
    ['the official mirror', { officialMirror: 'https://a.example/mirror' }],
    ['the hub', { modelHub: set('https://a.example/hub') }],
  ] as [string, Partial<Profile>][])('is sent to the host of %s', (_, profile) => {
    const logins = loginsOf({ netrc, ...profile });
    expect(logins.for('https://a.example/file')).toBe(pass('any'));
    expect(logins.for('https://b.example/file')).toBeNull();
  });

  it('is sent to no other host, and to none that is built in, unless asked for', () => {
    const logins = loginsOf({
      netrc,
      officialMirror: 'https://releases.astral.sh',
    } as Partial<Profile>);
    expect(logins.for('https://releases.astral.sh/x')).toBeNull();
    expect(logins.for('https://a.example/x')).toBeNull();
    expect(logins.defaultAuthorization()).toBe(pass('any'));
    expect(loginsOf({}).defaultAuthorization()).toBeNull();
    const named = [{ machine: 'a.example', username: 'me', password: 'pw' }];
    expect(loginsOf({ netrc: named }).defaultAuthorization()).toBeNull();
  });
});

describe('what is hidden from the start', () => {
  const secretsOf = (profile: Partial<Profile>) => loginsOf(profile).secrets;

  it('passwords, user names without one, and both encoded', () => {
    expect(secretsOf({ credentials: [credential('https://a.example', 'me', 'word')] })).toEqual([
      'word',
      btoa('me:word'),
    ]);
    expect(secretsOf({ netrc: [{ machine: 'a', username: 'token', password: '' }] })).toEqual([
      'token',
      btoa('token:'),
    ]);
    expect(secretsOf({ netrc: [{ machine: 'a', username: '', password: '' }] })).toEqual([btoa(':')]);
  });

  it.each(['forHttp', 'forHttps'] as const)('the login of the proxy %s', (which) => {
    const proxies = (authorization: string | null) =>
      ({
        ...NO_PROXIES,
        [which]: { url: 'http://p.example', authorization, origin: 'test' },
      }) as Profile['proxies'];
    const encoded = btoa('me:a:b');
    expect(secretsOf({ proxies: proxies(`Basic ${encoded}`) })).toEqual([encoded, 'a:b']);
    expect(secretsOf({ proxies: proxies(`Basic ${btoa('me:')}`) })).toEqual([btoa('me:')]);
    expect(secretsOf({ proxies: proxies(null) })).toEqual([]);
  });
});
