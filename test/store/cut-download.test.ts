import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStore } from '../../src/store/store.ts';
import { startServer } from '../fixtures/network.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const SIZE_BYTES = 200_000_000;
/** After how many bytes each transfer ends, and how: the connection breaks, or the process is killed. */
const CUTS: readonly [atBytes: number, how: 'cut' | 'kill'][] = [
  [11_000_000, 'cut'],
  [30_000_000, 'cut'],
  [52_000_000, 'kill'],
  [70_000_000, 'cut'],
  [91_000_000, 'cut'],
  [110_000_000, 'kill'],
  [128_000_000, 'cut'],
  [149_000_000, 'cut'],
  [171_000_000, 'kill'],
  [196_000_000, 'cut'],
];

it('200 MB, interrupted ten times, three of them by kill -9: complete, with at most 1 % read twice', async () => {
  const dir = await temporaryFolder();
  const block = createHash('sha512').update('ktx').digest();
  const bytes = Buffer.alloc(SIZE_BYTES, block);
  for (let at = 0; at < SIZE_BYTES; at += 65_536) bytes.writeUInt32LE(at, at);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let requestCount = 0;
  let kill = () => {};
  const server = await startServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const [atBytes, how] = CUTS[requestCount++] ?? [SIZE_BYTES, 'none'];
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': SIZE_BYTES - from,
      etag: '"big"',
      ...(from > 0 ? { 'content-range': `bytes ${from}-${SIZE_BYTES - 1}/${SIZE_BYTES}` } : {}),
    });
    const part = bytes.subarray(from, atBytes);
    if (how === 'none') response.end(part);
    else response.write(part, () => (how === 'cut' ? response.destroy() : kill()));
  });
  const store = openStore(join(dir, 'store'));
  const readBytes: number[] = [];
  const signals: (string | null)[] = [];
  try {
    for (let run = 0; run <= 3; run++) {
      const counterPath = join(dir, `counter-${run}`);
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, '../fixtures/fetch-child.ts'),
          store.dir,
          `${server.url}/big`,
          sha256,
          String(SIZE_BYTES),
          counterPath,
        ],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      kill = () => child.kill('SIGKILL');
      const [, signal] = (await once(child, 'close')) as [number | null, string | null];
      signals.push(signal);
      readBytes.push(Number(await readFile(counterPath, 'utf8')));
    }
  } finally {
    await server.close();
  }
  const artefact = {
    sha256,
    file: 'big.bin',
    kind: 'model',
    sizeBytes: SIZE_BYTES,
    unpackedBytes: null,
  } as const;
  expect(await store.verify(artefact)).toBe('ok');
  expect([requestCount, signals]).toEqual([11, ['SIGKILL', 'SIGKILL', 'SIGKILL', null]]);
  const twiceBytes = readBytes.reduce((sum, each) => sum + each, 0) - SIZE_BYTES;
  console.info(`read twice: ${twiceBytes} bytes, ${((100 * twiceBytes) / SIZE_BYTES).toFixed(3)} %`);
  expect(twiceBytes).toBeGreaterThanOrEqual(0);
  expect(twiceBytes).toBeLessThanOrEqual(SIZE_BYTES / 100);
});
