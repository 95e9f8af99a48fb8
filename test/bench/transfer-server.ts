/** Serves so many bytes of zeros with a mark in each block, without a disk; prints its address and their digest. A process of its own. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const BLOCK_BYTES = 1024 * 1024;
const sizeBytes = Number(process.argv[2]);
const block = Buffer.alloc(BLOCK_BYTES, 'ktx transfer ');
const hash = createHash('sha256');
for (let at = 0; at < sizeBytes; at += BLOCK_BYTES) hash.update(block);
const server = createServer((request, response) => {
  response.writeHead(200, { 'content-length': sizeBytes, 'content-type': 'application/octet-stream' });
  if (request.method === 'HEAD') return void response.end();
  let sentBytes = 0;
  const send = () => {
    while (sentBytes < sizeBytes) {
      sentBytes += BLOCK_BYTES;
      if (!response.write(block)) return void response.once('drain', send);
    }
    response.end();
  };
  send();
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/big.bin`, sha256: hash.digest('hex') }));
});
