// `npm run picture`: the picture of the README, taken from a real installation on a pseudo-terminal. A loopback proxy
// stands in for a company's package index, so that the picture names no public one and arrives at a speed one can watch.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PUBLIC_INDEX_URL } from '../src/network/public-index.ts';
import { openTerminal } from '../test/pty/terminal.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const INDEX_HOST = 'pypi.acme.internal';
const BYTES_PER_SECOND = 6_000_000;
const TARGET = process.argv[2] ?? join(ROOT, 'docs', 'picture.svg');

/** Pages of the index with links to ourselves, files slowly. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${INDEX_HOST}`);
  const isFile = url.pathname.startsWith('/files/');
  const source = isFile
    ? decodeURIComponent(url.pathname.split('/')[2] ?? '')
    : `${PUBLIC_INDEX_URL}${url.pathname.replace(/^\/simple/, '')}`;
  const { accept = '*/*' } = request.headers;
  const upstream = await fetch(source, { method: request.method, headers: { accept } });
  const type = upstream.headers.get('content-type') ?? 'application/octet-stream';
  if (!isFile) {
    const page = (await upstream.text()).replace(
      /https:\/\/[^"<>\s]+\/([^"/#<>\s]+\.whl)(?=["#])/g,
      (link, name) => {
        return `http://${INDEX_HOST}/files/${encodeURIComponent(link)}/${name}`;
      },
    );
    response.writeHead(upstream.status, { 'content-type': type }).end(page);
    return;
  }
  const length = upstream.headers.get('content-length');
  response.writeHead(upstream.status, {
    'content-type': type,
    ...(length ? { 'content-length': length } : {}),
  });
  await pipeline(Readable.from(slowly(upstream.body ?? [])), response);
}

async function* slowly(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  for await (const chunk of chunks) {
    await delay((chunk.length / BYTES_PER_SECOND) * 1000);
    yield chunk;
  }
}

const proxy = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error));
});
proxy.on('connect', (request, socket, head) => {
  const [host, port] = (request.url ?? '').split(':');
  if (host === INDEX_HOST) {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    proxy.emit('connection', socket);
    return;
  }
  const upstream = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  socket.on('error', () => upstream.destroy());
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

const home = await mkdtemp(join(tmpdir(), 'ktx-picture-'));
const settings = Object.keys(process.env).filter((name) => /^(PIP_|UV_|KTX_|XDG_|.*_proxy$)/i.test(name));
const terminal = openTerminal({
  command: process.execPath,
  args: [join(ROOT, 'bin', 'ktx.cjs'), 'setup', '--index-url', `http://${INDEX_HOST}/simple`],
  rows: 26,
  env: {
    ...Object.fromEntries(settings.map((name) => [name, undefined])),
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    http_proxy: proxyUrl,
    HTTPS_PROXY: proxyUrl,
  },
});
try {
  await terminal.until('enter continue', 30_000);
  terminal.press('enter');
  await terminal.until('› Install', 60_000);
  terminal.press('enter');
  await terminal.until(/ s left/, 60_000);
  await terminal.until((text) => (text.match(/^ ✓ /gm)?.length ?? 0) >= 8, 60_000);
  mkdirSync(dirname(TARGET), { recursive: true });
  writeFileSync(TARGET, terminal.svg({ title: 'ktx setup' }));
  console.log(terminal.text());
} finally {
  terminal.press('ctrl+c');
  terminal.press('ctrl+c');
  await Promise.race([terminal.exited, delay(5000, undefined, { ref: false })]);
  terminal.close();
  proxy.closeAllConnections();
  proxy.close();
  await rm(home, { recursive: true, force: true });
}
