import http, { type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askEmbedding, largestDifference } from '../../../src/daemon/http/embedding.ts';
import { closedAddress, startServer } from '../../fixtures/network.ts';

const TIMEOUT_MS = 10_000;

async function portOf(answer: RequestListener): Promise<number> {
  const server = await startServer(answer);
  onTestFinished(server.close);
  return Number(new URL(server.url).port);
}
const says = (status: number, body: string) =>
  portOf((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });

describe('asking a daemon for a vector', () => {
  it('sends the text as JSON and gives what stands under "embedding"', async () => {
    let asked = '';
    const port = await portOf((request, response) => {
      request.setEncoding('utf8').on('data', (chunk: string) => {
        asked += chunk;
      });
      request.on('end', () => {
        asked = `${request.method} ${request.url} ${request.headers['content-type']} ${asked}`;
        response.end('{"embedding": [0.5, -1]}');
      });
    });
    expect(await askEmbedding(port, 'déjà "vu" 数据', { timeoutMs: TIMEOUT_MS })).toEqual([0.5, -1]);
    expect(asked).toBe('POST /embeddings/compute application/json {"text":"déjà \\"vu\\" 数据"}');
  });

  it.each([
    ['a refusal, in its own words', 500, '{"detail":"no model"}', /^HTTP 500: no model$/],
    ['a refusal that goes on and on, cut', 500, 'x'.repeat(5000), /^HTTP 500: x{500}$/],
    ['no JSON', 200, '<html>', /JSON/],
    ['more than a vector has', 200, 'x'.repeat(300_000), /\/embeddings\/compute is too long/],
  ])('%s', async (_name, status, body, message) => {
    await expect(askEmbedding(await says(status, body), 'a', { timeoutMs: TIMEOUT_MS })).rejects.toThrow(
      message,
    );
  });

  it.each(['null', '[]', '{}', '"x"'])('%s has no vector', async (body) => {
    expect(await askEmbedding(await says(200, body), 'a', { timeoutMs: TIMEOUT_MS })).toBeUndefined();
  });

  it('nothing listens', async () => {
    const port = Number(new URL(await closedAddress()).port);
    await expect(askEmbedding(port, 'a', { timeoutMs: TIMEOUT_MS })).rejects.toThrow('ECONNREFUSED');
  });

  it('no answer: says how long it waited', async () => {
    const port = await portOf(() => {});
    await expect(askEmbedding(port, 'a', { timeoutMs: 100 })).rejects.toThrow(
      'no answer to /embeddings/compute within 0.1 s',
    );
  });

  it('a stop ends the wait', async () => {
    const stop = new AbortController();
    const port = await portOf(() => stop.abort());
    await expect(
      askEmbedding(port, 'a', { timeoutMs: TIMEOUT_MS, signal: stop.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  it("goes straight to this machine, whatever Node's global agent does", async () => {
    const usual = http.globalAgent;
    onTestFinished(() => {
      http.globalAgent = usual;
    });
    const elsewhere = Number(new URL(await closedAddress()).port);
    http.globalAgent = Object.assign(new http.Agent(), {
      addRequest: (request: http.ClientRequest) =>
        request.destroy(new Error(`went to the proxy at ${elsewhere}`)),
    });
    const port = await says(200, '{"embedding": [1]}');
    expect(await askEmbedding(port, 'a', { timeoutMs: TIMEOUT_MS })).toEqual([1]);
  });
});

describe('the difference of two vectors', () => {
  it.each([
    ['equal', [1, -2], [1, -2], 0],
    ['the largest counts', [1, 2, 3], [1.25, 1, 3.5], 1],
    ['below zero', [-1], [1], 2],
  ])('%s', (_name, vector, reference, difference) => {
    expect(largestDifference(vector, reference)).toBe(difference);
  });

  it.each([
    ['shorter', [1]],
    ['longer', [1, 2, 3]],
    ['none', undefined],
    ['null', null],
    ['an object that looks like one', { 0: 1, 1: 2, length: 2 }],
    ['text', '12'],
    ['with something that is no number', [1, 'x']],
    ['with NaN first', [Number.NaN, 2]],
    ['with NaN last', [1, Number.NaN]],
    ['with infinity', [1, Number.POSITIVE_INFINITY]],
  ])('no vector of that length is infinitely far away: %s', (_name, vector) => {
    expect(largestDifference(vector, [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });
});
