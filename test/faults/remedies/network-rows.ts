import { rm } from 'node:fs/promises';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LoopbackIndex, startLoopbackIndex } from '../../fixtures/loopback-index.ts';
import { openWheelhouse } from '../../fixtures/wheelhouse.ts';
import type { Box, RemedyRow } from './follow.ts';
import { wheelOf } from './root-rows.ts';

const SETUP = 'ktx setup --yes --force --python /usr/bin/python3';
type Answer = (status: number, headers: Record<string, string>, body: string) => void;

/** Takes a wheel away, and gives the machine an index of its own that answers pages so until it is mended. */
const index =
  (answer: (say: Answer) => void, isClosed = false) =>
  async (box: Box) => {
    let isMended = false;
    const served = await startLoopbackIndex(await openWheelhouse(), (request, response) => {
      if (isMended) return false;
      if (isClosed) return !!request.socket.destroy();
      answer((status, headers, body) => void response.writeHead(status, headers).end(body));
      return true;
    });
    box.cleanups.push(() => served.close());
    box.env['PIP_INDEX_URL'] = served.url;
    await loseWheel(box);
    mends.set(box, () => {
      isMended = true;
    });
  };
const mends = new WeakMap<Box, () => void>();
const mended = (box: Box) => mends.get(box)?.();
const refuses = (status: number) => index((say) => say(status, { 'content-type': 'text/plain' }, 'no'));
const loseWheel = (box: Box) => rm(wheelOf(box), { recursive: true });

/** An index whose name nobody knows, and what is right for each way out of that. */
const unknownName = async (box: Box) => {
  good.set(box, await startLoopbackIndex(await openWheelhouse()));
  box.cleanups.push(() => good.get(box)?.close());
  box.env['PIP_INDEX_URL'] = 'http://packages.invalid/simple/';
  await loseWheel(box);
};
const good = new WeakMap<Box, LoopbackIndex>();
const rightAddress = (box: Box) => {
  box.env['PIP_INDEX_URL'] = good.get(box)!.url;
};
/** Reaches the index by whatever name, on this port or on a free one. */
const proxyTo = async (box: Box, target: () => string, port = 0) => {
  const server = createServer((request, response) => {
    const { host: _, 'proxy-authorization': __, ...headers } = request.headers;
    const { pathname } = new URL(request.url!);
    const [hostname, targetPort] = target().split(':');
    sendRequest(
      { host: hostname, port: targetPort, path: pathname, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    )
      .on('error', () => response.writeHead(502).end())
      .end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  box.cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
/** A proxy in front of a good index that refuses. */
const behind =
  (status: number, headers: Record<string, string> = {}) =>
  async (box: Box) => {
    await unknownName(box);
    let isOpen = false;
    const server = createServer((_, response) => {
      if (!isOpen) response.writeHead(status, headers).end('no');
      else response.writeHead(307, { location: good.get(box)!.url }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    box.cleanups.push(() => void server.close());
    server.unref();
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    box.env['HTTP_PROXY'] = `http://${address}`;
    mends.set(box, () => {
      isOpen = true;
    });
  };

/** Between this machine and a package index. */
export const NETWORK_ROWS: readonly RemedyRow[] = [
  {
    remedy: 'CHECK_NETWORK',
    state: 'the name of the index is not found',
    damage: unknownName,
    byHand: rightAddress,
    fails: SETUP,
  },
  {
    remedy: 'checkAddress',
    state: 'the name of the index is not found',
    damage: unknownName,
    byHand: rightAddress,
    fails: SETUP,
  },
  {
    remedy: 'USE_INDEX',
    state: 'the name of the index is not found',
    damage: unknownName,
    values: { '<url>': (box) => good.get(box)!.url },
    fails: SETUP,
  },
  {
    remedy: 'network/settings/given-instead: Give another …, for this run',
    state: 'the address of the index has a name that is not filled in',
    damage: async (box) => {
      await unknownName(box);
      box.env['PIP_INDEX_URL'] = 'http://packages.invalid:$PORT/simple/';
    },
    values: { '<url>': (box) => good.get(box)!.url },
    fails: SETUP,
  },
  {
    remedy: 'SET_PROXY',
    state: 'the name of the index is not found',
    damage: async (box) => {
      await unknownName(box);
      addresses.set(box, await proxyTo(box, () => good.get(box)!.host));
    },
    values: { '<host:port>': (box) => addresses.get(box)! },
    fails: SETUP,
  },
  { remedy: 'RETRY', state: 'the index answers 503', damage: refuses(503), byHand: mended, fails: SETUP },
  {
    remedy: 'askTheOwner',
    state: 'the index answers 403',
    damage: refuses(403),
    byHand: mended,
    fails: SETUP,
  },
  {
    remedy: 'SIGN_IN',
    state: 'a page where the index should be',
    damage: index((say) =>
      say(200, { 'content-type': 'text/html' }, '<html><title>Welcome</title>Please sign in</html>'),
    ),
    byHand: mended,
    fails: SETUP,
  },
  {
    remedy: 'TRANSLATING_PROXY',
    state: 'a proxy that wants a login by NTLM',
    damage: behind(407, { 'proxy-authenticate': 'NTLM' }),
    byHand: async (box) => {
      await proxyTo(box, () => good.get(box)!.host, 3128);
      // What is stored for ktx goes before what the shell says.
    },
    fails: SETUP,
  },
];
const addresses = new WeakMap<Box, string>();
