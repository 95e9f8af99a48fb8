import { describe, expect, it } from 'vitest';
import {
  AddressError,
  basicAuthorization,
  hasScheme,
  joinAddress,
  LoginCutOffError,
  placeOf,
  readAddress,
  readProxyAddress,
  shownAddress,
  splitLogin,
  withoutPort,
} from '../../../src/network/address/address.ts';
import { withHome } from '../../../src/network/address/home-path.ts';

const PATHS = { baseDir: '/base', homeDir: '/home/ann' };
const CUT_OFF = 'a login in it ends too early: encode the password (/ as %2F, # as %23, ? as %3F, @ as %40)';
const LOOKS_LIKE = 'it looks like an address, but does not start with https:// or http://';
const NO_SCHEME = 'its scheme is not supported: it must start with https:// or http://';
const NO_ZONE = 'an IPv6 address with a zone is not supported';
const NO_ADDRESS = 'it is not an address';
const QUOTED = 'the value has quotes in it; write it without them';
const VARIABLE = 'the value names a variable that is not filled in';

describe('the place of an address', () => {
  it.each([
    ['https://a.example/x', 'a.example'],
    ['https://u:p@a.example:8443/x', 'a.example:8443'],
    ['file:///srv/my%20wheels', '/srv/my wheels'],
    ['file:///srv/a%2Fb', 'file:///srv/a%2Fb'],
    ['file://host/srv', 'file://host/srv'],
  ])('of %s is %s', (address, place) => {
    expect(placeOf(address)).toBe(place);
    expect(placeOf(new URL(address))).toBe(place);
  });
});

describe('an address for display', () => {
  it.each([
    ['https://a.example', 'https://a.example/'],
    ['https://a.example/simple/', 'https://a.example/simple/'],
    ['https://u:p@a.example:8443/x', 'https://a.example:8443/x'],
    ['https://a.example/x?token=1', 'https://a.example/x?****'],
    ['https://a.example/p@ss@b.example/x', 'https://a.example/****@b.example/x'],
    ['https://a.example/x/p@b.example', 'https://a.example/****@b.example'],
    ['file:///srv/p@x', 'file:///srv/p@x'],
  ])('of %s is %s', (address, shown) => expect(shownAddress(address)).toBe(shown));
});

it.each([
  ['a.example', 'a.example'],
  ['a.example:8443', 'a.example'],
  ['a.example:8443b', 'a.example:8443b'],
  ['[::1]:80', '[::1]'],
])('%s without its port is %s', (host, expected) => expect(withoutPort(host)).toBe(expected));

describe('the login of an address', () => {
  it.each([
    ['https://a.example/x', 'https://a.example/x', null],
    ['https://u:p@a.example/x', 'https://a.example/x', { username: 'u', password: 'p' }],
    ['https://u@a.example/x', 'https://a.example/x', { username: 'u', password: '' }],
    ['https://:p@a.example/x', 'https://a.example/x', { username: '', password: 'p' }],
    ['https://u%40x:p%C3%A9@a.example/', 'https://a.example/', { username: 'u@x', password: 'pé' }],
    ['https://u:100%@a.example/', 'https://a.example/', { username: 'u', password: '100%' }],
    ['https://u:%E9@a.example/', 'https://a.example/', { username: 'u', password: 'é' }],
  ])('of %s', (address, url, login) => expect(splitLogin(address)).toEqual({ url, login }));

  it('as a header', () => {
    expect(basicAuthorization({ username: 'u', password: 'pé' })).toBe('Basic dTpww6k=');
  });
});

