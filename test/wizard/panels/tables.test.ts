import { expect, it } from 'vitest';
import type { ActionId } from '../../../src/wizard/panels/action-panel.ts';
import { openAction } from '../../../src/wizard/panels/action-panel.ts';
import { type BundleCandidate, openBundle } from '../../../src/wizard/panels/bundle-panel.ts';
import type { Command } from '../../../src/wizard/panels/command.ts';
import { openHost } from '../../../src/wizard/panels/host-panel.ts';
import { openModel } from '../../../src/wizard/panels/model-panel.ts';
import { openPage } from '../../../src/wizard/panels/page-panel.ts';
import {
  type AnyStep,
  isPanelBusy,
  notePanel,
  onPanelAnswer,
  onPanelCommand,
  onPanelRefused,
  onPanelStopped,
  type Panel,
  type PanelAnswer,
  panelOutcome,
  panelView,
  typeIntoPanel,
} from '../../../src/wizard/panels/panels.ts';
import { openSources } from '../../../src/wizard/panels/sources-panel.ts';
import { differences } from '../../fixtures/differences.ts';
import { DEMO_CONNECTION, demoAnswer } from '../../pty/demo-panels.ts';

/**
 * What every command, answer and text does to every panel, and what it shows, written down: a change of a line is a change
 * that a person meets, and is looked at as such (`vitest run -u`).
 */
const COMMANDS: readonly Command[] = [
  ...(['previous', 'next', 'first', 'last', 'confirm', 'back', 'interrupt'] as const),
  ...(['erase', 'erase-all', 'help'] as const),
];

const candidate = (path: string, problem: string | null = null): BundleCandidate => ({
  path,
  size: '1 MB',
  problem,
});
const bundles = (...candidates: BundleCandidate[]): PanelAnswer => ({
  type: 'bundles',
  facts: { command: 'ktx bundle create', file: 'a.bundle', folders: ['/d', '/e'], candidates },
});
const facts = { place: 'ada@h: /c.yaml', text: 'old', models: ['m1'], warnings: ['left over'] };
const connection = { host: 'h', user: 'ada' };
const review = (diff: string, ...errors: string[]): PanelAnswer => ({
  type: 'host-edited',
  review: { text: 'new', diff, errors },
});
const previewed = (question: string | null): PanelAnswer => ({
  type: 'action-previewed',
  preview: { lines: ['a line'], question },
});
const actionDone = (isOk: boolean): PanelAnswer => ({
  type: 'action-done',
  outcome: { isOk, title: 'What came of it', lines: ['a line'] },
});
const probed = (isOk: boolean): PanelAnswer => ({
  type: 'model-probed',
  result: { isOk, lines: ['a line'], edits: ['llm.x: y'] },
});
const modelRead = (backend: string | null, model: string | null): PanelAnswer => ({
  type: 'model-read',
  facts: {
    path: '/p/ktx.yaml',
    backend,
    model,
    backends: [
      { id: 'a', label: 'A', presetModel: '', isProbed: false },
      { id: 'b', label: 'B', presetModel: 'b-1', isProbed: true },
    ],
  },
});

const ANSWERS: Record<string, PanelAnswer> = {
  previewed: previewed('Do it?'),
  'nothing to do': previewed(null),
  'action done': actionDone(true),
  'action failed': actionDone(false),
  bundles: bundles(candidate('/d/a'), candidate('/d/b', 'cut short')),
  'no bundles': bundles(),
  'model read': modelRead('b', 'b-2'),
  'model probed': probed(true),
  'model written': { type: 'model-written', lines: ['b (b-2)'] },
  'page read': { type: 'page-read', lines: ['a line', 'another'] },
  mended: { type: 'mended', notice: 'It is done.' },
  'sources read': { type: 'sources-read', current: { index: 'https://i.example (pip.conf)', folder: '/f' } },
  'host unknown': { type: 'host-unknown' },
  'host read': { type: 'host-read', connection, facts },
  'host unreachable': { type: 'host-unreachable', connection, lines: ['no route'] },
  'host edited': review('@@ 1 @@\n- old\n+ new\n  same'),
  'host unedited': review(''),
  'host refused': review('', 'it must be a number'),
  'host step': { type: 'host-step', text: 'Writing it' },
  'host applied': { type: 'host-applied', outcome: { isOk: true, title: 'It is used', lines: ['a backup'] } },
};

