import { readFileSync } from 'node:fs';
import { readIndexPage } from '../../src/network/index/index-page.ts';
import { CONTENT_TYPES, HOSTILE_PAGES } from './hostile-pages.ts';

/** Reads one page in a process of its own and prints what that cost: `<name> <count>`. */
const [name, count] = process.argv.slice(2);
const page = HOSTILE_PAGES.find((each) => each.name === name)!;

/** Waits of the event loop while the page is read. */
let longestTurnMs = 0;
let turnStartedAt = performance.now();
const tick = () => {
  longestTurnMs = Math.max(longestTurnMs, performance.now() - turnStartedAt);
  turnStartedAt = performance.now();
  timer = setImmediate(tick);
};
let timer = setImmediate(tick);

let sizeBytes = 0;
async function* chunks(): AsyncIterable<Uint8Array> {
  let waiting = '';
  for (const piece of page.pieces(Number(count))) {
    waiting += piece;
    if (waiting.length < 64 * 1024) continue;
    yield sent(waiting);
    waiting = '';
  }
  yield sent(waiting);
}
function sent(text: string): Uint8Array {
  sizeBytes += text.length;
  return Buffer.from(text);
}

const startedAt = process.cpuUsage();
const outcome = await readIndexPage(chunks(), {
  url: 'https://index.example/simple/my-pkg/',
  contentType: CONTENT_TYPES[page.format],
}).then(
  (read) => (read === null || read === 'unknown' ? String(read) : `${read.entries.size} entries`),
  (error: Error) => error.message,
);
const { user, system } = process.cpuUsage(startedAt);
const readMs = (user + system) / 1000;
clearImmediate(timer);
console.log(
  JSON.stringify({
    sizeBytes,
    readMs,
    longestTurnMs,
    outcome,
    maxRssBytes: ownPeakBytes(),
  }),
);

/** Not `maxRSS`: Linux hands that on from the process that started this one. */
function ownPeakBytes(): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
