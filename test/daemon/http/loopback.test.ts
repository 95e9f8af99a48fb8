import { expect, it } from 'vitest';
import { loopbackError, tryLoopback } from '../../../src/daemon/http/loopback.ts';

it('a machine that reaches itself is left alone', async () => {
  expect(await tryLoopback()).toEqual({ problem: null });
});

it.each([
  [
    'connect',
    'ENETUNREACH',
    false,
    'linux',
    /interface of this machine is down/,
    ['ip', 'link', 'set', 'lo', 'up'],
  ],
  [
    'listen',
    'EADDRNOTAVAIL',
    false,
    'linux',
    /interface of this machine is down/,
    ['ip', 'link', 'set', 'lo', 'up'],
  ],
  ['connect', 'ETIMEDOUT', false, 'darwin', /interface of this machine is down/, ['ifconfig', 'lo0', 'up']],
  ['listen', 'EPERM', true, 'darwin', /may not open a port/, null],
  ['connect', 'EACCES', true, 'linux', /may not connect/, null],
  ['listen', 'EMFILE', true, 'linux', /No further port can be opened/, null],
  ['connect', 'ETIMEDOUT', true, 'linux', /keeps this machine from connecting to itself/, null],
  ['connect', 'ECONNREFUSED', true, 'win32', /keeps this machine from connecting to itself/, null],
] as const)('%s %s, interface up: %s, on %s', (problem, code, isUp, platform, title, argv) => {
  const error = loopbackError({ problem, code, detail: code }, isUp, platform);
  expect(error.message).toMatch(title);
  expect(error.evidence.join()).toContain(code);
  expect(error.remedies).toMatchObject([{ argv, afterwards: ['ktx', 'setup'] }]);
});
