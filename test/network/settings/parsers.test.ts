// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the way in which npm names a variable.
import { describe, expect, it } from 'vitest';
import {
  AddressError,
  joinAddress,
  placeOf,
  readAddress,
  readProxyAddress,
  shownAddress,
  splitLogin,
} from '../../../src/network/address/address.ts';
import { isBypassed, type ProxyServer, proxyFor } from '../../../src/network/address/proxy.ts';
import { netrcLogin, parseNetrc } from '../../../src/network/settings/netrc.ts';
import { parseNpmConfig } from '../../../src/network/settings/npm-config.ts';
import { parsePipConfig, pipConfigPaths } from '../../../src/network/settings/pip-config.ts';
import { settingsText } from '../../../src/network/settings/settings-text.ts';
import { uvConfigPaths } from '../../../src/network/settings/uv-config.ts';

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

  it('takes the last of several entries, as Python and uv do', () => {
    const entries = parseNetrc('machine a login one password 1\nmachine a login two password 2');
    expect(netrcLogin(entries, 'a')).toEqual({ username: 'two', password: '2' });
    expect(netrcLogin(entries, 'a', { username: 'one' })).toEqual({ username: 'one', password: '1' });
    expect(netrcLogin(entries, 'a', { username: 'three' })).toBeNull();
  });

  // curl/curl 8256, curl/curl 9248, psf/requests 4813
  it.each<[string, string, { username?: string; hasDefault?: boolean }, string | null]>([
    ['default on top', 'default login d password d\nmachine a login a password a', {}, 'a:a'],
    ['a password without a login', 'machine a password p', { username: 'me' }, 'me:p'],
    ['a login without a password', 'machine x login x\nmachine a login a password a', {}, 'a:a'],
    ['no default wanted', 'default login d password d', { hasDefault: false }, null],
  ])('%s', (_, text, options, expected) => {
    const login = netrcLogin(parseNetrc(text), 'a', options);
    expect(login && `${login.username}:${login.password}`).toBe(expected);
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
    ['what comes before the first section', 'index-url = x', { global: { 'index-url': 'x' } }],
    [
      'options that are indented alike',
      '[global]\n  index-url = https://a/simple\n  proxy = http://p:1\n',
      { global: { 'index-url': 'https://a/simple', proxy: 'http://p:1' } },
    ],
    [
      'an indented header ends a section',
      '  [global]\n  index-url = https://a/simple\n  [install]\n  proxy = http://p:1\n',
      { global: { 'index-url': 'https://a/simple' }, install: { proxy: 'http://p:1' } },
    ],
    [
      'a continued line that is itself indented less than the one before',
      '[global]\nfind-links =\n      /a\n   /b\n# c\n\n   /c\nproxy: p',
      { global: { 'find-links': '\n/a\n/b\n/c', proxy: 'p' } },
    ],
    [
      'a section header ends the value before it',
      '[global]\nindex-url = https://a\n[list]\nindex-url = https://b\n',
      { global: { 'index-url': 'https://a' }, list: { 'index-url': 'https://b' } },
    ],
    [
      'names with dashes before them, as on the command line',
      '[global]\n--index-url = https://a\n--Extra_Index_Url=https://b',
      { global: { 'index-url': 'https://a', 'extra-index-url': 'https://b' } },
    ],
    [
      'an option that is indented deeper than the section before it',
      '[global]\nindex-url = https://a\n[install]\n  proxy = p\n',
      { global: { 'index-url': 'https://a' }, install: { proxy: 'p' } },
    ],
    ['the separator that comes first', '[global]\nproxy : a=b', { global: { proxy: 'a=b' } }],
    ['lines that end in CR', '[global]\rproxy = p\rtimeout = 3', { global: { proxy: 'p', timeout: '3' } }],
    // Set by an image's recipe that ran twice: motioneye-project/motioneye 2905
    ['the last of two', '[global]\nproxy = a\nproxy = b', { global: { proxy: 'b' } }],
    ['a name that is dangerous', '[__proto__]\nx = 1', { ['__proto__']: { x: '1' } }],
  ])('%s', (_, text, expected) => {
    expect(JSON.parse(JSON.stringify(parsePipConfig(text).sections))).toEqual(
      JSON.parse(JSON.stringify(expected)),
    );
  });

  it.each([
    ['index-url = https://me:sesame@a', 'line 1 comes before the first section, such as [global]'],
    ['[global]\nsesame', 'line 2 is not a setting'],
    ['[global]\nproxy = sesame\nProxy = sesame', 'proxy is set twice in [global] (line 3)'],
  ])('says what pip would stop at: %j', (text, problem) => {
    expect(parsePipConfig(text).problems).toEqual([problem]);
  });

  it('looks where pip looks on macOS', () => {
    expect(pipConfigPaths({}, '/Users/me', 'darwin')).toEqual([
      '/Library/Application Support/pip/pip.conf',
      '/Users/me/.pip/pip.conf',
      '/Users/me/.config/pip/pip.conf',
      '/Users/me/Library/Application Support/pip/pip.conf',
    ]);
  });

  it('looks where pip looks on Windows', () => {
    const env = {
      ProgramData: 'C:/ProgramData',
      APPDATA: 'C:/Users/me/AppData/Roaming',
      CONDA_PREFIX: 'C:/env',
    };
    expect(pipConfigPaths(env, 'C:/Users/me', 'win32')).toEqual([
      'C:/ProgramData/pip/pip.ini',
      'C:/Users/me/pip/pip.ini',
      'C:/Users/me/AppData/Roaming/pip/pip.ini',
      'C:/env/pip.ini',
    ]);
    expect(pipConfigPaths({ PIP_CONFIG_FILE: 'NUL' }, 'C:/Users/me', 'win32')).toEqual([]);
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
    const named = { PIP_CONFIG_FILE: '~/my.conf' };
    expect(pipConfigPaths(named, '/home/me', 'linux', false)).toEqual([
      '/etc/xdg/pip/pip.conf',
      '/etc/pip.conf',
      '/home/me/my.conf',
    ]);
  });
});