type Move = Command | { text: string } | PanelAnswer;
function played(opened: { panel: Panel }, ...moves: Move[]): Panel {
  return moves.reduce<Panel>((panel, move) => {
    if (typeof move === 'object' && 'text' in move && !('type' in move))
      return typeIntoPanel(panel, move.text);
    const step =
      typeof move === 'string' ? onPanelCommand(panel, move) : onPanelAnswer(panel, move as PanelAnswer);
    if ('exit' in step) throw new Error(`it has been left by ${JSON.stringify(move)}`);
    return step.panel;
  }, opened.panel);
}

const ACTIONS: readonly ActionId[] = ['start', 'stop', 'undo', 'remove', 'prune'];
const A = ANSWERS as Record<string, PanelAnswer>;
const applied = (isOk: boolean): PanelAnswer => ({
  type: 'host-applied',
  outcome: { isOk, title: 'What came of it', lines: ['a backup'] },
});
const step = (text: string): PanelAnswer => ({ type: 'host-step', text });

const PANELS: Record<string, Panel> = {
  ...Object.fromEntries(
    ACTIONS.flatMap((action) => [
      [`${action}`, openAction(action).panel],
      [`${action}: asked`, played(openAction(action), A['previewed']!)],
      [`${action}: done`, played(openAction(action), A['action done']!)],
    ]),
  ),
  'undo: nothing to do': played(openAction('undo'), A['nothing to do']!),
  'undo: the second choice': played(openAction('undo'), A['previewed']!, 'next'),
  'remove: the second choice': played(openAction('remove'), A['previewed']!, 'next'),
  'undo: running': played(openAction('undo'), A['previewed']!, 'confirm'),
  'undo: stopping': played(openAction('undo'), A['previewed']!, 'confirm', 'interrupt'),
  'undo: failed': played(openAction('undo'), A['action failed']!),
  'start: failed, the second choice': played(openAction('start'), A['action failed']!, 'next'),
  'start: done, the second choice': played(openAction('start'), A['action done']!, 'next'),
  'undo: with notes': notePanel(notePanel(openAction('undo').panel, 'a note'), 'another'),
  bundle: openBundle().panel,
  'bundle: none yet': played(openBundle(), A['no bundles']!),
  'bundle: one and a broken one': played(openBundle(), A['bundles']!),
  'bundle: the second choice': played(openBundle(), A['bundles']!, 'next'),
  'bundle: the last choice': played(openBundle(), A['bundles']!, 'last'),
  'bundle: a name': played(openBundle(), A['no bundles']!, 'confirm', { text: '/x' }),
  'bundle: another that is pointed at': played(
    openBundle(),
    bundles(candidate('/d/z'), candidate('/d/a')),
    'next',
  ),
  model: openModel().panel,
  'model: none chosen': played(openModel(), modelRead(null, null)),
  'model: chosen': played(openModel(), A['model read']!),
  'model: chosen without a name': played(openModel(), modelRead('a', null)),
  'model: unknown': played(openModel(), modelRead('z', 'z-1')),
  'model: the last choice': played(openModel(), modelRead(null, null), 'last'),
  'model: a name': played(openModel(), A['model read']!, 'confirm'),
  'model: a name of a backend without one': played(openModel(), modelRead(null, null), 'confirm', {
    text: 'a-1',
  }),
  'model: the name of another backend': played(openModel(), modelRead('a', 'a-9'), 'next', 'confirm'),
  'model: asked': played(openModel(), A['model read']!, 'confirm', 'confirm'),
  'model: stopping': played(openModel(), A['model read']!, 'confirm', 'confirm', 'interrupt'),
  'model: answers': played(openModel(), A['model read']!, 'confirm', 'confirm', probed(true)),
  'model: does not answer': played(openModel(), A['model read']!, 'confirm', 'confirm', probed(false)),
  'model: does not answer, the second choice': played(
    openModel(),
    A['model read']!,
    'confirm',
    'confirm',
    probed(false),
    'next',
  ),
  'model: answers, the third choice': played(
    openModel(),
    A['model read']!,
    'confirm',
    'confirm',
    probed(true),
    'next',
    'next',
  ),
  'model: answers, the last choice': played(
    openModel(),
    A['model read']!,
    'confirm',
    'confirm',
    probed(true),
    'last',
  ),
  'model: written down': played(openModel(), A['model read']!, 'confirm', 'confirm', probed(true), 'confirm'),
  'model: done': played(
    openModel(),
    A['model read']!,
    'confirm',
    'confirm',
    probed(true),
    'confirm',
    A['model written']!,
  ),
  page: openPage('network').panel,
  'page: read': played(openPage('network'), A['page read']!),
  sources: openSources().panel,
  'sources: read': played(openSources(), A['sources read']!),
  'sources: the second choice': played(openSources(), 'next'),
  'sources: the last choice': played(openSources(), 'last'),
  'sources: an index': played(openSources(), A['sources read']!, 'confirm', { text: 'https://n.example' }),
  'sources: a Python': played(openSources(), 'next', 'confirm', { text: '3.12' }),
  'sources: a proxy': played(openSources(), 'next', 'next', 'confirm', { text: 'p.example:1' }),
  'sources: hosts': played(openSources(), 'next', 'next', 'next', 'confirm', { text: 'a.example' }),
  'sources: a certificate': played(openSources(), ...repeated(4), 'confirm', { text: '/ca' }),
  'sources: a mirror': played(openSources(), ...repeated(5), 'confirm', { text: 'https://m.example' }),
  'sources: a hub': played(openSources(), ...repeated(6), 'confirm', { text: 'https://m.example' }),
  'sources: a folder': played(openSources(), A['sources read']!, ...repeated(7), 'confirm', { text: '/n' }),
  'sources: stored': played(openSources(), 'next', 'next', 'confirm', { text: 'p.example:1' }, 'confirm'),
  host: openHost().panel,
  'host: its name': played(openHost(), A['host unknown']!, { text: 'h' }),
  'host: the user': played(openHost(), A['host unknown']!, { text: 'h' }, 'confirm', { text: 'ada' }),
  'host: its address': played(
    openHost(),
    A['host unknown']!,
    { text: 'h' },
    'confirm',
    { text: 'ada' },
    'confirm',
    'confirm',
    'confirm',
    'confirm',
  ),
  'host: reading': played(openHost(), A['host unreachable']!, 'confirm'),
  'host: stopping to read': played(openHost(), A['host unreachable']!, 'confirm', 'back'),
  'host: unreachable': played(openHost(), A['host unreachable']!),
  'host: unreachable, the second choice': played(openHost(), A['host unreachable']!, 'next'),
  'host: unreachable, the last choice': played(openHost(), A['host unreachable']!, 'last'),
  'host: read': played(openHost(), A['host read']!),
  'host: read, a model': played(openHost(), A['host read']!, 'next'),
  'host: read, the connection': played(openHost(), A['host read']!, 'next', 'next'),
  'host: read, the last choice': played(openHost(), A['host read']!, 'last'),
  'host: edited as a whole': played(openHost(), A['host read']!, 'confirm'),
  'host: a model edited': played(openHost(), A['host read']!, 'next', 'confirm'),
  'host: the editor is stopped': played(openHost(), A['host read']!, 'confirm', 'interrupt'),
  'host: looked over': played(openHost(), A['host read']!, 'next', 'confirm', A['host edited']!),
  'host: looked over, the second choice': played(
    openHost(),
    A['host read']!,
    'next',
    'confirm',
    A['host edited']!,
    'next',
  ),
  'host: looked over, the last choice': played(
    openHost(),
    A['host read']!,
    'confirm',
    A['host edited']!,
    'last',
  ),
  'host: would be refused': played(openHost(), A['host read']!, 'confirm', A['host refused']!),
  'host: nothing was changed': played(openHost(), A['host read']!, 'confirm', A['host unedited']!),
  'host: applied to': played(
    openHost(),
    A['host read']!,
    'confirm',
    A['host edited']!,
    'confirm',
    step('one'),
    step('two'),
  ),
  'host: told to stop': played(
    openHost(),
    A['host read']!,
    'confirm',
    A['host edited']!,
    'confirm',
    'interrupt',
  ),
  'host: changed': played(
    openHost(),
    A['host read']!,
    'confirm',
    A['host edited']!,
    'confirm',
    step('one'),
    step('two'),
    applied(true),
  ),
  'host: not changed': played(
    openHost(),
    A['host read']!,
    'confirm',
    A['host edited']!,
    'confirm',
    step('one'),
    step('two'),
    applied(false),
  ),
  'host: changed, the last choice': played(openHost(), applied(true), 'last'),
  'host: of a demo': played(openHost(), demoAnswer({ type: 'read-host', connection: DEMO_CONNECTION })),
};