describe('a setting that is an address', () => {
  it.each<[string, string, { username: string; password: string } | null]>([
    [' https://a.example/simple ', 'https://a.example/simple', null],
    ['HTTPS://A.example/x', 'https://a.example/x', null],
    ['https:/a.example', 'https://a.example/', null],
    ['https:\\\\a.example\\path', 'https://a.example/path', null],
    ['https://a.example\\one/two?x', 'https://a.example/one/two?x', null],
    ['https://u:p@a.example/x', 'https://a.example/x', { username: 'u', password: 'p' }],
    ['https://u@a.example', 'https://a.example/', { username: 'u', password: '' }],
    ['https://:p@a.example', 'https://a.example/', { username: '', password: 'p' }],
    ['https://CORP\\me:p:q@a.example', 'https://a.example/', { username: 'CORP\\me', password: 'p:q' }],
    ['https://u:p@x@a.example', 'https://a.example/', { username: 'u', password: 'p@x' }],
    ['https://@a.example/x', 'https://a.example/x', null],
    ['https://a.example?q', 'https://a.example/?q', null],
    ['https://a.example#f', 'https://a.example/#f', null],
    ['https://a.example/@scope/x', 'https://a.example/@scope/x', null],
    ['https://a.example/x@1.2', 'https://a.example/x@1.2', null],
    ['https://[::1]:8080/x', 'https://[::1]:8080/x', null],
    ['https://a.example/[x%25]', 'https://a.example/[x%25]', null],
    ['socks5://a.example:1080', 'socks5://a.example:1080', null],
    ['socks5h://a.example:1080', 'socks5h://a.example:1080', null],
    ['socks4a://a.example:1080', 'socks4a://a.example:1080', null],
    ['socks://a.example:1080', 'socks://a.example:1080', null],
    ['file:///srv/wheels', 'file:///srv/wheels', null],
    ['FILE:///srv/wheels', 'file:///srv/wheels', null],
    ['/srv/wheels', 'file:///srv/wheels', null],
    ['wheels', 'file:///base/wheels', null],
    ['C:\\wheels', 'file:///base/C:%5Cwheels', null],
    ['~', 'file:///home/ann', null],
    ['~/wheels', 'file:///home/ann/wheels', null],
    ['./my https/x', 'file:///base/my%20https/x', null],
    ['folder/https:/x', 'file:///base/folder/https:/x', null],
    ['a/one:two', 'file:///base/a/one:two', null],
    ['a$HOME', 'file:///base/a$HOME', null],
    ["it's", "file:///base/it's", null],
    ['50%', 'file:///base/50%25', null],
  ])('%s', (value, url, login) => expect(readAddress(value, PATHS)).toEqual({ url, login }));

  it.each<[string, string]>([
    ['"https://a.example"', QUOTED],
    ['https://a.example"', QUOTED],
    ["'https://a.example", QUOTED],
    ['\u201chttps://a.example', QUOTED],
    ['https://a.example\u2019', QUOTED],
    [['https://$', '{HOST}/'].join(''), VARIABLE],
    ['$INDEX', VARIABLE],
    ['https://%HOST%/', VARIABLE],
    ['u:p@a.example', LOOKS_LIKE],
    ['//https://a.example', LOOKS_LIKE],
    ['https\\\\a.example', LOOKS_LIKE],
    ['//http:a.example', LOOKS_LIKE],
    ['ftp://a.example', 'ftp: is not supported: it must start with https:// or http://'],
    ['ftps://a.example', 'ftps: is not supported: it must start with https:// or http://'],
    ['sftp://a.example', 'sftp: is not supported: it must start with https:// or http://'],
    ['ssh://a.example', 'ssh: is not supported: it must start with https:// or http://'],
    ['wss://a.example', 'wss: is not supported: it must start with https:// or http://'],
    ['s3://a.example', 's3: is not supported: it must start with https:// or http://'],
    ['xssh://a.example', NO_SCHEME],
    ['ssh2://a.example', NO_SCHEME],
    ['xhttps://a.example', NO_SCHEME],
    ['https2://a.example', NO_SCHEME],
    ['ann:S3cret@a.example', NO_SCHEME],
    ['https://u:12/S3cret@a.example/x', CUT_OFF],
    ['https://u:12/S3cret@10.0.0.1', CUT_OFF],
    ['https://u:12/S3cret@[::1]:80/', CUT_OFF],
    ['https://u:12/S3cret@localhost', CUT_OFF],
    ['https://u:12/S3cret@host:8080', CUT_OFF],
    ['https://u:12?S3cret@a.example', CUT_OFF],
    ['https://u:12#S3cret@a.example', CUT_OFF],
    ['https://[fe80::1%25eth0]/x', NO_ZONE],
    ['https://[fe80::1%eth0]/x', NO_ZONE],
    ['https://', NO_ADDRESS],
    ['https://a.example:99999', NO_ADDRESS],
    ['https:///?x', NO_ADDRESS],
  ])('%s is refused', (value, message) => {
    const read = () => readAddress(value, PATHS);
    // A word before a colon with a login after it is not a path.
    const expected = value.startsWith('ann:') ? NO_SCHEME : value.startsWith('u:') ? LOOKS_LIKE : message;
    expect(read).toThrow(expected);
    expect(read).toThrow(message === CUT_OFF ? LoginCutOffError : AddressError);
    try {
      read();
    } catch (error) {
      expect((error as Error).message).toBe(expected);
      expect(error instanceof LoginCutOffError).toBe(message === CUT_OFF);
    }
  });
});

describe('the address of a proxy', () => {
  it.each<[string, string, { username: string; password: string } | null]>([
    ['proxy.example:3128', 'http://proxy.example:3128/', null],
    ['https://proxy.example:3128/path?x', 'https://proxy.example:3128/', null],
    ['u:p@proxy.example:3128', 'http://proxy.example:3128/', { username: 'u', password: 'p' }],
    ['socks5://proxy.example:1080/x', 'socks5://proxy.example:1080', null],
    ['http:/proxy.example', 'http://proxy.example/', null],
  ])('%s', (value, url, login) => expect(readProxyAddress(value)).toEqual({ url, login }));

  it.each([
    ['u:12/S3cret@proxy:3128', CUT_OFF],
    ['http://u/x@y', CUT_OFF],
    ['http://host/@', CUT_OFF],
    ['"proxy.example:3128"', QUOTED],
    ['http://', NO_ADDRESS],
  ])('%s is refused', (value, message) => expect(() => readProxyAddress(value)).toThrow(message));
});

it.each([
  ['https://a', true],
  ['https:/a', true],
  ['socks5:\\a', true],
  ['HTTP://a', true],
  ['proxy.example:3128', false],
  ['my http://a', false],
  ['h:/a', false],
])('%s has a scheme: %s', (value, expected) => expect(hasScheme(value)).toBe(expected));

it.each([
  ['https://a.example', 'b/c', 'https://a.example/b/c'],
  ['https://a.example//', 'b', 'https://a.example/b'],
  ['https://a.example/s/?q=1/', 'b', 'https://a.example/s/b?q=1/'],
  ['https://a.example#f', 'b', 'https://a.example/b#f'],
  ['?q', 'b', '/b?q'],
])('%s and %s joined are %s', (base, path, expected) => expect(joinAddress(base, path)).toBe(expected));

it.each([
  ['~', '/home/ann'],
  ['~/x', '/home/ann/x'],
  ['~\\x', '/home/ann/x'],
  ['~bob/x', '~bob/x'],
  ['/a/~/x', '/a/~/x'],
  ['x~', 'x~'],
])('%s in a setting is %s', (path, expected) => expect(withHome(path, '/home/ann')).toBe(expected));
