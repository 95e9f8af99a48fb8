import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { postJson } from '../../src/daemon/http/post-json.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { askVectors } from '../../src/vectors/ask-vectors.ts';
import { embedTexts } from '../../src/vectors/embed-texts.ts';
import { withPrivateDaemon } from '../../src/vectors/private-daemon.ts';
import { type DaemonBehaviour, fakeDaemonMachine } from '../fixtures/fake-daemon.ts';
import { PATIENT } from '../fixtures/patient.ts';

const VECTOR = Buffer.alloc(384 * 4, 1);
const vectors = (count: number) => ({
  data: Array.from({ length: count }, () => ({ embedding: VECTOR.toString('base64') })),
});

type Asked = {
  path: string;
  headers: IncomingMessage['headers'];
  body: { input: string[]; encoding_format: string };
};

/** A daemon of the test's own, and what it was asked. */
async function daemon(answer: (asked: Asked, response: ServerResponse) => unknown) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const its = {
        path: request.url!,
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()),
      };
      asked.push(its);
      const body = answer(its, response);
      if (body !== undefined) response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

describe('asking a daemon', () => {
  it('sends the texts as JSON with the token, and takes base64', async () => {
    const { port, asked } = await daemon(({ body }) => vectors(body.input.length));
    expect(await askVectors({ port, token: 'secret' }, ['ä', 'b'])).toEqual([VECTOR, VECTOR]);
    expect(asked[0]).toMatchObject({
      path: '/v1/embeddings',
      headers: {
        authorization: 'Bearer secret',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength('{"input":["ä","b"],"encoding_format":"base64"}')),
        connection: 'close',
      },
      body: { input: ['ä', 'b'], encoding_format: 'base64' },
    });
    await askVectors({ port }, ['a']);
    expect(asked[1]?.headers.authorization).toBeUndefined();
  });

  test.each([
    ['too few', vectors(1)],
    ['none', {}],
    ['nothing', null],
    ['an object', { data: {} }],
    ['numbers', { data: [{ embedding: [1] }, { embedding: [1] }] }],
    ['short ones', { data: [{ embedding: VECTOR.toString('base64') }, { embedding: 'AAAA' }] }],
  ])('refuses %s', async (_, body) => {
    const { port } = await daemon(() => body);
    await expect(askVectors({ port }, ['a', 'b'])).rejects.toThrow(
      'The daemon gave no 2 vectors of 384 numbers',
    );
  });

  test.each([429, 503])('asks again while it says %i', async (status) => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let refused = 0;
    const { port } = await daemon(({ body }, response) => {
      if (refused++ > 0) return vectors(body.input.length);
      response.statusCode = status;
      return { detail: 'busy' };
    });
    const asking = askVectors({ port }, ['a']);
    await vi.waitFor(() => expect(refused).toBe(1), PATIENT);
    await vi.waitFor(
      async () => {
        await vi.advanceTimersByTimeAsync(1000);
        expect(refused).toBe(2);
      },
      { timeout: 60_000 },
    );
    expect(await asking).toEqual([VECTOR]);
  });

  test.each([
    ['its words', { detail: 'too long' }, 'HTTP 413: too long'],
    ['an answer of another form', { detail: [1] }, 'HTTP 413: {"detail":[1]}'],
  ])('an error carries %s', async (_, body, message) => {
    const { port } = await daemon((_asked, response) => {
      response.statusCode = 413;
      return body;
    });
    await expect(askVectors({ port }, ['a'])).rejects.toThrow(new Error(message));
  });

  it('an answer that is no JSON, that never ends or that never comes is an error', async () => {
    const { port } = await daemon(({ body }, response) => {
      const [text] = body.input;
      if (text === 'long') response.write('x'.repeat(2000));
      if (text === 'html') response.end('<html>');
      if (text === 'error') response.writeHead(500).end('x'.repeat(600));
      if (text === 'cut')
        response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy());
      return undefined;
    });
    const post = (text: string, timeoutMs = 60_000) =>
      postJson({ port }, '/v1/x', { input: [text] }, { timeoutMs, maxAnswerBytes: 1999 });
    await expect(post('html')).rejects.toThrow(SyntaxError);
    await expect(post('long')).rejects.toThrow('The answer to /v1/x is too long');
    await expect(post('error')).rejects.toThrow(new Error(`HTTP 500: ${'x'.repeat(500)}`));
    await expect(post('cut')).rejects.toThrow();
    await expect(post('silent', 50)).rejects.toThrow('no answer to /v1/x within 0.05 s');
  });

  it('ends with the signal', async () => {
    const stop = new AbortController();
    const { port } = await daemon(() => void stop.abort());
    await expect(askVectors({ port }, ['a'], stop.signal)).rejects.toThrow(CancelledError);
  });
});

