// `npm run picture`: the README's pictures, from a real run of the wizard in a pseudo-terminal with the real uv. The
// packages come from a loopback index behind a name that is nobody's, at a speed that one can watch; the program runs
// as an installed package, in a place that says nothing about where this checkout is.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { startLoopbackIndex } from '../test/fixtures/loopback-index.ts';
import { plainEnvironment } from '../test/fixtures/program.ts';
import { openWheelhouse } from '../test/fixtures/wheelhouse.ts';
import { openTerminal } from '../test/pty/terminal.ts';

const BYTES_PER_SECOND = 6_000_000;
const CHUNK_BYTES = 64 * 1024;

const root = join(import.meta.dirname, '..');
const folder = join(root, 'assets', 'pictures');
const home = mkdtempSync(join(tmpdir(), 'ktx-'));
const installed = join(home, 'ktx-setup');
for (const part of ['bin', 'dist', 'package.json', 'assets/python']) {
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
const terminal = openTerminal({
  command: process.execPath,
  args: [join(installed, 'bin', 'ktx.cjs'), 'setup'],
  rows: 26,
  env: {
    ...Object.fromEntries(ours.map((name) => [name, undefined])),
    ...plainEnvironment(home),
    PIP_INDEX_URL: 'http://pypi.acme.internal/simple/',
    HTTP_PROXY: `http://${index.host}`,
  },
});
const take = (name: string): void => {
  writeFileSync(join(folder, `${name}.svg`), terminal.svg({ title: 'ktx setup' }));
};
try {
  await terminal.until('What should ktx be able to do', 30_000);
  terminal.press('enter');
  await terminal.until('Only th', 30_000);
  take('plan');
  terminal.press('enter');
  await terminal.until(/ s left/, 60_000);
  await terminal.until((text) => (text.match(/^ ✓ /gm)?.length ?? 0) >= 8, 60_000);
  take('install');
  await terminal.until('is ready', 60_000);
  take('check');
  terminal.press('enter');
  await terminal.exited;
} finally {
  terminal.close();
  await index.close();
  rmSync(home, { recursive: true, force: true });
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
