import { afterEach, describe, expect, it } from 'vitest';
import type { PlanRow } from '../../src/core/events.ts';
import type { LogSnapshot } from '../../src/present/log-store.ts';
import { otherRemedy } from '../../src/support/remedies.ts';
import { remedyText } from '../../src/support/remedy.ts';
import { keyHints } from '../../src/wizard/keys.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { openScreen, type Screen, type ScreenOptions } from '../fixtures/screen.ts';
import { STATES } from '../fixtures/screen-states.ts';
import { READY_OVERVIEW } from '../fixtures/wizard-states.ts';

const LOG: LogSnapshot = {
  version: 1,
  hiddenCount: 1000,
  lines: Array.from({ length: 500 }, (_, index) =>
    `line ${1000 + index} été 漢字 `.padEnd(index % 3 === 0 ? 300 : 20, 'x'),
  ),
};

const open: Screen[] = [];
async function screenOf(state: WizardState, options: ScreenOptions): Promise<Screen> {
  const screen = await openScreen(state, { log: LOG, ...options });
  open.push(screen);
  return screen;
}
afterEach(() => {
  for (const screen of open.splice(0)) screen.close();
});

const SIZES = [
  [80, 24],
  [40, 10],
  [120, 40],
  [20, 5],
  [64, 17],
  [63, 16],
  [200, 60],
  [1, 1],
] as const;

describe.each(SIZES)('at %i x %i', (columns, rows) => {
  it.each(Object.entries(STATES))('%s leaves the last row empty and loses none', async (_name, state) => {
    const screen = await screenOf(state, { columns, rows });
    expect(screen.lostRows()).toBe(0);
    const lines = screen.lines();
    if (rows > 2) expect(lines[rows - 1]).toBe('');
    if (columns >= 40) {
      expect(lines[0]).toContain('ktx');
      const hint = keyHints(state, 'footer').at(-1);
      if (hint) expect(lines[rows - 2]).toContain(`${hint.label} ${hint.hint}`);
    }
  });
});

describe('resizing', () => {
  it.each(Object.entries(STATES))('%s leaves no ghosts', async (_name, state) => {
    const screen = await screenOf(state, { columns: 80, rows: 24 });
    for (const [columns, rows] of [
      [60, 20],
      [40, 10],
      [100, 30],
      [20, 5],
      [80, 24],
      [50, 12],
    ] as const) {
      await screen.resize(columns, rows);
      const fresh = await screenOf(state, { columns, rows });
      // Ink lays out once with the old number of rows before React knows the new one.
      await expect.poll(() => screen.lines()).toEqual(fresh.lines());
      fresh.close();
      open.pop();
    }
  });
});

describe('what a person must see at 40 x 10', () => {
  it.each([
    ['features', ['Core', '27 MB download', '163 MB download']],
    ['plan', ['› Install', 'Back', 'enter confirm  esc back  ? help  q quit']],
    ['plan', ['182 MB to download', '420 MB on disk in', '~/.ktx/runtime']],
    ['plan', ['huggingface.acme.internal', 'pypi.acme.internal', 'releases.acme.internal', 'n …']],
    ['stop question', ['Stop the installation?', 'runtime is untouched.', '› Keep going', 'Stop']],
    ['stop question', ['y stop  n keep going  ctrl+c stop now']],
    ['failure', ['numpy could not be fetched', '› Try again', 'Back to the plan', 'Show the log', 'Quit']],
    ['failure', ['Set SSL_CERT_FILE', 'enter do it  ? help  q quit']],
    ['broken', ['1 check needs', '1 of 5 needs attention', 'Environment starts']],
    ['help', ['full log', 'ctrl+c']],
  ])('%s', async (name, words) => {
    const screen = await screenOf(STATES[name]!, { columns: 40, rows: 10 });
    for (const word of words) expect(screen.text()).toContain(word);
  });
});

it('says of the first sizes that they are about, and what is not in them', async () => {
  const screen = await screenOf(STATES['features']!, { columns: 80, rows: 24 });
  expect(screen.text()).toContain('about 27 MB to download · 85 MB on disk · 6 s at 100 Mbit/s');
});

it.each([
  ['core', true],
  ['local-embeddings', false],
] as const)('says that choosing less removes nothing: %s', async (feature, isSaid) => {
  const state = STATES['features']!;
  if (state.screen !== 'features') throw new Error(state.screen);
  const status = { ...READY_OVERVIEW.status, features: ['core', 'local-embeddings'] as const };
  const overview = { ...state.overview, status: { ...status, features: [...status.features] } };
  const screen = await screenOf({ ...state, overview, feature }, { columns: 80, rows: 24 });
  const text = screen.text().replace(/\s+/g, ' ');
  expect(text).toContain('works and stays until the new one is proven.');
  expect(text.includes('choosing less removes nothing')).toBe(isSaid);
});

