/** Fetches one file into a store and writes down every byte that the client reads, so that it can be killed at any moment. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { createHttpClient, type HttpClient } from '../../src/network/http-client.ts';
import { openStore } from '../../src/store/store.ts';
import { fetchArtefacts } from '../fixtures/fetch-artefacts.ts';
import { redactor, testProfile } from '../network/fixtures.ts';

const [storeDir, url, sha256, size, counterPath] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const profile = testProfile();
const client = createHttpClient(profile, { redactor });
const counter = openSync(counterPath, 'w');
let readBytes = 0;

async function* counted(body: AsyncIterable<Uint8Array>) {
  for await (const chunk of body) {
    readBytes += chunk.byteLength;
    writeSync(counter, String(readBytes).padStart(12), 0);
    yield chunk;
  }
}
const counting: HttpClient = {
  ...client,
  get: async (...parameters) => {
    const response = await client.get(...parameters);
    return { ...response, body: counted(response.body) };
  },
};
try {
  await fetchArtefacts({
    artefacts: [{ sha256, file: 'big.bin', kind: 'model', sizeBytes: Number(size), unpackedBytes: null }],
    store: openStore(storeDir),
    client: counting,
    profile,
    sourcesOf: () => [{ kind: 'url', label: 'loopback', url }],
    emit: () => {},
    delayFactor: 0,
  });
} finally {
  closeSync(counter);
  await client.close();
}
