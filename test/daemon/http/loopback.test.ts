import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { hasLoopbackInterface, loopbackError, tryLoopback } from '../../../src/daemon/http/loopback.ts';

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

it('blames no interface of a machine that does not tell them', () => {
  const refuses = () => {
    throw new Error('uv_interface_addresses returned Unknown system error 13');
  };
  expect(hasLoopbackInterface(refuses)).toBe(true);
  expect(hasLoopbackInterface(() => ({}))).toBe(false);
});

it('survives a connection that is reset on the other side', async () => {
  const listeners = Promise.withResolvers<number>();
  const reset = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    // After the server's listeners.
    setImmediate(() => {
      listeners.resolve(socket.listenerCount('error'));
      socket.destroy(new Error('reset'));
    });
  };
  subscribe('net.server.socket', reset);
  try {
    expect(await tryLoopback()).toEqual({ problem: null });
    expect(await listeners.promise).toBe(1);
  } finally {
    unsubscribe('net.server.socket', reset);
  }
});
