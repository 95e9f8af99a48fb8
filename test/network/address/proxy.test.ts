import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { withPatterns } from '../../../src/network/address/host-patterns.ts';
import {
  GITHUB,
  isBuiltInHost,
  MODEL_HUB,
  OFFICIAL_MIRROR,
  pythonReleasePath,
  uvReleasePath,
} from '../../../src/network/address/official-hosts.ts';
import { isBypassed, type ProxyServer, proxyFor } from '../../../src/network/address/proxy.ts';
import { PUBLIC_FILES_URL, PUBLIC_INDEX_URL } from '../../../src/network/address/public-index.ts';

const server = (url: string): ProxyServer => ({ url, authorization: null, origin: 'HTTPS_PROXY' });

it('each scheme has a proxy of its own', () => {
  const forHttp = server('http://one.example/');
  const forHttps = server('http://two.example/');
  const of = (url: string, settings: object) =>
    proxyFor(new URL(url), { forHttp: null, forHttps: null, noProxy: '', ...settings });
  expect(of('http://a.example', { forHttp, forHttps })).toBe(forHttp);
  expect(of('https://a.example', { forHttp, forHttps })).toBe(forHttps);
  expect(of('https://a.example', { forHttp })).toBeNull();
  expect(of('http://a.example', { forHttps })).toBeNull();
  expect(of('https://a.example', { forHttps, noProxy: 'a.example' })).toBeNull();
  expect(of('https://b.example', { forHttps, noProxy: 'a.example' })).toBe(forHttps);
});

describe('NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    ['', 'https://a.example', false],
    ['*', 'https://a.example', true],
    ['*', 'https://10.0.0.1', true],
    ['a.example', 'https://a.example', true],
    ['A.Example.', 'https://a.example', true],
    ['a.example', 'https://A.example.', true],
    ['a.example', 'https://s.a.example', true],
    ['.a.example', 'https://a.example', true],
    ['*.a.example', 'https://s.a.example', true],
    ['a.example', 'https://evila.example', false],
    ['.', 'https://a.example', false],
    ['*.', 'https://a.example', false],
    ['x.example, a.example', 'https://a.example', true],
    ['x.example a.example', 'https://a.example', true],
    ['x.example,,', 'https://a.example', false],
    ['a.example:443', 'https://a.example', true],
    ['a.example:443', 'http://a.example', false],
    ['a.example:80', 'http://a.example', true],
    ['a.example:8080', 'http://a.example:8080', true],
    ['a.example:8080', 'http://a.example', false],
    ['10.0.0.1', 'https://10.0.0.1', true],
    ['10.0.0.1', 'https://10.0.0.2', false],
    ['10.0.0.1:443', 'https://10.0.0.1', true],
    ['10.0.0.0/8', 'https://10.9.9.9', true],
    ['10.0.0.0/8', 'https://11.0.0.0', false],
    ['10.0.0.0/8:443', 'https://10.9.9.9', true],
    ['10.0.0.0/0', 'https://11.0.0.1', true],
    ['10.0.0.1/32', 'https://10.0.0.1', true],
    ['10.0.0.1/32', 'https://10.0.0.2', false],
    ['10.0.0.1/33', 'https://10.0.0.1', false],
    ['10.0.0.1/-1', 'https://10.0.0.1', false],
    ['10.0.0.1/8.5', 'https://10.0.0.1', false],
    ['10.0.0.1/x', 'https://10.0.0.1', false],
    ['10.0.0.0/8', 'https://a.example', false],
    ['0.0.0.0/0', 'https://[fd00::1]', false],
    ['::/0', 'https://10.0.0.1', false],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['fd00::/8', 'https://[fe80::1]', false],
    ['::1', 'https://[::1]', true],
    ['::1', 'https://[::2]', false],
    ['[::1]', 'https://[::1]', true],
    ['[::1]:8080', 'https://[::1]:8080', true],
    ['[::1]:8080', 'https://[::1]', false],
    ['[fd00::]/8:443', 'https://[fd12::1]', true],
    ['fd00::/128', 'https://[fd00::]', true],
    ['fd00::/128', 'https://[fd00::1]', false],
    ['fd00::/129', 'https://[fd00::]', false],
    ['fd00::/200', 'https://[fd00::]', false],
    ['0.0.1', 'https://10.0.0.1', false],
    ['x[a.example]', 'https://a.example', false],
    ['[a.example]x', 'https://a.example', false],
  ])('%j covers %s: %s', (noProxy, url, expected) => {
    expect(isBypassed(new URL(url), noProxy)).toBe(expected);
  });
});

it('the built-in hosts are those of uv, its origin, the models and the index', () => {
  for (const address of [OFFICIAL_MIRROR, GITHUB, MODEL_HUB, PUBLIC_INDEX_URL])
    expect(isBuiltInHost(new URL(address).host)).toBe(true);
  expect(isBuiltInHost('a.example')).toBe(false);
  expect(isBuiltInHost(new URL(PUBLIC_FILES_URL).host)).toBe(false);
});

// By digest: no other file names the public index.
it.each([
  [PUBLIC_INDEX_URL, '5a06749b2297be54ac5699f6f2761716adc5001a2d5f8b915ab2172922dd5706'],
  [PUBLIC_FILES_URL, 'e26bba750d8ffe7a2d82a123e816cb850e24ba0d9f9b61e22ecb021ebbac4d5e'],
])('the public index is where it has always been', (address, digest) => {
  expect(createHash('sha256').update(address).digest('hex')).toBe(digest);
});

it('a release has its file name encoded', () => {
  expect(uvReleasePath('1.2.3', 'uv+x.tar.gz')).toBe('uv/releases/download/1.2.3/uv%2Bx.tar.gz');
  expect(pythonReleasePath('20260101', 'cpython-3.13+20260101.tar.gz')).toBe(
    'python-build-standalone/releases/download/20260101/cpython-3.13%2B20260101.tar.gz',
  );
});

it.each([
  ['addresses with a port', ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1', '10.0.0.4:1']],
  ['addresses of version 6', ['[::1.2.3.1]', '[::1.2.3.2]', '[::1.2.3.3]', '[::1.2.3.4]']],
])('no pattern stands for %s', (_, hosts) => expect(withPatterns(hosts)).toEqual(hosts));

it('a name that begins or ends like an address is a name', () => {
  const hosts = (name: string) => [1, 2, 3, 4].map((at) => `s${at}.${name}`);
  expect(withPatterns(hosts('1.2.3.4.example'))).toEqual(['*.1.2.3.4.example']);
  expect(withPatterns([1, 2, 3, 4].map((at) => `1${at}.2.3.4.example`))).toEqual(['*.2.3.4.example']);
  expect(withPatterns([1, 2, 3, 4].map((at) => `${at}.0.0.0.example`))).toEqual(['*.0.0.0.example']);
  expect(withPatterns([1, 2, 3, 4].map((at) => `s${at}.10.0.0.1`))).toEqual(['*.10.0.0.1']);
});
