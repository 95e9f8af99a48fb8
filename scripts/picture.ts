// `npm run picture`: takes the README's pictures from a real run of the wizard in a pseudo-terminal with the
// real uv. The packages come from a loopback index under a fictitious name, at a watchable speed; the program
// runs as an installed package from a neutral path.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { startLoopbackIndex } from '../test/fixtures/loopback-index.ts';
import { plainEnvironment } from '../test/fixtures/program.ts';
import { openWheelhouse } from '../test/fixtures/wheelhouse.ts';
import { openTerminal, type TestTerminal } from '../test/pty/terminal.ts';
import { animatedSvg, type PictureFrame } from './terminal-picture.ts';

const BYTES_PER_SECOND = 6_000_000;
const CHUNK_BYTES = 64 * 1024;

const root = join(import.meta.dirname, '..');
const folder = join(root, 'assets', 'pictures');
const home = mkdtempSync(join(tmpdir(), 'ktx-'));
const installed = join(home, 'ktx-setup');
for (const part of ['bin', 'dist', 'package.json', 'assets/languages', 'assets/python']) {
  cpSync(join(root, part), join(installed, part), { recursive: true });
}
mkdirSync(folder, { recursive: true });

const files = await openWheelhouse();
const index = await startLoopbackIndex(files, (request, response) => {
  const file = files.find(({ file: name }) => request.url?.endsWith(`/files/${name}`));
  if (!file || request.method !== 'GET') return false;
  sendSlowly(readFileSync(file.path), response);
  return true;
});
const ours = Object.keys(process.env).filter((name) => /^(PIP_|UV_|KTX_|XDG_)/.test(name));
/** A complete setup for the README. A frame is recorded when the screen changes, at most at this interval. */
const FRAME_MS = 400;
const LAST_FRAME_MS = 4000;
const TITLE = { title: 'ktx setup' };
/** Pictures for review only, not kept. */
const previews = process.env['PICTURE_PREVIEWS'];
if (previews) mkdirSync(previews, { recursive: true });

function start(size: { columns: number; rows: number }, locale = 'C.UTF-8'): TestTerminal {
  return openTerminal({
    command: process.execPath,
    args: [join(installed, 'bin', 'ktx.cjs'), 'setup'],
    cwd: home,
    ...size,
    env: {
      ...Object.fromEntries(ours.map((name) => [name, undefined])),
      ...plainEnvironment(home),
      LC_ALL: locale,
      PIP_INDEX_URL: 'http://pypi.acme.internal/simple/',
      HTTP_PROXY: `http://${index.host}`,
    },
  });
}

/** `isKept`: used in a document. */
function take(terminal: TestTerminal, name: string, isKept = true): void {
  if (isKept) writeFileSync(join(folder, `${name}.svg`), terminal.svg(TITLE));
  if (previews) terminal.picture(join(previews, `${name}.png`), TITLE);
}

/** The first screen in another language, before anything is installed. */
async function inLanguage(language: string, locale: string, question: string): Promise<void> {
  const other = start({ columns: 80, rows: 20 }, locale);
  try {
    await other.until(question, 60_000);
    take(other, `features-${language}`);
    other.send('q');
    await other.exited;
  } finally {
    other.close();
  }
}

await inLanguage('de', 'de_DE.UTF-8', 'Was soll ktx');
await inLanguage('ja', 'ja_JP.UTF-8', 'ktx に何をさせますか');

const size = { columns: 80, rows: 26 };
const terminal = start(size);
const frames: PictureFrame[] = [];
let shownSince = performance.now();
const record = (): void => {
  const rows = terminal.frame(TITLE);
  const now = performance.now();
  const last = frames.at(-1);
  if (last && last.rows.join('') === rows.join('')) return;
  if (last) last.shownMs = now - shownSince;
  frames.push({ rows, shownMs: LAST_FRAME_MS });
  shownSince = now;
};
try {
  await terminal.until('What should ktx be able to do', 60_000);
  const clock = setInterval(record, FRAME_MS);
  take(terminal, 'features');
  await delay(1500);
  terminal.press('enter');
  await terminal.until('Only th', 60_000);
  take(terminal, 'plan');
  await delay(2500);
  terminal.press('enter');
  await terminal.until(/ s left/, 120_000);
  await terminal.until((text) => (text.match(/^ ✓ /gm)?.length ?? 0) >= 8, 120_000);
  take(terminal, 'install');
  await terminal.until('is ready', 120_000);
  await delay(FRAME_MS);
  clearInterval(clock);
  record();
  take(terminal, 'check');
  terminal.press('enter');
  await terminal.exited;
  writeFileSync(
    join(folder, 'setup.svg'),
    animatedSvg({ cols: size.columns, rows: size.rows }, frames, TITLE),
  );
  terminal.close();
  await again({ columns: 80, rows: 24 }, 'ready');
  await again({ columns: 40, rows: 12 }, 'ready-narrow');
  await again({ columns: 120, rows: 40 }, 'ready-wide');
} finally {
  terminal.close();
  await index.close();
  rmSync(home, { recursive: true, force: true });
}

/** The screen on a later run. */
async function again(at: { columns: number; rows: number }, name: string): Promise<void> {
  const next = start(at);
  try {
    await next.until(/works|What do you want/, 60_000);
    take(next, name, name === 'ready');
    next.send('q');
    await next.exited;
  } finally {
    next.close();
  }
}

function sendSlowly(bytes: Buffer, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': bytes.length });
  async function* chunks() {
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      await delay((CHUNK_BYTES / BYTES_PER_SECOND) * 1000);
      yield bytes.subarray(start, start + CHUNK_BYTES);
    }
  }
  Readable.from(chunks()).pipe(response);
}
