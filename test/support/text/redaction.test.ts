import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/support/text/redaction.ts';

const redact = (text: string, ...secrets: string[]): string => {
  const redactor = createRedactor();
  for (const secret of secrets) redactor.addSecret(secret);
  return redactor.redact(text);
};

describe('redaction by shape', () => {
  it.each([
    ['a user and a password', 'https://me:s3cret@host.example/simple', 'https://****@host.example/simple'],
    ['a token for a user', 'https://gl-abc123@host.example/x', 'https://****@host.example/x'],
    ['a token after a user', 'https://__token__:glpat-1@host.example/', 'https://****@host.example/'],
    ['an empty user', 'http://:s3cret@host.example', 'http://****@host.example'],
    ['an @ in the password', 'http://me:p@ss@proxy.example:8080', 'http://****@proxy.example:8080'],
    ['a slash in the password', 'http://me:p/ss@proxy.example:8080', 'http://****@proxy.example:8080'],
    ['percent-encoding', 'https://me:p%40s%2Fs@h.example/', 'https://****@h.example/'],
    [
      'two in a line',
      'a=http://u:p@h.example,b=http://v:q@i.example',
      'a=http://****@h.example,b=http://****@i.example',
    ],
    ['in quotes', '"https://u:p@h.example/s" failed', '"https://****@h.example/s" failed'],
    [
      'other schemes',
      'git+ssh://git:tok@h.example/r socks5h://u:p@h.example',
      'git+ssh://****@h.example/r socks5h://****@h.example',
    ],
    ['Basic', 'Authorization: Basic dXNlcjpwdw==', 'Authorization: Basic ****'],
    ['Bearer, small letters', 'proxy-authorization: bearer abc.def', 'proxy-authorization: bearer ****'],
    [
      'a header in an object',
      "{'Authorization': 'Bearer abc', 'accept': 'x'}",
      "{'Authorization': 'Bearer ****', 'accept': 'x'}",
    ],
    ['a header without a scheme', 'Proxy-Authorization: 0123abc', 'Proxy-Authorization: ****'],
    ['Digest, with its parts', 'Authorization: Digest username="me", response="abc"', 'Authorization: ****'],
    [
      'Digest in JSON',
      '{"authorization": "Digest a=\\"b\\", c=\\"d\\"", "x": 1}',
      '{"authorization": "****", "x": 1}',
    ],
    ['capital letters', 'AUTHORIZATION: BASIC abc', 'AUTHORIZATION: BASIC ****'],
    ['Bearer alone', 'sent Bearer eyJhbGciOi.J9', 'sent Bearer ****'],
    ['a token in a query', 'https://h.example/a?token=abc&x=1', 'https://h.example/a?token=****&x=1'],
    [
      'a signed address',
      'https://h.example/a?X-Amz-Credential=AK%2F1&X-Amz-Signature=ff00&v=2',
      'https://h.example/a?X-Amz-Credential=****&X-Amz-Signature=****&v=2',
    ],
    [
      'a short name in a query',
      'https://h.example/a?sv=1&sig=ab%3D&key=k1',
      'https://h.example/a?sv=1&sig=****&key=****',
    ],
    [
      'an environment',
      'HF_TOKEN=hf_abc PGPASSWORD=x API_KEY="a b c" SECRET=\'d e\'',
      'HF_TOKEN=**** PGPASSWORD=**** API_KEY=**** SECRET=****',
    ],
    [
      'an npm configuration',
      '//h.example/:_authToken=npm_1 _auth=dTpw',
      '//h.example/:_authToken=**** _auth=****',
    ],
    [
      'tokens that say what they are',
      'ghp_0123456789abcdefABCDEF github_pat_11AAAAAAA0_abcdefgh glpat-abcdefghij0123456789 npm_0123456789abcdefABCDEF',
      '**** **** **** ****',
    ],
    [
      'a key of a language model',
      'sk-proj-Ab12Cd34Ef56Gh78Ij90Kl, not disk-usage-of-the-whole-host-1',
      '****, not disk-usage-of-the-whole-host-1',
    ],
    [
      'the kind of a login',
      'Missing bearer authentication in header',
      'Missing bearer authentication in header',
    ],
    ['a signed token', 'got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0.', 'got ****.'],
    ['in a path', 'https://h.example/hf_0123456789abcdefABCDEF/s', 'https://h.example/****/s'],
    ['of the package index', 'password pypi-AgEIcHlwaS5vcmcCJDAw ', 'password **** '],
  ])('%s', (_name, text, expected) => {
    expect(redact(text)).toBe(expected);
    expect(redact(expected)).toBe(expected);
  });

  it.each([
    ' + tokenizers==0.22.1',
    ' + tokenizers=0.22',
    'my-secret==1.0 and a=b',
    'https://host.example:8443/simple/@scope/pkg/',
    'https://host.example/a@b/c',
    'design=bold&monkey=1',
    'mail me@host.example',
    'Resolved 53 packages in 393ms',
    'https://h.example/pypi-remote-production-2024/npm_mirror_of_the_world/ npm_config_cache=/c',
    ' + hf_transfer_and_other_things==1.0 pypi-simple-and-more-words==1.5',
    'kept: numpy==2.3.1 --hash=sha256:abc',
    'the bearer of this',
    'file:///C:/x@y',
    '',
  ])('leaves alone: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('takes many lines at once and keeps their ends', () => {
    expect(
      redact(
        'Authorization: Digest a="b"\r\nnext\n\nhttps://u:p@h.example\nPASSWORD="open\nlast=1\nAuthorization:\nx',
      ),
    ).toBe('Authorization: ****\r\nnext\n\nhttps://****@h.example\nPASSWORD=****\nlast=1\nAuthorization:\nx');
  });
});

describe('redaction of known secrets', () => {
  it('hides a secret wherever it stands, as often as it does', () => {
    expect(redact('aXs3cretYs3cret s3cret', 's3cret')).toBe('aX****Y**** ****');
  });

  it('hides its percent-encoded form', () => {
    expect(redact('x p%40ss%2Fword y', 'p@ss/word')).toBe('x **** y');
  });

  it('hides the longer of two that overlap', () => {
    expect(redact('abcd-efgh', 'abcd', 'abcd-efgh')).toBe('****');
  });

  it('hides every line of a secret of several lines', () => {
    expect(redact('MIIEvQ11\n between\nMIIEvQ22', 'MIIEvQ11\r\nMIIEvQ22\r\n')).toBe('****\n between\n****');
  });

  it('takes special characters as they are', () => {
    expect(redact('x $&(.*)[ y', '$&(.*)[')).toBe('x **** y');
  });

  it('ignores values that would mask the whole text', () => {
    expect(redact('a b c a', '', 'a', ' ', '***')).toBe('a b c a');
  });

  it('accepts a secret that is not well-formed text', () => {
    expect(redact('x', 'abc\ud800def')).toBe('x');
  });
});

/**
 * A pattern that restarts at every character would take hours for these: the test's time limit is the
 * assertion.
 */
it.each([
  '://a:b',
  '://',
  '://u:p/',
  'a@',
  'token=',
  'token="',
  'authorization:"',
  'authorization: ',
  'x=y',
  '=',
])('reads a long hostile line once: %s', (shape) => {
  const text = shape.repeat(Math.ceil(1_000_000 / shape.length));
  expect(redact(text, 'some secret')).not.toBe('');
  expect(redact(`${text}@`).length).toBeGreaterThan(0);
});
