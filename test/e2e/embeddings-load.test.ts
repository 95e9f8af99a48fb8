import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type EmbeddingsRuntime,
  installEmbeddings,
  post,
  REFERENCE_ITEMS,
  type ReferenceItem,
  wrongVectors,
} from '../fixtures/embeddings-runtime.ts';
import { isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

/** `npm run test:load` sends 10,000. */
const REQUEST_COUNT = Number(process.env['KTX_LOAD_REQUESTS'] ?? 500);
const AT_ONCE = 50;
const TIMEOUT_MS = 60_000 + REQUEST_COUNT * 100;
/** It goes up and down by that much with the batches; with a heap for each of 40 threads it grew by 200 MB in 500 requests. */
const FLAT_BYTES = 40 * 1024 * 1024;

let runtime: EmbeddingsRuntime;
beforeAll(async () => {
  runtime = await installEmbeddings(await temporaryFolderForFile());
  expect(runtime.setup).toMatchObject({ exitCode: 0, stderr: '' });
});
afterAll(() => runtime.endDaemons());

interface Asked {
  path: string;
  body: string;
  headers?: Record<string, string | number>;
  /** Says what is wrong with the answer; empty when it is as it should be. */
  judge(status: number, body: string): string[];
}

const json = (body: string) => JSON.parse(body);
const item = (index: number) => REFERENCE_ITEMS[index % REFERENCE_ITEMS.length]!;
const vectorsOf = (items: readonly ReferenceItem[], status: number, vectors: () => unknown) =>
  status === 200 ? wrongVectors(items, vectors()) : [`status ${status}`];
const refusal = (wanted: number, detail: RegExp) => (status: number, body: string) =>
  status === wanted && detail.test(body) ? [] : [`${status} ${body.slice(0, 200)} instead of ${wanted}`];

/** Seven of twelve are good: one text or several, always others; the rest is wrong in one way each. */
const KINDS: readonly ((index: number) => Asked)[] = [
  ...[0, 1, 2, 3].map(() => single),
  bulk,
  bulk,
  () => ({ path: '/health', body: '', judge: refusal(200, /"status":"healthy"/) }),
  () => ({
    path: '/embeddings/compute',
    body: '{"text": "  "}',
    judge: refusal(400, /Empty texts found at indices: 0/),
  }),
  () => ({
    path: '/embeddings/compute-bulk',
    body: '{"texts": ["a", ""]}',
    judge: refusal(400, /Empty texts found at indices: 1"/),
  }),
  () => ({ path: '/embeddings/compute', body: '{"text": ', judge: refusal(422, /"detail":\[/) }),
  () => ({
    path: '/embeddings/compute',
    body: '{}',
    headers: { host: 'rebound.example' },
    judge: refusal(403, /Host not allowed/),
  }),
  () => ({
    path: '/embeddings/compute-bulk',
    body: JSON.stringify({ texts: Array(101).fill('a') }),
    judge: refusal(422, /"detail":\[/),
  }),
];

function single(index: number): Asked {
  const one = item(index);
  return {
    path: '/embeddings/compute',
    body: JSON.stringify({ text: one.text }),
    judge: (status, body) => vectorsOf([one], status, () => [json(body).embedding]),
  };
}

function bulk(index: number): Asked {
  const items = Array.from({ length: 1 + (index % 5) }, (_, offset) => item(index + offset * 3));
  return {
    path: '/embeddings/compute-bulk',
    body: JSON.stringify({ texts: items.map(({ text }) => text) }),
    judge: (status, body) => vectorsOf(items, status, () => json(body).embeddings),
  };
}

/** Rejects when no whole answer comes. */
function ask(url: string, { path, body, headers }: Asked, agent: Agent): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST';
    const call = request(
      `${url}${path}`,
      { method, agent, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve([response.statusCode!, answer]));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** Sends so many, 50 at once. @returns how many were answered, and what was wrong with which. */
async function sendLoad(url: string, count: number, onAnswer: (answeredCount: number) => void) {
  const agent = new Agent({ keepAlive: true });
  const problems: string[] = [];
  let next = 0;
  let answeredCount = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      const asked = KINDS[index % KINDS.length]!(index);
      try {
        const [status, body] = await ask(url, asked, agent);
        answeredCount++;
        onAnswer(answeredCount);
        problems.push(...asked.judge(status, body).map((problem) => `${index} ${asked.path}: ${problem}`));
      } catch (error) {
        problems.push(`${index} ${asked.path}: lost, ${error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  agent.destroy();
  return { answeredCount, problems };
}

/** Somebody who hangs up in the middle of a request or before the answer. */
function hangUp(url: string): Promise<void> {
  return new Promise((resolve) => {
    const call = request(`${url}/embeddings/compute-bulk`, { method: 'POST', agent: false });
    call.on('error', () => {});
    call.on('close', resolve);
    call.write(JSON.stringify({ texts: Array(20).fill(item(13).text) }), () => call.destroy());
  });
}

/** Memory of its own, without files that are mapped. */
function ownBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

describe(`${REQUEST_COUNT} requests, ${AT_ONCE} at once, good and bad ones`, () => {
  it('none lost, none wrong, memory flat', { timeout: TIMEOUT_MS }, async () => {
    const { url, pid } = await runtime.start();
    const memory: number[] = [];
    const hangUps: Promise<void>[] = [];
    const { answeredCount, problems } = await sendLoad(url, REQUEST_COUNT, (count) => {
      if (count % Math.ceil(REQUEST_COUNT / 50) === 0) memory.push(ownBytes(pid));
      if (count % 100 === 0) hangUps.push(hangUp(url));
    });
    await Promise.all(hangUps);
    expect(problems.slice(0, 20)).toEqual([]);
    expect(answeredCount).toBe(REQUEST_COUNT);
    const fifth = Math.floor(memory.length / 5);
    const early = Math.max(...memory.slice(fifth, 2 * fifth));
    const late = Math.max(...memory.slice(-fifth));
    if (process.env['KTX_LOAD_REQUESTS']) {
      const inMegabytes = memory.map((bytes) => Math.round(bytes / 1e6));
      console.log(`memory over ${REQUEST_COUNT} requests, in MB: ${inMegabytes.join(' ')}`);
    }
    expect(late - early).toBeLessThan(FLAT_BYTES);
    expect(await runtime.daemonPids()).toEqual([pid]);
    expect(
      wrongVectors(
        [item(0)],
        [(await post(url, '/embeddings/compute', { text: item(0).text })).body.embedding],
      ),
    ).toEqual([]);
  });

  it('kill -9 in the middle: the next start is clean', { timeout: TIMEOUT_MS }, async () => {
    const { url, pid } = await runtime.start();
    const { answeredCount, problems } = await sendLoad(url, 200, (count) => {
      if (count === 60) process.kill(pid, 'SIGKILL');
    });
    expect(answeredCount).toBeLessThan(200);
    // What was answered before was right.
    expect(problems.filter((problem) => !problem.includes(': lost, '))).toEqual([]);
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), PATIENT);

    const next = await runtime.start();
    expect(next.heading).toBe('Started ktx daemon');
    expect(await runtime.daemonPids()).toEqual([next.pid]);
    const after = await sendLoad(next.url, 60, () => {});
    expect(after).toEqual({ answeredCount: 60, problems: [] });
  });

  it('two starts at once: one daemon', async () => {
    await runtime.endDaemons();
    await vi.waitFor(async () => expect(await runtime.daemonPids()).toEqual([]), PATIENT);
    const [one, other] = await Promise.all([runtime.start(), runtime.start()]);
    expect(one).toMatchObject({ url: other.url, pid: other.pid });
    expect([one.heading, other.heading].sort()).toEqual(['Started ktx daemon', 'Using existing ktx daemon']);
    expect(await runtime.daemonPids()).toEqual([one.pid]);
  });
});
