import { describe, expect, it } from 'vitest';
import { addressOfSetting, placeOf, splitLogin } from '../../../src/network/address/address.ts';
import { isBypassed, type ProxyServer, proxyFor } from '../../../src/network/address/proxy.ts';
import { netrcLogin, parseNetrc } from '../../../src/network/settings/netrc.ts';
import { parsePipConfig, pipConfigPaths } from '../../../src/network/settings/pip-config.ts';

describe('netrc', () => {
  it.each<[string, string, ReturnType<typeof parseNetrc>]>([
    [
      'one line',
      'machine a.example login me password secret',
      [{ machine: 'a.example', username: 'me', password: 'secret' }],
    ],
    [
      'several lines, capital letters in the name',
      'machine A.Example\n  login me\n  password secret\n',
      [{ machine: 'a.example', username: 'me', password: 'secret' }],
    ],
    [
      'two machines and a default',
      'machine a login b password c\nmachine d login e password f\ndefault login g password h',
      [
        { machine: 'a', username: 'b', password: 'c' },
        { machine: 'd', username: 'e', password: 'f' },
        { machine: null, username: 'g', password: 'h' },
      ],
    ],
    [
      'quoted password with a blank and a quote',
      'machine a login b password "x \\"y z"',
      [{ machine: 'a', username: 'b', password: 'x "y z' }],
    ],
    [
      'comments, and a password that looks like one',
      '# all\nmachine a # the index\nlogin b password #c\n',
      [{ machine: 'a', username: 'b', password: '#c' }],
    ],
    [
      'a password that looks like a keyword',
      'machine a login machine password login',
      [{ machine: 'a', username: 'machine', password: 'login' }],
    ],
    [
      'a macro is skipped up to the empty line',
      'macdef init\nmachine x login y password z\n\nmachine a login b password c',
      [{ machine: 'a', username: 'b', password: 'c' }],
    ],
    [
      'an account',
      'machine a account q login b password c',
      [{ machine: 'a', username: 'b', password: 'c' }],
    ],
    [
      'a machine without a login',
      'machine a\nmachine b login c',
      [{ machine: 'b', username: 'c', password: '' }],
    ],
    ['nothing', '', []],
  ])('%s', (_, text, expected) => {
    expect(parseNetrc(text)).toEqual(expected);
  });

  it('prefers the entry of the host to the default', () => {
    const entries = parseNetrc('default login d password d\nmachine a.example login a password a');
    expect(netrcLogin(entries, 'A.example')?.username).toBe('a');
    expect(netrcLogin(entries, 'b.example')?.username).toBe('d');
    expect(netrcLogin([], 'b.example')).toBeNull();
  });
});