it.each([
  [
    'broken',
    'Missing Python executable',
    'What is installed does not work and will be replaced: Missing Python',
  ],
  [
    'mismatched',
    'of another version',
    'What is installed does not work and will be replaced: of another version',
  ],
  ['missing', 'none', 'is installed and stays as it is.'],
] as const)('says what becomes of a runtime that is %s', async (kind, detail, words) => {
  const state = STATES['features']!;
  if (state.screen !== 'features') throw new Error(state.screen);
  const otherRuntimes = [{ cliVersion: '0.2.0', features: ['core' as const] }];
  const overview = { ...state.overview, status: { kind, detail, features: [] }, otherRuntimes };
  const screen = await screenOf({ ...state, overview }, { columns: 80, rows: 24 });
  expect(screen.text().replace(/\s+/g, ' ')).toContain(words);
  const alone = await screenOf(
    { ...state, overview: { ...overview, otherRuntimes: [] } },
    { columns: 80, rows: 24 },
  );
  if (kind === 'missing') expect(alone.text().replace(/\s+/g, ' ')).toContain('nothing else is touched.');
});

describe('a failure with more to say than there is room', () => {
  const state = STATES['failure']!;
  if (state.screen !== 'failure') throw new Error(state.screen);
  const many: WizardState = {
    ...state,
    logPath: '/home/ada/.ktx/runtime/0.3.0/install.log',
    report: {
      ...state.report,
      evidence: [
        'fact one, which is long enough for a second line of its own in this window of eighty columns',
        'fact two',
        'fact three',
        'fact four',
      ],
      nextSteps: ['remedy one', 'remedy two', 'remedy three', 'remedy four', 'remedy five', 'remedy six'],
    },
  };
  it.each([
    [80, 16, ['fact one', 'remedy one', 'remedy six', '… 2 more, shown when you leave'], ['fact three']],
    [80, 24, ['fact four', 'remedy six', 'What you can do:'], ['more']],
    [
      60,
      20,
      ['fact three', 'remedy four', 'What you can do:', '… 3 more, shown when you leave'],
      ['fact four', 'remedy five'],
    ],
    [40, 10, ['numpy could not be fetched', 'remedy one', '… 7 more on quit'], ['remedy six', 'fact one']],
    [120, 40, ['fact four', 'remedy six', 'What you can do:', 'Log: '], []],
  ] as const)('%i x %i', async (columns, rows, shown, hidden) => {
    const screen = await screenOf(many, { columns, rows });
    const text = screen.text();
    for (const words of [...shown, 'Nothing was changed', '› Try again', 'Quit'])
      expect(text).toContain(words);
    for (const words of hidden) expect(text).not.toContain(words);
    // No text is cut in the middle: the last line of the evidence stands whole.
    if (columns === 80) expect(text).toMatch(/eighty\s+columns/);
    if (rows >= 24) expect(text).toMatch(/fact four\n\n/);
  });
});

it('the command of a remedy stands on a line of its own where the two do not fit', async () => {
  const state = STATES['failure']!;
  if (state.screen !== 'failure') throw new Error(state.screen);
  const byHand = otherRemedy('Stop the program that holds the folder, then run it again', {
    afterwards: ['ktx', 'setup'],
  });
  const report = { ...state.report, remedies: [byHand], nextSteps: [remedyText(byHand)] };
  const screen = await screenOf({ ...state, report }, { columns: 70, rows: 24 });
  expect(screen.text()).toMatch(
    /^ +· Stop the program that holds the folder, then run it again:\n +ktx setup$/m,
  );
});

it('has one pointer on the screen: remedies cannot be chosen', async () => {
  const screen = await screenOf(STATES['failure']!, { columns: 80, rows: 24 });
  expect(screen.text().match(/›/g)).toHaveLength(1);
  expect(screen.text()).toContain('· Set SSL_CERT_FILE');
});

describe('a window too small for screens', () => {
  it('says where the installation stands and where its log is', async () => {
    const screen = await screenOf(STATES['installing']!, { columns: 30, rows: 8 });
    expect(screen.lines()[0]).toBe('Installing: fetch 60 of 182 MB'.slice(0, 30));
    expect(screen.lines()[1]).toMatch(/^log .*…/);
    expect(screen.lines()[2]).toBe('Please enlarge · ctrl+c stops');
  });
  it.each([
    ['plan', 60, 9, 'Please enlarge the window (40 x 10) · q quits'],
    ['plan', 39, 9, 'Please enlarge · q quits'],
    ['plan', 20, 5, 'enlarge · q quits'],
    ['plan', 10, 5, 'q quits'],
    ['failure', 20, 5, 'enlarge · q quits'],
    ['help', 28, 9, 'enlarge · ctrl+c stops'],
    ['checked', 39, 9, 'Please enlarge · q quits'],
  ] as const)('%s at %i x %i says how to leave', async (name, columns, rows, words) => {
    const screen = await screenOf(STATES[name]!, { columns, rows });
    expect(screen.lines()).toContain(words);
  });
});

