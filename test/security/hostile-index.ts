import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { closedAddress, startServer, type TestServer } from '../fixtures/network.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';

/** Pages of 32 MB and more that come as a few kB. */
const blanks = () => Buffer.alloc(256 * 1024 * 1024, ' ');
const links = () => Buffer.from('<a href="my_pkg-1.0-py3-none-any.whl">x</a>\n'.repeat(900_000));
const brotli = (data: Buffer) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });

export const FLOODS = [
  { name: 'brotli of blanks', encoding: 'br', pack: () => brotli(blanks()) },
  { name: 'gzip of links', encoding: 'gzip', pack: () => gzipSync(links()) },
  { name: 'brotli of links', encoding: 'br', pack: () => brotli(links()) },
] as const;

const LOOK_INTERVAL_MS = 10;

/** What reading a page on its own costs, measured in a process of its own. */
export interface PageReading {
  sizeBytes: number;
  readMs: number;
  longestTurnMs: number;
  outcome: string;
  maxRssBytes: number;
}

export async function readPage(name: string, count: number): Promise<PageReading> {
  const script = join(import.meta.dirname, 'read-hostile-page.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, name, String(count)]);
  return JSON.parse(stdout);
}

/** Answers every project with a page, and says when a part of one is on its way. */
export function serveIndex(
  headers: Record<string, string>,
  chunks: () => Iterable<string | Buffer>,
  options: { onSent?: (sentCount: number) => void; projects?: RegExp } = {},
): Promise<TestServer> {
  return startServer(async (request, response) => {
    const { onSent = () => {}, projects = /^/ } = options;
    const project = /^\/simple\/(.+)\/$/.exec(request.url!)?.[1];
    if (project === undefined || !projects.test(project)) return void response.writeHead(404).end();
    response.writeHead(200, headers);
    let sentCount = 0;
    for (const chunk of chunks()) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await drainedOrClosed(response);
      onSent(++sentCount);
    }
    response.end();
  });
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      response.off('drain', end).off('close', end);
      resolve();
    };
    response.on('drain', end).on('close', end);
  });
}

export interface AttackedSetup extends ProgramResult {
  maxRssBytes: number;
}

/** Runs a setup that knows no other index. */
export async function setupFrom(
  index: TestServer,
  options: Partial<Parameters<typeof runProgram>[1]> = {},
): Promise<AttackedSetup> {
  const home = await mkdtemp(join(tmpdir(), 'ktx-pages-'));
  let maxRssBytes = Number.NaN;
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await runProgram(
      ['setup', '--yes', '--no-input', '--python', 'system', '--index-url', `${index.url}/simple`],
      {
        env: plainEnvironment(home, {
          XDG_CONFIG_DIRS: join(home, 'none'),
          UV_ASTRAL_MIRROR_URL: await closedAddress(),
          UV_INSTALLER_GITHUB_BASE_URL: await closedAddress(),
        }),
        ...options,
        onStart: (kill, pid) => {
          // It only grows, and a signal may leave the program no time to say it at its end.
          const look = () => {
            maxRssBytes = peakBytes(pid) ?? maxRssBytes;
          };
          look();
          timer = setInterval(look, LOOK_INTERVAL_MS);
          options.onStart?.(kill, pid);
        },
      },
    );
    return { ...result, maxRssBytes };
  } finally {
    clearInterval(timer);
    await rm(home, { recursive: true, force: true });
  }
}

/** Not `maxRSS`: Linux hands that on from the process that started it. `null` once it has ended. */
function peakBytes(pid: number): number | null {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}

export function* inChunks(pieces: Iterable<string>, size: number): Iterable<string> {
  let waiting = '';
  for (const piece of pieces) {
    waiting += piece;
    if (waiting.length < size) continue;
    yield waiting;
    waiting = '';
  }
  yield waiting;
}