describe('pip configuration', () => {
  it.each<[string, string, Record<string, Record<string, string>>]>([
    ['simple', '[global]\nindex-url = https://a/simple', { global: { 'index-url': 'https://a/simple' } }],
    [
      'continued lines, as lists are written',
      '[global]\nextra-index-url =\n    https://a/simple\n    https://b/simple\ntimeout = 3',
      { global: { 'extra-index-url': '\nhttps://a/simple\nhttps://b/simple', timeout: '3' } },
    ],
    [
      'a fragment is no comment',
      '[install]\nfind-links: https://a/#x ; y',
      { install: { 'find-links': 'https://a/#x ; y' } },
    ],
    [
      'comments, underscores, capital letters, CRLF, a byte order mark',
      '\uFEFF# c\r\n; d\r\n[global]\r\nIndex_URL=https://a\r\n',
      { global: { 'index-url': 'https://a' } },
    ],
    ['an option without a section is left out', 'index-url = x', {}],
    ['a name that is dangerous', '[__proto__]\nx = 1', { ['__proto__']: { x: '1' } }],
  ])('%s', (_, text, expected) => {
    expect(JSON.parse(JSON.stringify(parsePipConfig(text)))).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  it('looks where pip looks, weakest first', () => {
    expect(
      pipConfigPaths({ VIRTUAL_ENV: '/venv', PIP_CONFIG_FILE: '/my.conf' }, '/home/me', 'linux'),
    ).toEqual([
      '/etc/xdg/pip/pip.conf',
      '/etc/pip.conf',
      '/home/me/.pip/pip.conf',
      '/home/me/.config/pip/pip.conf',
      '/venv/pip.conf',
      '/my.conf',
    ]);
    expect(pipConfigPaths({ PIP_CONFIG_FILE: '/dev/null' }, '/home/me', 'linux')).toEqual([]);
  });
});

describe('proxies', () => {
  const server = (name: string): ProxyServer => ({
    url: `http://${name}:1`,
    authorization: null,
    origin: '',
  });
  const settings = { forHttp: server('plain'), forHttps: server('secure'), noProxy: 'in.example, .corp' };

  it.each([
    ['https://a.example/', 'http://secure:1'],
    ['http://a.example/', 'http://plain:1'],
    ['https://in.example/', null],
    ['https://deep.in.example/', null],
    ['https://xin.example/', 'http://secure:1'],
    ['https://a.corp:8443/', null],
  ])('%s through %s', (url, proxy) => {
    expect(proxyFor(new URL(url), settings)?.url ?? null).toBe(proxy);
  });

  it('does not send https to the proxy for http', () => {
    expect(proxyFor(new URL('https://a.example'), { ...settings, forHttps: null })).toBeNull();
  });

  it.each([
    ['*', 'https://a.example', true],
    ['*.a.example', 'https://b.a.example', true],
    ['a.example:8443', 'https://a.example', false],
    ['a.example:443', 'https://a.example', true],
    ['A.EXAMPLE', 'https://a.example.', true],
    ['[::1]:8080', 'http://[::1]:8080', true],
    ['::1', 'http://[::1]:8080', true],
    ['', 'https://a.example', false],
    ['.', 'https://a.example', false],
    ['10.0.0.0/8', 'https://10.2.3.4', true],
    ['10.0.0.0/8', 'https://11.2.3.4', false],
    ['10.0.0.0/8:8443', 'https://10.2.3.4:8443', true],
    ['10.0.0.0/8:8443', 'https://10.2.3.4', false],
    ['10.0.0.0/8', 'https://ten.example', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['10.1.2.3:81', 'http://10.1.2.3', false],
    ['1.2.3', 'https://10.1.2.3', false],
    ['2.3', 'https://10.1.2.3', false],
    ['10.0.0.0/99', 'https://10.2.3.4', false],
    ['10.0.0.0/x', 'https://10.2.3.4', false],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['fd00::/8', 'https://[fe80::1]', false],
    ['0:0:0:0:0:0:0:1', 'http://[::1]', true],
    ['[::1]', 'http://[::1]:8080', true],
    ['[::1]:8081', 'http://[::1]:8080', false],
    ['[fd00::]/8', 'http://[fd00::5]', true],
    ['fd00::/8', 'https://10.2.3.4', false],
  ])('NO_PROXY=%s and %s: %s', (noProxy, url, expected) => {
    expect(isBypassed(new URL(url), noProxy)).toBe(expected);
  });
});

describe('addresses', () => {
  it('takes the login out', () => {
    expect(splitLogin('https://me%40acme:p%3Aw@a.example/simple')).toEqual({
      url: 'https://a.example/simple',
      login: { username: 'me@acme', password: 'p:w' },
    });
    expect(splitLogin('https://me:100%@a.example/').login?.password).toBe('100%');
    expect(splitLogin('https://a.example/x?y')).toEqual({ url: 'https://a.example/x?y', login: null });
  });

  it('shows host and port, or the folder', () => {
    expect(placeOf('https://me:pw@a.example:8443/x')).toBe('a.example:8443');
    expect(placeOf('file:///srv/my%20wheels')).toBe('/srv/my wheels');
  });

  it('takes a path for a folder', () => {
    expect(addressOfSetting('wheels', '/srv')).toBe('file:///srv/wheels');
    expect(addressOfSetting('/srv/w', '/')).toBe('file:///srv/w');
    expect(addressOfSetting('https://a.example/s', '/')).toBe('https://a.example/s');
    expect(addressOfSetting('/srv/pkg@1', '/')).toBe('file:///srv/pkg@1');
    expect(addressOfSetting('https-cache/wheels', '/')).toBe('file:///https-cache/wheels');
  });

  it.each([
    'https//me:open-sesame@h.example/simple',
    '//me:open-sesame@h.example/simple',
    '"https://me:open-sesame@h.example/simple"',
    '\\\\me:open-sesame@h.example',
    'ht!tp://me:open-sesame@h.example',
    'https//h.example/simple',
  ])('but not %s, and does not show it', (value) => {
    const error = (() => {
      try {
        return addressOfSetting(value, '/');
      } catch (problem) {
        return problem as Error;
      }
    })();
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain('sesame');
  });
});