describe('embedding many texts', () => {
  const items = Array.from({ length: 70 }, (_, index) => ({ id: null, text: `text ${index}` })) as never[];
  it('goes by 32, in order, from where it stopped, and asks for the next portion early', async () => {
    const { port, asked } = await daemon(({ body }) => vectors(body.input.length));
    const got: [string, number, number][] = [];
    await embedTexts({ port }, items, 3, async (portion, its) => {
      got.push([(portion[0] as { text: string }).text, portion.length, its.length]);
      await vi.waitFor(
        () => expect(asked.length).toBeGreaterThanOrEqual(Math.min(3, got.length + 1)),
        PATIENT,
      );
    });
    expect(got).toEqual([
      ['text 3', 32, 32],
      ['text 35', 32, 32],
      ['text 67', 3, 3],
    ]);
    expect(asked).toHaveLength(3);
  });

  it('sends long texts in requests that the daemon takes', async () => {
    const long = { text: 'x'.repeat(5 * 1024 * 1024) };
    const { port, asked } = await daemon(({ body }) => vectors(body.input.length));
    const got: number[] = [];
    await embedTexts({ port }, [long, long, { text: 'a' }, long, long], 0, async ({ length }) => {
      got.push(length);
    });
    expect(got).toEqual([3, 2]);
    expect(asked).toHaveLength(2);
  });

  it('never has more than two requests open', async () => {
    let open = 0;
    let most = 0;
    const { port } = await daemon(({ body }, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.end(JSON.stringify(vectors(body.input.length)));
      }, 5);
      return undefined;
    });
    await embedTexts({ port }, [...items, ...items], 0, async () => {});
    expect(most).toBe(2);
  });

  it('nothing is asked when all is done, or when it is cancelled', async () => {
    const { port, asked } = await daemon(({ body }) => vectors(body.input.length));
    await embedTexts({ port }, items, items.length, async () => {});
    await expect(embedTexts({ port }, items, 0, async () => {}, AbortSignal.abort())).rejects.toThrow(
      CancelledError,
    );
    expect(asked).toEqual([]);
  });
});

describe('a private daemon', () => {
  async function privately<T>(
    behaviour: DaemonBehaviour,
    work: (address: { port: number; token?: string }) => Promise<T>,
    signal?: AbortSignal,
  ) {
    const machine = await fakeDaemonMachine(behaviour, { features: ['core', 'local-embeddings'] });
    const { manifest, cliVersion, runtimeRoot } = machine;
    const result = withPrivateDaemon(
      { manifest, cliVersion, runtimeRoot, ...(signal ? { signal } : {}) },
      work,
    );
    return { result, machine };
  }

  it('answers at its port with a token while the work lasts, and is gone afterwards', async () => {
    let running: number[] = [];
    const { result, machine } = await privately('healthy', async ({ port, token }) => {
      running = await machine.runningDaemons();
      return [port > 1024, typeof token];
    });
    expect(await result).toEqual([true, 'string']);
    expect(running).not.toEqual([]);
    expect(await machine.runningDaemons()).toEqual([]);
  });

  it('is gone when the work fails, and the failure is told', async () => {
    const { result, machine } = await privately('healthy', async () =>
      Promise.reject(new Error('out of order')),
    );
    await expect(result).rejects.toThrow('out of order');
    expect(await machine.runningDaemons()).toEqual([]);
  });

  it('that ends before it answers is quoted', async () => {
    const { result } = await privately('ends at once', async () => 'never');
    await expect(result).rejects.toThrow(/^The daemon ended with exit code 1: INFO: starting\nERROR/);
  });

  it('that never answers is ended when its start is cancelled', async () => {
    const stop = new AbortController();
    const { result, machine } = await privately('accepts and is silent', async () => 'never', stop.signal);
    const ended = expect(result).rejects.toThrow(CancelledError);
    await vi.waitFor(async () => expect(await machine.runningDaemons()).not.toEqual([]), PATIENT);
    stop.abort();
    await ended;
    expect(await machine.runningDaemons()).toEqual([]);
  });
});