describe('the live log', () => {
  it('shows the newest lines and follows', async () => {
    const screen = await screenOf(STATES['installing']!, { columns: 80, rows: 24 });
    expect(screen.text()).toContain('following');
    expect(screen.lines()[18]).toContain('line 1499');
    // Below it, what arrives now.
    expect(screen.lines()[19]).toMatch(/↓ onnxruntime-1\.31\.1 +\S+ of 23 MB/);
  });
  it('stays where it was pinned and says how many lines are below', async () => {
    const state = { ...STATES['installing']!, log: { kind: 'pinned', firstLine: 1100 } } as WizardState;
    const screen = await screenOf(state, { columns: 80, rows: 24 });
    expect(screen.text()).toMatch(/line 1100 /);
    expect(screen.text()).toContain('paused · 390 more lines ↓');
  });
  it('takes the whole body when asked', async () => {
    const screen = await screenOf(STATES['full log']!, { columns: 80, rows: 24 });
    expect(screen.lines().filter((line) => line.includes('line 1'))).toHaveLength(18);
  });
});

it('says that nothing arrives, and goes on', async () => {
  const state = STATES['installing']!;
  const screen = await screenOf({ ...state, nowMs: state.nowMs + 24_000 }, { columns: 80, rows: 24 });
  expect(screen.text()).toContain(
    'nothing has arrived from pypi.acme.internal for 24 s, trying again in 6 s',
  );
});

it('shows numbers of the data alone', async () => {
  const screen = await screenOf(STATES['installing']!, { columns: 80, rows: 24 });
  expect(screen.text()).toContain('6 of 12 files, onnxruntime-1.31.1 23 MB');
  expect(screen.text()).toContain('60 of 182 MB');
});

it('a plan that cannot know every host does not say "only"', async () => {
  const state = STATES['plan']!;
  if (state.screen !== 'plan' || !state.summary) throw new Error(state.screen);
  const size = { columns: 120, rows: 40 };
  const closed = await screenOf(state, size);
  expect(closed.text()).toContain('Only these 3 hosts will be contacted');
  const summary = { ...state.summary, hosts: ['a.internal'], hasOpenHosts: true };
  const screen = await screenOf({ ...state, summary }, size);
  expect(screen.text()).toContain('Will be contacted: a.internal, hosts that uv finds by itself');
});

it('shows a feature that this machine cannot have, and why, but no way to choose it', async () => {
  const state = STATES['features']!;
  if (state.screen !== 'features') throw new Error(state.screen);
  const offers = state.overview.offers.map((offer) =>
    offer.feature === 'core' ? offer : { ...offer, unavailableReason: 'onnxruntime has no build for musl' },
  );
  const screen = await screenOf(
    { ...state, overview: { ...state.overview, offers } },
    { columns: 80, rows: 24 },
  );
  expect(screen.text()).toContain('– Core + local embeddings');
  expect(screen.text()).toContain('not available: onnxruntime has no build for musl');
  expect(screen.text()).not.toContain('↑↓');
});