describe('npm configuration', () => {
  it.each<[string, string, Record<string, string[]>]>([
    [
      'quoted, with a comment',
      'proxy = "http://p:1" \nhttps-proxy=http://q:1 ; x',
      { proxy: ['http://p:1'], 'https-proxy': ['http://q:1'] },
    ],
    ['variables', 'proxy=http://${HOST}:1/${MISSING?}', { proxy: ['http://p.example:1/'] }],
    ['a variable that is not set', 'proxy=http://${MISSING}:1', { proxy: ['http://${MISSING}:1'] }],
    ['an escaped variable', 'proxy=\\${HOST}', { proxy: ['${HOST}'] }],
    // The file takes one of two backslashes away, and npm half of the rest.
    ['an escaped backslash', 'proxy="\\\\\\\\${HOST}"', { proxy: ['\\p.example'] }],
    ['both escaped', 'proxy="\\\\\\\\\\\\${HOST}"', { proxy: ['\\${HOST}'] }],
    ['two escaped backslashes', "proxy='\\\\\\\\${HOST}'", { proxy: ['\\\\p.example'] }],
    ['a variable that may be unset', 'proxy=${HOST?}', { proxy: ['p.example'] }],
    ['a list', 'ca[] = "A\\nB"\nca[] = "C"', { ca: ['A\nB', 'C'] }],
    ['what an escape keeps', 'noproxy=a\\;b', { noproxy: ['a;b'] }],
    ['a section', '[x]\nproxy=p', { proxy: ['p'] }],
    // The rest would be a host with half a password.
    [
      'a login that a comment would cut',
      'proxy=http://u:20#sesame@p.example:1',
      { proxy: ['http://u:20#sesame@p.example:1'] },
    ],
  ])('%s', (_, text, expected) => {
    expect(Object.fromEntries(parseNpmConfig(text, { HOST: 'p.example' }))).toEqual(expected);
  });
});

