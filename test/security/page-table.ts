import { setTimeout as delay } from 'node:timers/promises';
import { FLOODS, inChunks, readPage, serveIndex, setupFrom } from './hostile-index.ts';
import { CONTENT_TYPES, HOSTILE_PAGES } from './hostile-pages.ts';

const FEW = 8000;
const MANY = 200_000;
const MiB = 1024 * 1024;
/** What the README's words about pages come to. */
const PAGE_LIMITS = { ratio: 3, memoryMiB: 200, endsAfterMs: 300 };
/** From the first page that is asked for, so that the signal comes while pages are read. */
const SIGNAL_AFTER_MS = [0, 30, 60, 100, 150, 200, 300, 400, 600, 900];
const CHUNK_BYTES = 64 * 1024;

/** Reads every hostile page in two sizes, and runs setups whose index sends nothing else, with and without SIGTERM. */
export async function pageTable(print: (line: string) => void, only = /^/): Promise<boolean> {
  const pages = HOSTILE_PAGES.filter(({ name }) => only.test(name));
  let isOver = false;
  const row = (name: string, figures: [value: number, limit: number, text: string][]) => {
    const over = figures.some(([value, limit]) => !(value <= limit));
    isOver ||= over;
    print(
      `${name.padEnd(56)}${figures.map(([, , text]) => text.padStart(34)).join('')}${over ? '  OVER' : ''}`,
    );
  };
  print(`${FEW} and ${MANY} pieces: time a byte, memory`);
  for (const { name } of pages) {
    const few = await readPage(name, FEW);
    const many = await readPage(name, MANY);
    const ratio = many.readMs / few.readMs / (many.sizeBytes / few.sizeBytes);
    row(name, [
      [ratio, PAGE_LIMITS.ratio, `${ratio.toFixed(2)} x`],
      memory(many.maxRssBytes),
      [many.longestTurnMs, PAGE_LIMITS.endsAfterMs, `longest turn ${Math.round(many.longestTurnMs)} ms`],
    ]);
  }
  print('\na setup whose index sends a flood for one project, and for every project');
  for (const { name, encoding, pack } of FLOODS.filter((flood) => only.test(flood.name))) {
    const packed = pack();
    for (const projects of [/^sqlglot$/, /^/]) {
      const headers = { 'content-type': 'text/html', 'content-encoding': encoding };
      const index = await serveIndex(headers, () => [packed], { projects });
      const { maxRssBytes } = await setupFrom(index);
      await index.close();
      row(`${name}, ${projects.source === '^' ? 'every project' : 'one project'}`, [memory(maxRssBytes)]);
    }
  }
  print(
    `\na setup whose index sends nothing else: the end after SIGTERM, ${SIGNAL_AFTER_MS.length} instants`,
  );
  for (const { name, format, pieces } of pages) {
    const delays: number[] = [];
    let peakBytes = 0;
    for (const afterMs of SIGNAL_AFTER_MS) {
      const ended = await endedAfterMs(format, pieces, afterMs);
      if (ended === null) continue;
      delays.push(ended.ms);
      peakBytes = Math.max(peakBytes, ended.maxRssBytes);
    }
    const longest = Math.max(...delays);
    const text = `${Math.round(longest)} ms at most of ${delays.length}`;
    row(name, [[longest, PAGE_LIMITS.endsAfterMs, text], memory(peakBytes)]);
  }
  return isOver;
}

function memory(bytes: number): [number, number, string] {
  return [bytes / MiB, PAGE_LIMITS.memoryMiB, `${Math.round(bytes / MiB)} MiB`];
}

/** @returns `null` when a limit had ended the setup before. */
async function endedAfterMs(
  format: keyof typeof CONTENT_TYPES,
  pieces: (count: number) => Iterable<string>,
  afterMs: number,
): Promise<{ ms: number; maxRssBytes: number } | null> {
  let sentAt = 0;
  let hasAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    hasAsked = resolve;
  });
  const index = await serveIndex(
    { 'content-type': CONTENT_TYPES[format] },
    () => inChunks(pieces(10_000_000), CHUNK_BYTES),
    { onSent: hasAsked },
  );
  let kill: (signal: NodeJS.Signals) => void = () => {};
  let hasEnded = false;
  const running = setupFrom(index, {
    onStart: (send) => {
      kill = send;
    },
  }).finally(() => {
    hasEnded = true;
    hasAsked();
  });
  await asked;
  await delay(afterMs);
  sentAt = performance.now();
  const isLate = hasEnded;
  if (!isLate) kill('SIGTERM');
  const { maxRssBytes, exitCode } = await running;
  const ms = performance.now() - sentAt;
  await index.close();
  if (isLate || exitCode === 1) return null;
  return { ms, maxRssBytes };
}
