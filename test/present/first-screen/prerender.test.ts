import { mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import { type FirstFrames, lookName, stretched } from '../../../src/present/first-screen/elastic-frame.ts';
import type { frameRows } from '../../../src/present/first-screen/frame.tsx';
import type { prerender } from '../../../src/present/first-screen/prerender.ts';
import { quickLook } from '../../../src/present/first-screen/quick-look.ts';
import type { RuntimeLock } from '../../../src/shipped/lock.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { reduce } from '../../../src/wizard/reduce.ts';
import { startWizard, type WizardState } from '../../../src/wizard/state.ts';

const PLATFORM = 'linux-x64-gnu';
const LOG = { version: 0, lines: [], hiddenCount: 0 };
const HOME = '/home/ada';
const folder = join(PACKAGE_ROOT, '.tmp');
const outfiles = ['frame', 'prerender'].map((name) => join(folder, `${name}-test-${process.pid}.cjs`));
let rowsOf: typeof frameRows;
let frames: FirstFrames;
let lock: RuntimeLock;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  const sources = ['frame.tsx', 'prerender.ts'];
  for (const [index, source] of sources.entries())
    await build({
      ...firstScreenBundle(`src/present/first-screen/${source}`, '0.3.0'),
      outfile: outfiles[index]!,
    });
  lock = JSON.parse(await readFile(join(PACKAGE_ROOT, 'assets/python/lock.json'), 'utf8'));
  const load = createRequire(import.meta.url);
  rowsOf = load(outfiles[0]!).frameRows;
  frames = (load(outfiles[1]!) as { prerender: typeof prerender }).prerender(PLATFORM, '0.3.0', lock)!;
});
afterAll(() => Promise.all(outfiles.map((path) => rm(path))));

function begin(): WizardState {
  const host = {
    platform: 'linux',
    arch: 'x64',
    libc: 'gnu',
    glibcVersion: null,
    macosVersion: null,
  } as const;
  const overview = quickLook({ cliVersion: '0.3.0', env: {}, homeDir: HOME, host, lock })!;
  const { next } = startWizard({ nowMs: 0, hasProject: true });
  return reduce(next, { type: 'overview', runId: next.runId, overview, nowMs: 0 }).next;
}

const choose = (state: WizardState, command: 'next' | 'previous'): WizardState =>
  reduce(state, {
    type: 'command',
    command,
    nowMs: 0,
    view: {
      logStart: 0,
      logEnd: 0,
      logRows: 0,
      overflowRows: 0,
      found: { above: null, below: null },
      choiceColumns: 1,
    },
  }).next;

it('is at every size the frame that would be drawn', () => {
  const states = [begin(), choose(begin(), 'next')];
  for (const columns of [80, 81, 83, 90, 101, 120, 160, 211, 300])
    for (const rows of [24, 25, 31, 40, 75])
      for (const isLight of [true, false])
        for (const hasColour of [true, false])
          states.forEach((state, screen) => {
            const size = { columns, rows };
            const drawn = rowsOf(state, size, { hasColour, isLight, homeDir: HOME }, true, LOG);
            expect(stretched(frames.looks[lookName(isLight, hasColour)][screen]!, size)).toEqual(drawn);
          });
});

it('answers the keys that choose, as the wizard does', () => {
  const leads = (screen: number, bytes: string) =>
    frames.moves[screen]!.find(([candidate]) => candidate === bytes)?.slice(1);
  expect(frames.moves).toHaveLength(2);
  expect(leads(0, '\u001b[B')).toEqual(['down', 1]);
  expect(leads(1, '\u001bOA')).toEqual(['up', 0]);
  for (const bytes of ['\r', 'q', '?', '\u0003', '\u001b']) expect(leads(0, bytes)).toBeUndefined();
});