function repeated(count: number): Command[] {
  return Array.from({ length: count }, () => 'next');
}

const text = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

function stepWords(panel: Panel, made: AnyStep): string | null {
  if ('exit' in made) return `leaves ${text(made.exit)}`;
  const changed = [...differences(panel, made.panel, text)];
  const effect = made.effect === undefined ? [] : [`> ${text(made.effect)}`];
  return [...changed, ...effect].join('; ') || null;
}

function* linesOf(name: string, panel: Panel): Generator<string> {
  const view = panelView(panel);
  yield `== ${name}`;
  yield `${view.status}: ${view.title}`;
  for (const line of view.lines)
    yield `  ${[line.mark, line.tone].map((it) => it ?? '-').join(' ')} | ${line.text}`;
  for (const [index, { id, label, about }] of view.choices.entries())
    yield `${index === view.cursor ? '>' : ' '} [${id}] ${label}${about ? ` (${about})` : ''}`;
  if (view.field) yield `field ${text(view.field)}`;
  yield `busy ${isPanelBusy(panel)}, outcome ${text(panelOutcome(panel))}`;
  for (const command of COMMANDS) {
    const words = stepWords(panel, onPanelCommand(panel, command));
    if (words !== null) yield `${command.padEnd(12)} ${words}`;
  }
  for (const [answer, value] of Object.entries(ANSWERS)) {
    const words = stepWords(panel, onPanelAnswer(panel, value));
    if (words !== null) yield `${answer.padEnd(16)} ${words}`;
  }
  yield `types ${stepWords(panel, { panel: typeIntoPanel(panel, 'x') })}`;
  yield `stopped ${stepWords(panel, onPanelStopped(panel))}`;
  const refused = onPanelRefused(panel, 'It is wrong');
  if (refused !== null) yield `refused ${stepWords(panel, { panel: refused })}`;
  yield '';
}

it('what every command, answer and text does to every panel', async () => {
  const found = Object.entries(PANELS).flatMap(([name, panel]) => [...linesOf(name, panel)]);
  await expect(found.join('\n')).toMatchFileSnapshot('tables/panels.txt');
});

it('keeps the last twenty notes', () => {
  let panel: Panel = openAction('undo').panel;
  for (let index = 0; index < 25; index++) panel = notePanel(panel, `${index}`);
  expect(panel).toMatchObject({ notes: Array.from({ length: 20 }, (_, index) => `${index + 5}`) });
  expect(notePanel(openModel().panel, 'x')).toEqual(openModel().panel);
});
