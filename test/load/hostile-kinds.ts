import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { LONG_TEXT, post } from '../fixtures/embeddings-rig.ts';

/** What a hostile client does, again and again, until the signal fires. */
type Hostility = (port: number, signal: AbortSignal) => Promise<void>;

const BULK = () => JSON.stringify({ texts: Array(100).fill(LONG_TEXT) });
const MEBIBYTE = 1024 * 1024;

/** Each runs in a process of its own. */
export const HOSTILE_KINDS = {
  'leaves in a bulk': leaving(4, '/embeddings/compute-bulk', BULK),
  'leaves in a large list': leaving(2, '/v1/embeddings', () =>
    JSON.stringify({ input: Array(2048).fill('a few words for each') }),
  ),
  'wide characters': staying(3, '/embeddings/compute', () =>
    JSON.stringify({ text: `${'\u{1F642}'.repeat(4)}${'a'.repeat(15e6)}` }),
  ),
  'only wide characters': staying(2, '/v1/embeddings', () =>
    JSON.stringify({ input: '\u{1F642}'.repeat(3.9e6) }),
  ),
  'escaped characters': staying(
    1,
    '/embeddings/compute',
    () => `{"text":"${'\\ud83d\\ude42'.repeat(1.3e6)}"}`,
  ),
  'many values': staying(2, '/embeddings/compute', () => `{"text":"a","x":[${'[],'.repeat(5e6)}1]}`),
  'deeply nested': staying(1, '/embeddings/compute', () => `{"text":${'['.repeat(1e6)}`),
  'a long number': staying(1, '/embeddings/compute', () => `{"text":${'9'.repeat(5e6)}}`),
  'too large, announced': staying(1, '/embeddings/compute', () => `{"text":"${'a'.repeat(17e6)}"}`),
  'too large, in chunks': raw(2, async (socket) => {
    socket.write(`${head('transfer-encoding: chunked')}`);
    for (let sent = 0; sent < 40 && !socket.destroyed; sent++)
      await written(socket, `${MEBIBYTE.toString(16)}\r\n${'a'.repeat(MEBIBYTE)}\r\n`);
  }),
  'half a head': raw(
    20,
    async (socket) => void (await written(socket, 'POST /embeddings/compute HTTP/1.1\r\nho')),
  ),
  'half a body': raw(
    20,
    async (socket) => void (await written(socket, `${head('content-length: 1000')}{"text":`)),
  ),
  'one byte a second': raw(20, async (socket, signal) => {
    await written(socket, head('content-length: 100000'));
    while (!signal.aborted && !socket.destroyed) {
      await written(socket, ' ');
      await delay(1000);
    }
  }),
  'does not read answers': raw(10, async (socket) => {
    socket.pause();
    const body = JSON.stringify({ texts: Array(100).fill('a') });
    for (let index = 0; index < 20 && !socket.destroyed; index++)
      await written(socket, `${head(`content-length: ${body.length}`, '/embeddings/compute-bulk')}${body}`);
    await delay(5000);
  }),
  'opens connections': raw(300, async () => {}),
  'endless headers': raw(5, async (socket) => {
    socket.write('GET /health HTTP/1.1\r\n');
    for (let sent = 0; sent < 64 && !socket.destroyed; sent++)
      await written(socket, `x-${sent}: ${'a'.repeat(8000)}\r\n`);
  }),
  'no HTTP': raw(
    5,
    async (socket) => void (await written(socket, '\x16\x03\x01\x02\x00\x01\x00\x01'.repeat(1000))),
  ),
  'chunks of one byte': raw(2, async (socket) => {
    socket.write(head('transfer-encoding: chunked'));
    const chunks = '1\r\n \r\n'.repeat(20_000);
    for (let sent = 0; sent < 200 && !socket.destroyed; sent++) await written(socket, chunks);
  }),
  'an endless chunked body': raw(5, async (socket, signal) => {
    socket.write(head('transfer-encoding: chunked'));
    while (!signal.aborted && !socket.destroyed) {
      await written(socket, `1000\r\n${' '.repeat(4096)}\r\n`);
      await delay(100);
    }
  }),
  'requests without waiting for answers': raw(20, async (socket) => {
    const body = JSON.stringify({ texts: Array(100).fill('a') });
    const bulk = `${head(`content-length: ${body.length}`, '/embeddings/compute-bulk')}${body}`;
    await written(socket, bulk + 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(20_000));
  }),
  'large halves of heads': raw(
    300,
    async (socket) => void (await written(socket, `GET /health HTTP/1.1\r\nx: ${'a'.repeat(60_000)}`)),
  ),
  'idle connections': raw(1200, async (socket) => {
    await written(socket, 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n');
  }),
  'a million tiny texts': staying(
    1,
    '/embeddings/compute-bulk',
    () => `{"texts":["a"${',"a"'.repeat(1e6)}]}`,
  ),
  'token numbers': staying(1, '/v1/embeddings', () => `{"input":[[1${',1234'.repeat(1e6)}]]}`),
  'the same key': staying(1, '/embeddings/compute', () => `{${'"text":"a",'.repeat(1e6)}"text":"b"}`),
  'halves of surrogate pairs': staying(1, '/embeddings/compute', () => `{"text":"${'\\ud83d'.repeat(2e6)}"}`),
  'texts without a token': staying(2, '/embeddings/compute-bulk', () =>
    JSON.stringify({ texts: Array(100).fill('\u200b') }),
  ),
} satisfies Record<string, Hostility>;

export type HostileKind = keyof typeof HOSTILE_KINDS;

/** Who makes large bodies is busy with that, so each of these has a process of its own; the others share one. */
const BUSY: readonly HostileKind[] = [
  'leaves in a bulk',
  'leaves in a large list',
  'wide characters',
  'only wide characters',
  'escaped characters',
  'many values',
];

export function hostileProcesses(): HostileKind[][] {
  const all = Object.keys(HOSTILE_KINDS) as HostileKind[];
  return [...BUSY.map((kind) => [kind]), all.filter((kind) => !BUSY.includes(kind))];
}

function times(count: number, one: Hostility): Hostility {
  return async (port, signal) => {
    await Promise.all(Array.from({ length: count }, () => one(port, signal)));
  };
}

/** Made by the process that sends it, and there once. */
function once(make: () => string): () => string {
  let made: string | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** Sends a body and hangs up after a moment. */
function leaving(count: number, path: string, body: () => string): Hostility {
  const text = once(body);
  return times(count, async (port, signal) => {
    while (!signal.aborted) {
      const moment = AbortSignal.any([signal, AbortSignal.timeout(300)]);
      await post(port, path, text(), moment).then(
        (answer) => answer.text().catch(() => {}),
        () => {},
      );
      await delay(50);
    }
  });
}

/** Sends a body and waits for whatever comes, at once again. */
function staying(count: number, path: string, body: () => string): Hostility {
  const text = once(body);
  return times(count, async (port, signal) => {
    while (!signal.aborted) {
      // A signal of its own: listeners of finished requests stay on a shared one until they are collected.
      await post(port, path, text(), AbortSignal.any([signal])).then(
        (answer) => answer.text().catch(() => {}),
        () => delay(50),
      );
    }
  });
}

/** A connection on which something is done; the next one when that is closed, or after ten seconds. */
function raw(count: number, talk: (socket: Socket, signal: AbortSignal) => Promise<void>): Hostility {
  return times(count, async (port, signal) => {
    while (!signal.aborted) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await talk(socket, signal);
      await Promise.race([closed, delay(10_000)]);
      socket.destroy();
      await delay(50);
    }
  });
}

const head = (line: string, path = '/embeddings/compute') =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${line}\r\n\r\n`;

/** Waits until the other side has taken it, or is gone. */
async function written(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed || socket.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
