import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { closedAddress, startServer, type TestServer } from '../fixtures/network.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { CONTENT_TYPES, HOSTILE_PAGES } from './hostile-pages.ts';

const run = promisify(execFile);
const MAX_RSS_BYTES = 200 * 1024 * 1024;
const FEW = 8000;
const MANY = 200_000;

interface Reading {
  sizeBytes: number;
  readMs: number;
  longestTurnMs: number;
  outcome: string;
  maxRssBytes: number;
}

async function read(name: string, count: number): Promise<Reading> {
  const script = join(import.meta.dirname, 'read-hostile-page.ts');
  const { stdout } = await run(process.execPath, [script, name, String(count)]);
  return JSON.parse(stdout);
}

describe('a page that is made to keep the program busy', () => {
  it.each(HOSTILE_PAGES.map(({ name }) => name))(
    '%s: linear time, bounded memory',
    { timeout: 120_000 },
    async (name) => {
      const few = await read(name, FEW);
      const many = await read(name, MANY);
      const ratio = many.readMs / few.readMs / (many.sizeBytes / few.sizeBytes);
      const rss = Math.round(many.maxRssBytes / 1024 / 1024);
      console.log(
        `${name}: ${ratio.toFixed(2)} x the time a byte, ${rss} MiB, ${Math.round(many.longestTurnMs)} ms the longest turn`,
      );
      expect(ratio).toBeLessThan(3);
      expect(many.maxRssBytes).toBeLessThan(MAX_RSS_BYTES);
    },
  );
});

describe('the program with such an index', () => {
  const servers: TestServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  /** Answers every project with a page, and says when a part of one is on its way. */
  async function serve(
    headers: Record<string, string>,
    chunks: () => Iterable<string | Buffer>,
    options: { onSent?: (sentCount: number) => void; projects?: RegExp } = {},
  ): Promise<TestServer> {
    const server = await startServer(async (request, response) => {
      const { onSent = () => {}, projects = /^/ } = options;
      const project = /^\/simple\/(.+)\/$/.exec(request.url!)?.[1];
      if (project === undefined || !projects.test(project)) return void response.writeHead(404).end();
      response.writeHead(200, headers);
      let sentCount = 0;
      for (const chunk of chunks()) {
        if (response.destroyed) return;
        if (!response.write(chunk))
          await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
        onSent(++sentCount);
      }
      response.end();
    });
    servers.push(server);
    return server;
  }

  async function setup(index: TestServer, options: Partial<Parameters<typeof runProgram>[1]> = {}) {
    const home = await temporaryFolder();
    // Not `maxRSS`: Linux hands that on from the process that started it.
    const reportMemory = `import { readFileSync } from 'node:fs';
      process.on('exit', () => process.stderr.write(readFileSync('/proc/self/status', 'utf8')));`;
    const result = await runProgram(
      ['setup', '--yes', '--no-input', '--python', 'system', '--index-url', `${index.url}/simple`],
      {
        nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(reportMemory)}`],
        env: plainEnvironment(home, {
          XDG_CONFIG_DIRS: join(home, 'none'),
          UV_ASTRAL_MIRROR_URL: await closedAddress(),
          UV_INSTALLER_GITHUB_BASE_URL: await closedAddress(),
        }),
        ...options,
      },
    );
    return { ...result, maxRssBytes: Number(/^VmHWM:\s+(\d+) kB/m.exec(result.stderr)?.[1]) * 1024 };
  }

  const blanks = Buffer.alloc(256 * 1024 * 1024, ' ');
  // A little more than what is read of one page: to be cut off it has to be longer.
  const links = Buffer.from('<a href="my_pkg-1.0-py3-none-any.whl">x</a>\n'.repeat(900_000));
  const brotli = (data: Buffer) =>
    brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
  it.each([
    ['br', 'blanks', () => brotli(blanks)],
    ['gzip', 'links', () => gzipSync(links)],
  ])('%s that unpacks to a flood of %s is cut off', { timeout: 180_000 }, async (encoding, what, pack) => {
    const packed = pack();
    const headers = { 'content-type': 'text/html', 'content-encoding': encoding };
    const one = await setup(await serve(headers, () => [packed], { projects: /^pydantic-core$/ }));
    console.log(`${encoding} of ${what}: ${Math.round(one.maxRssBytes / 1024 / 1024)} MiB`);
    expect(one.exitCode).toBe(1);
    expect(one.maxRssBytes).toBeLessThan(MAX_RSS_BYTES);
    // The pages of all projects are read side by side.
    const all = await setup(await serve(headers, () => [packed]));
    expect(all.stderr).toContain('is longer than 32 MB');
    expect(all.maxRssBytes).toBeLessThan(2 * MAX_RSS_BYTES);
  });

  it.each(
    HOSTILE_PAGES.filter(({ pieces: _, name }) => /nested|name|end/.test(name)).map(
      ({ name, format }) => [name, format] as const,
    ),
  )('ends on SIGTERM in the middle of: %s', { timeout: 120_000 }, async (name, format) => {
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
    const result = await setup(index, {
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

function* inChunks(pieces: Iterable<string>, size: number): Iterable<string> {
  let waiting = '';
  for (const piece of pieces) {
    waiting += piece;
    if (waiting.length < size) continue;
    yield waiting;
    waiting = '';
  }
  yield waiting;
}