describe('where uv keeps its settings', () => {
  it.each<[NodeJS.Platform, NodeJS.ProcessEnv, string[]]>([
    ['linux', {}, ['/home/me/.config/uv/uv.toml', '/etc/xdg/uv/uv.toml', '/etc/uv/uv.toml']],
    ['darwin', {}, ['/home/me/.config/uv/uv.toml', '/etc/xdg/uv/uv.toml', '/etc/uv/uv.toml']],
    [
      'linux',
      { XDG_CONFIG_HOME: '/c', XDG_CONFIG_DIRS: '/a:/b' },
      ['/c/uv/uv.toml', '/a/uv/uv.toml', '/b/uv/uv.toml', '/etc/uv/uv.toml'],
    ],
    ['win32', { APPDATA: 'C:/A', PROGRAMDATA: 'C:/P' }, ['C:/A/uv/uv.toml', 'C:/P/uv/uv.toml']],
    ['win32', { APPDATA: 'C:/A', UV_NO_SYSTEM_CONFIG: '1' }, ['C:/A/uv/uv.toml']],
    ['linux', { UV_NO_SYSTEM_CONFIG: '1' }, ['/home/me/.config/uv/uv.toml']],
    ['linux', { UV_CONFIG_FILE: '/x.toml' }, ['/x.toml']],
    ['win32', { UV_CONFIG_FILE: '/x.toml', UV_NO_CONFIG: '1' }, []],
  ])('%s %j', (platform, env, paths) => {
    expect(uvConfigPaths(env, '/home/me', platform)).toEqual(paths);
  });
});

