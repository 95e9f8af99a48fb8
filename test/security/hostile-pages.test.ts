import { afterAll, describe, expect, it } from 'vitest';
import type { TestServer } from '../fixtures/network.ts';
import { FLOODS, inChunks, readPage, serveIndex, setupFrom } from './hostile-index.ts';
import { CONTENT_TYPES, HOSTILE_PAGES } from './hostile-pages.ts';

const MAX_RSS_BYTES = 200 * 1024 * 1024;
const FEW = 8000;
const MANY = 200_000;

describe('a page that is made to keep the program busy', () => {
  it.each(HOSTILE_PAGES.map(({ name }) => name))('%s: linear time, bounded memory', async (name) => {
    const few = await readPage(name, FEW);
    const many = await readPage(name, MANY);
    const ratio = many.readMs / few.readMs / (many.sizeBytes / few.sizeBytes);
    const rss = Math.round(many.maxRssBytes / 1024 / 1024);
    console.log(
      `${name}: ${ratio.toFixed(2)} x the time a byte, ${rss} MiB, ${Math.round(many.longestTurnMs)} ms the longest turn`,
    );
    expect(ratio).toBeLessThan(3);
    expect(many.maxRssBytes).toBeLessThan(MAX_RSS_BYTES);
  });
});

describe('the program with such an index', () => {
  const servers: TestServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  async function serve(...args: Parameters<typeof serveIndex>): Promise<TestServer> {
    const server = await serveIndex(...args);
    servers.push(server);
    return server;
  }

  // The third one belongs to the complete form.
  it.each(FLOODS.slice(0, 2))('$name is cut off', async ({ name, encoding, pack }) => {
    const packed = pack();
    const headers = { 'content-type': 'text/html', 'content-encoding': encoding };
    const one = await setupFrom(await serve(headers, () => [packed], { projects: /^sqlglot$/ }));
    console.log(`${name}: ${Math.round(one.maxRssBytes / 1024 / 1024)} MiB`);
    expect(one.exitCode).toBe(1);
    expect(one.maxRssBytes).toBeLessThan(MAX_RSS_BYTES);
    // The pages of all projects are read side by side.
    const all = await setupFrom(await serve(headers, () => [packed]));
    expect(all.stderr).toContain('and so are too many others');
    expect(all.maxRssBytes).toBeLessThan(MAX_RSS_BYTES);
  });

  it.each(
    HOSTILE_PAGES.filter(({ pieces: _, name }) => /nested|name|end/.test(name)).map(
      ({ name, format }) => [name, format] as const,
    ),
  )('ends on SIGTERM in the middle of: %s', async (name, format) => {
    const page = HOSTILE_PAGES.find((each) => each.name === name)!;
    let kill: (signal: NodeJS.Signals) => void = () => {};
    let signalledAt = 0;
    const index = await serve(
      { 'content-type': CONTENT_TYPES[format] },
      () => inChunks(page.pieces(10_000_000), 64 * 1024),
      {
        onSent: (sentCount) => {
          if (sentCount < 20 || signalledAt > 0) return;
          signalledAt = performance.now();
          kill('SIGTERM');
        },
      },
    );
    const result = await setupFrom(index, {
      onStart: (send) => {
        kill = send;
      },
    });
    if (signalledAt > 0)
      console.log(`${name}: ended ${Math.round(performance.now() - signalledAt)} ms after SIGTERM`);
    // A limit may have ended the reading before the signal came.
    if (signalledAt > 0) expect([130, null]).toContain(result.exitCode);
    else expect(result.exitCode).toBe(1);
  });
});
