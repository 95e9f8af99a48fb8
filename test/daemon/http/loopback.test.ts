import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import net, { Server, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
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

it.each(['linux', 'darwin', 'win32', 'freebsd'] as const)(
  '%s: the loopback interface is brought up by its own command, if any',
  (platform) => {
    const error = loopbackError({ problem: 'connect', code: 'ENETUNREACH', detail: 'x' }, true, platform);
    const argv = {
      linux: ['ip', 'link', 'set', 'lo', 'up'],
      darwin: ['ifconfig', 'lo0', 'up'],
      win32: null,
      freebsd: null,
    };
    expect(error.remedies[0]?.argv ?? null).toEqual(argv[platform]);
  },
);

it.each([
  ['listen', 'EPERM', 'This process may not open a port on this machine', 'opening', 'permission'],
  ['connect', 'EPERM', 'This process may not connect on this machine', 'connecting to', 'permission'],
  ['listen', 'EACCES', 'This process may not open a port on this machine', 'opening', 'permission'],
  ['connect', 'ENFILE', 'No further port can be opened', 'connecting to', 'platform'],
  ['listen', 'ENOBUFS', 'No further port can be opened', 'opening', 'platform'],
  ['connect', 'EADDRNOTAVAIL', 'The loopback interface of this machine is down', 'connecting to', 'platform'],
  ['connect', null, 'Something keeps this machine from connecting to itself', 'connecting to', 'platform'],
] as const)('%s %s: %s', (problem, code, title, what, failureClass) => {
  const error = loopbackError({ problem, code, detail: 'why' }, true, 'linux');
  expect(error).toMatchObject({
    message: `${title}, and the runtime answers on 127.0.0.1 alone.`,
    failureClass,
    evidence: [`${what} a port on 127.0.0.1: why`],
  });
});

it('a machine on which no port can be opened, or none reached, says which', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
    setImmediate(() => this.emit('error', Object.assign(new Error('EPERM: no'), { code: 'EPERM' })));
    return this;
  });
  expect(await tryLoopback()).toEqual({ problem: 'listen', code: 'EPERM', detail: 'EPERM: no' });
  listen.mockRestore();
  for (const code of ['ECONNREFUSED', undefined]) {
    const connect = vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (this: Socket) {
      setImmediate(() => this.emit('error', Object.assign(new Error('no'), { code })));
      return this;
    });
    expect(await tryLoopback()).toEqual({ problem: 'connect', code: code ?? null, detail: 'no' });
    connect.mockImplementation(function (this: Socket) {
      setImmediate(() => this.emit('timeout'));
      return this;
    });
    expect(await tryLoopback(2500)).toMatchObject({ code: 'ETIMEDOUT', detail: 'no answer within 2.5 s' });
    connect.mockRestore();
  }
});

it('finds the interface by an address of IPv4 that is internal', () => {
  const interfaces =
    (...addresses: object[]) =>
    () =>
      ({ lo: addresses }) as never;
  expect(hasLoopbackInterface(interfaces({ internal: true, family: 'IPv4' }))).toBe(true);
  expect(hasLoopbackInterface(interfaces({ internal: true, family: 'IPv6' }))).toBe(false);
  expect(hasLoopbackInterface(interfaces({ internal: false, family: 'IPv4' }))).toBe(false);
});