describe('text of settings files', () => {
  it.each([
    ['UTF-16 with a mark', Buffer.from('\uFEFF[global]', 'utf16le'), '[global]', /UTF-16/],
    ['UTF-16 without', Buffer.from('[global]', 'utf16le'), '[global]', /UTF-16/],
    ['UTF-16, the other way round', Buffer.from('\uFEFF[global]', 'utf16le').swap16(), '[global]', /UTF-16/],
    ['UTF-8 with a mark', Buffer.from('\uFEFF[global]'), '[global]', null],
    ['Latin-1', Buffer.from('# caf\xE9', 'latin1'), '# caf\uFFFD', /not in UTF-8/],
    ['nothing', Buffer.alloc(0), '', null],
  ])('%s', (_, bytes, text, note) => {
    const read = settingsText(bytes);
    expect(read.text.replace('\uFEFF', '')).toBe(text);
    if (note) expect(read.note).toMatch(note);
    else expect(read.note).toBeNull();
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
    ['fd00::/200', 'https://[fd12::1]', false],
    ['fd00::/129', 'https://[fd12::1]', false],
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

  const at = (value: string, baseDir = '/') => readAddress(value, { baseDir, homeDir: '/home/me' });

  it('takes a path for a folder', () => {
    expect(at('wheels', '/srv').url).toBe('file:///srv/wheels');
    expect(at('/srv/w').url).toBe('file:///srv/w');
    expect(at('https://a.example/s').url).toBe('https://a.example/s');
    expect(at('/srv/pkg@1').url).toBe('file:///srv/pkg@1');
    expect(at('https-cache/wheels').url).toBe('file:///https-cache/wheels');
  });

  it.each([
    ['~/wheels', 'file:///home/me/wheels'],
    ['~', 'file:///home/me'],
    ['~other/wheels', 'file:///%7Eother/wheels'],
    ['./~/wheels', 'file:///%7E/wheels'],
  ])('%s is %s', (value, url) => {
    expect(at(value).url).toBe(url);
  });

  /** The login of a company's domain, and others that curl and pip understand. */
  it.each<[string, string, string, string]>([
    // pypa/pip 3020
    ['http://CORP\\jdoe:pw@proxy.example:8080', 'http://proxy.example:8080/', 'CORP\\jdoe', 'pw'],
    ['CORP\\jdoe:pw@proxy.example:8080', 'http://proxy.example:8080/', 'CORP\\jdoe', 'pw'],
    ['http://CORP%5Cjdoe:pw@proxy.example:8080', 'http://proxy.example:8080/', 'CORP\\jdoe', 'pw'],
    // carsonyl/pypac 49
    ['http://me:@@@proxy.example:1', 'http://proxy.example:1/', 'me', '@@'],
    ['http://me:%40@proxy.example:1', 'http://proxy.example:1/', 'me', '@'],
    ['http://me@corp.example:pw@proxy.example:1', 'http://proxy.example:1/', 'me@corp.example', 'pw'],
    // pypa/pip 6974
    ['http://me:(100%)@proxy.example:80', 'http://proxy.example/', 'me', '(100%)'],
    ['http://me:a%40b%zz@proxy.example:1', 'http://proxy.example:1/', 'me', 'a@b%zz'],
    // pypa/pip 7722
    ['http://me:a[b]c@proxy.example:1', 'http://proxy.example:1/', 'me', 'a[b]c'],
    ['http://me:it%27s@[fd00::1]:3128', 'http://[fd00::1]:3128/', 'me', "it's"],
    ['http://me:p%E9@proxy.example:1', 'http://proxy.example:1/', 'me', 'pé'],
    ['http://a:b:c@proxy.example:1', 'http://proxy.example:1/', 'a', 'b:c'],
    ['http://token@proxy.example:1', 'http://proxy.example:1/', 'token', ''],
  ])('%s has a login', (value, url, username, password) => {
    expect(readProxyAddress(value)).toEqual({ url, login: { username, password } });
    const index = value.includes('://') ? value : `http://${value}`;
    expect(at(`${index}/simple`).login).toEqual({ username, password });
  });

  it.each([
    ['http:\\\\proxy.example:8080', 'http://proxy.example:8080/'],
    ['https:/proxy.example:8080/', 'https://proxy.example:8080/'],
    ['proxy.example:8080', 'http://proxy.example:8080/'],
    ['http://proxy.example:8080/some/path?x', 'http://proxy.example:8080/'],
    ['socks5h://proxy.example:1080', 'socks5h://proxy.example:1080'],
  ])('the proxy %s is %s', (value, url) => {
    expect(readProxyAddress(value)).toEqual({ url, login: null });
  });

  it.each([
    'https://a.example/repository@v2/simple',
    'https://nexus.example:8443/@scope/simple',
    'https://a.example/simple?x=@y',
  ])('%s has no login', (value) => {
    expect(at(value)).toEqual({ url: value, login: null });
  });

  it.each([
    'https//me:open-sesame@h.example/simple',
    '//me:open-sesame@h.example/simple',
    '"https://me:open-sesame@h.example/simple"',
    "'https://me:open-sesame@h.example/simple",
    '“https://me:open-sesame@h.example/simple”',
    '\\\\me:open-sesame@h.example',
    'ht!tp://me:open-sesame@h.example',
    'https//h.example/sesame',
    'https://me:12/open-sesame@h.example/simple',
    'https://me:12#open-sesame@h.example/simple',
    'https://me:12?open-sesame@127.0.0.1:3141/simple',
    'https://me:open/sesame@localhost/simple',
    'https://me:p@ss/open-sesame@h.example/simple',
    'https://me:12/open-sesame@[::1]:8080/simple',
    'https://me:open-sesame@',
    'sesame:/open@h.example',
    'https://me:${SESAME}@h.example/simple',
    // astral-sh/uv 14837
    'http://[10.101.3.14:3128](sesame:3128)',
    // pypa/pip 4315
    'https://me:open/@sesame@h.example/simple',
  ])('not %s, and nothing of it is shown', (value) => {
    for (const read of [at, readProxyAddress]) {
      // Without a scheme it may be the host and port of a proxy.
      if (read === readProxyAddress && !/^["'“]|:.*:.*[/#?].*@|[[$]|@$/.test(value)) continue;
      const error = (() => {
        try {
          return read(value);
        } catch (problem) {
          return problem as Error;
        }
      })();
      expect(error).toBeInstanceOf(AddressError);
      expect(String(error)).not.toMatch(/sesame|h\.example|\bme\b/i);
    }
  });

  it.each([
    ['"http://me:pw@p.example:1"', 'the value has quotes in it; write it without them'],
    ["'https://a.example/simple'", 'the value has quotes in it; write it without them'],
    ['http://me:1/2@p.example:1', 'a login in it ends too early: encode the password'],
    ['http://${PROXY}:1', 'the value names a variable that is not filled in'],
    ['http://%PROXY%:1', 'the value names a variable that is not filled in'],
    ['ftp://p.example', 'ftp: is not supported'],
    ['http://', 'it is not an address'],
  ])('says what is wrong with %s', (value, words) => {
    for (const read of [at, readProxyAddress]) expect(() => read(value)).toThrow(words);
  });

  it('is shown without what may be a secret', () => {
    expect(shownAddress('https://a.example:8443/simple?token=abc#frag')).toBe(
      'https://a.example:8443/simple?****',
    );
    expect(shownAddress('https://a.example/x/sec@ret/simple')).toBe('https://a.example/****@ret/simple');
    expect(shownAddress('file:///srv/w@1')).toBe('file:///srv/w@1');
  });

  it('keeps its query when a path is added', () => {
    expect(joinAddress('https://a.example/simple/', 'idna')).toBe('https://a.example/simple/idna');
    expect(joinAddress('https://a.example/simple?token=x', 'idna')).toBe(
      'https://a.example/simple/idna?token=x',
    );
  });
});
