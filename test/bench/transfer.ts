import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createHttpClient } from '../../src/network/transport/http-client.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { fetchArtefacts } from '../fixtures/fetch-artefacts.ts';
import { redactor, testProfile } from '../fixtures/network.ts';
import { type BenchRow, compare } from './bench-row.ts';

const SIZE_BYTES = 1024 ** 3;
const run = promisify(execFile);

/** A large file from loopback into the store, verified, against the two tools that do no more than fetch and hash. */
export async function transferBench(rounds = 3): Promise<BenchRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ktx-transfer-'));
  const server = spawn(
    process.execPath,
    [join(import.meta.dirname, 'transfer-server.ts'), String(SIZE_BYTES)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const { url, sha256 } = JSON.parse(line.toString()) as { url: string; sha256: string };
    const artefact: Artefact = {
      sha256,
      file: 'big.bin',
      kind: 'model',
      sizeBytes: SIZE_BYTES,
      unpackedBytes: null,
    };
    const profile = testProfile();
    return [
      await compare({
        name: '1 GiB from loopback, hashed, into the store',
        yardstick: 'curl | sha256sum',
        limit: 1.5,
        rounds,
        run: async () => {
          const store = openStore(join(dir, 'store'));
          const client = createHttpClient(profile, { redactor });
          const startedAt = performance.now();
          await fetchArtefacts({
            artefacts: [artefact],
            store,
            client,
            profile,
            sourcesOf: () => [{ kind: 'url', label: 'loopback', url }],
            emit: () => {},
          });
          const durationMs = performance.now() - startedAt;
          await client.close();
          await store.remove(artefact);
          return durationMs;
        },
        runYardstick: async () => {
          const { stdout } = await run('sh', ['-c', `curl -sS ${url} | sha256sum`]);
          if (!stdout.startsWith(sha256)) throw new Error('The yardstick got other bytes.');
        },
      }),
    ];
  } finally {
    server.kill();
    await rm(dir, { recursive: true, force: true });
  }
}
