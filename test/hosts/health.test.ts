import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { healthWait, servedModels } from '../../src/hosts/health.ts';
import { closedAddress } from '../fixtures/network.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { answeringFetcher } from './memory-host.ts';

const servers: Server[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler!);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('22. waiting for health', () => {
  it('503, then 200: healthy after two requests', async () => {
    const statuses = [503, 200];
    const paths: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(statuses.shift() ?? 500).end('{"data":[]}');
    });
    expect(await healthWait(url, fetch, 5, 1)).toBe(true);
    expect(paths).toEqual(['/v1/models', '/v1/models']);
  });

  it('a refused connection, then 200: healthy', async () => {
    const closed = await closedAddress();
    const url = await serve((_request, response) => response.end());
    let requests = 0;
    const fetcher: typeof fetch = (_input, init) => fetch(requests++ === 0 ? closed : url, init);
    expect(await healthWait('http://host.internal', fetcher, 2, 1)).toBe(true);
    expect(requests).toBe(2);
  });

  it.each([
    ['listens to its signal', true],
    ['does not listen to its signal', false],
  ])('a request that hangs and %s is given up after 5 s', async (_name, isListening) => {
    vi.useFakeTimers();
    let requests = 0;
    const fetcher: typeof fetch = (_input, init) => {
      requests++;
      return new Promise((_resolve, reject) => {
        if (isListening) init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    const done = healthWait('http://h:1', fetcher, 2, 1000);
    await vi.advanceTimersByTimeAsync(4999);
    expect(requests).toBe(1);
    await vi.advanceTimersByTimeAsync(1 + 999);
    expect(requests).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toBe(2);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await done).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('one pause less than attempts', async () => {
    vi.useFakeTimers();
    const { fetcher, requests } = answeringFetcher(500);
    let isDone = false;
    const done = healthWait('http://h:1', fetcher, 3, 1000).finally(() => {
      isDone = true;
    });
    await vi.advanceTimersByTimeAsync(1999);
    expect([requests.length, isDone]).toEqual([2, false]);
    await vi.advanceTimersByTimeAsync(1);
    expect([requests.length, isDone]).toEqual([3, true]);
    expect(await done).toBe(false);
  });

  it('slashes at the end of the address are dropped', async () => {
    const { fetcher, requests } = answeringFetcher(200);
    await healthWait('http://h:1///', fetcher, 1, 0);
    expect(requests).toEqual(['http://h:1/v1/models']);
  });

  it.each([0, -1])('%i attempts: no request, not healthy', async (attempts) => {
    const { fetcher, requests } = answeringFetcher(200);
    expect(await healthWait('http://h:1', fetcher, attempts, 0)).toBe(false);
    expect(requests).toEqual([]);
  });

  it.each([
    [204, true],
    [299, true],
    [304, false],
    [401, false],
    [404, false],
  ])('status %i: %s', async (status, expected) => {
    const fetcher: typeof fetch = async () => new Response(null, { status });
    expect(await healthWait('http://h:1', fetcher, 1, 0)).toBe(expected);
  });

  it('a fetcher that throws synchronously counts as no answer', async () => {
    const fetcher: typeof fetch = () => {
      throw new Error('broken');
    };
    expect(await healthWait('http://h:1', fetcher, 2, 0)).toBe(false);
  });

  it('ends at once when it is cancelled in a pause', async () => {
    const controller = new AbortController();
    const { fetcher, requests } = answeringFetcher(500);
    const done = healthWait('http://h:1', fetcher, 3, 3_600_000, controller.signal);
    await vi.waitFor(() => expect(requests).toHaveLength(1), PATIENT);
    controller.abort();
    expect(await done).toBe(false);
    expect(requests).toHaveLength(1);
  });
});

describe('the models that a server lists', () => {
  it.each<[string, string, string[] | null]>([
    ['a list', '{"object":"list","data":[{"id":"a","owned_by":"llama-swap"},{"id":"b"}]}', ['a', 'b']],
    ['another document', '{"error":"no"}', null],
    ['no JSON', 'OK', null],
  ])('%s', async (_name, body, expected) => {
    const fetcher: typeof fetch = async () => new Response(body);
    expect(await servedModels('http://h:1/', fetcher)).toEqual(expected);
  });
});