describe('the plan', () => {
  const planWith = (change: Partial<PlanRow>): WizardState => {
    const state = STATES['plan']!;
    if (state.screen !== 'plan' || !state.summary) throw new Error(state.screen);
    const rows = state.summary.rows.map((row) => (row.id === 'packages' ? { ...row, ...change } : row));
    return { ...state, summary: { ...state.summary, rows } };
  };
  const packagesLine = (screen: Screen) => screen.lines().find((line) => line.includes('10 packages'))!;
  const long = { from: 'your package index (PIP_INDEX_URL)', place: 'packages.acme.internal' };

  it('leaves a gap between where it comes from and the place, and cuts what is too long', async () => {
    const screen = await screenOf(planWith(long), { columns: 80, rows: 24 });
    expect(packagesLine(screen)).toContain('your package index …  packages.acme.internal');
  });

  it('has room for all of it in a wide terminal', async () => {
    const screen = await screenOf(planWith(long), { columns: 120, rows: 24 });
    expect(packagesLine(screen)).toMatch(/your package index \(PIP_INDEX_URL\) {2,}packages.acme.internal/);
  });

  const rejected = Array.from({ length: 12 }, (_, index) => `mirror-${index}.acme.internal: 403`);
  it.each([
    [24, 3, '… 9 more lines (n)'],
    [30, 9, '… 3 more lines (n)'],
    [40, 12, ''],
  ])('in %i rows %i of 12 sources that lost are shown, the others counted', async (rows, count, more) => {
    const screen = await screenOf(planWith({ rejected }), { columns: 80, rows });
    const lines = screen.lines();
    expect(lines.filter((line) => /mirror-\d/.test(line))).toHaveLength(count);
    expect(lines.find((line) => line.includes('› Install'))!.replace(/^.*Back */, '')).toBe(more);
    expect(screen.text()).toContain('What will happen');
  });

  it('shows faint what it does without, below all that it does, in the default colour', async () => {
    const screen = await screenOf(planWith({ rejected }), { columns: 80, rows: 40 });
    const [verdict, reason] = ['passed over', 'mirror-3'].map((words) =>
      screen.lines().findIndex((line) => line.includes(words)),
    ) as [number, number];
    expect(screen.lines().slice(verdict).join()).not.toContain('pypi.acme.internal');
    expect(screen.cells()[verdict]).not.toContain('{d}');
    expect(screen.cells()[reason]).toContain('{d}m');
    expect(screen.text()).not.toContain('✗');
  });

  it('has all columns for the path of what is made here', async () => {
    const state = STATES['plan']!;
    if (state.screen !== 'plan' || !state.summary) throw new Error(state.screen);
    const rows = state.summary.rows.map((row) => (row.id === 'environment' ? { ...row, from: '' } : row));
    const made = { ...state, summary: { ...state.summary, rows } };
    const screen = await screenOf(made, { columns: 80, rows: 24 });
    expect(screen.text()).toMatch(/environment +~\/\.ktx\/runtime\/0\.3\.0\/envs\/7f3c +420 MB on disk/);
  });

  it('cannot be agreed to in a window that does not show all of it', async () => {
    const state = STATES['plan']!;
    if (state.screen !== 'plan' || !state.summary) throw new Error(state.screen);
    const hosts = Array.from({ length: 7 }, (_, index) => `host-${index}.acme.internal`);
    const many = { ...state, summary: { ...state.summary, hosts } };
    const screen = await screenOf(many, { columns: 40, rows: 10 });
    expect(screen.text()).toMatch(/^… \d+ more lines: enlarge to agree$/m);
    expect(await screen.type('\r')).toEqual([]);
    await screen.show({ ...many, cursor: 1 });
    expect(await screen.type('\r')).toEqual(['confirm']);
    await screen.show(many);
    await screen.resize(80, 24);
    await expect.poll(() => screen.text()).not.toContain('enlarge');
    expect(await screen.type('\r')).toEqual(['confirm', 'confirm']);
  });
});

describe('the end of an installation', () => {
  const state = STATES['the proof of an installation']!;

  it('names what comes next and the log, before the checks', async () => {
    const screen = await screenOf(state, { columns: 80, rows: 24 });
    expect(screen.text()).toMatch(
      /› Next: ktx admin runtime start .*\n · Log: ~.*install\.log \(f shows it\)\n/,
    );
    const daemon = await screenOf(STATES['a daemon that runs']!, { columns: 80, rows: 24 });
    expect(daemon.text()).toContain('› Daemon: running at http://127.0.0.1:41234 (s stops it)');
    expect(daemon.text()).not.toContain('Next:');
  });

  it.each(['the proof of an installation', 'broken', 'checked with details'])(
    '%s counts what the groups count',
    async (name) => {
      const screen = await screenOf(STATES[name]!, { columns: 80, rows: 60 });
      const [title = '', ...rows] = screen
        .lines()
        .filter((line) => /\d+ checks? ·|\d+ checks?$|of \d+ need/.test(line));
      const of = (line: string) =>
        Number(/of (\d+) need/.exec(line)?.[1] ?? /(\d+) checks?(?: ·|$)/.exec(line)?.[1]);
      expect(rows.map(of).reduce((sum, count) => sum + count, 0)).toBe(of(title));
    },
  );

  it('shows first, and open, the group that has more checks than before', async () => {
    const screen = await screenOf(STATES['more checks of an installation']!, { columns: 80, rows: 24 });
    const at = (words: string) => screen.lines().findIndex((line) => line.includes(words));
    expect(at('Package index')).toBeGreaterThan(at('Network'));
    expect(at('Proven')).toBeGreaterThan(at('Package index'));
  });
});

describe('help', () => {
  it('explains keys and words', async () => {
    const screen = await screenOf(STATES['help on the plan']!, { columns: 80, rows: 24 });
    expect(screen.text()).toMatch(/^ bundle +one file with everything/m);
    expect(screen.text()).toMatch(/^ n +Shows every line of the plan/m);
  });
});
