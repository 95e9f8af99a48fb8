import { describe, expect, it } from 'vitest';
import { openAction } from '../../../src/wizard/panels/action-panel.ts';
import { type BundleCandidate, openBundle } from '../../../src/wizard/panels/bundle-panel.ts';
import { mergedChanges } from '../../../src/wizard/panels/changes.ts';
import type { Command } from '../../../src/wizard/panels/command.ts';
import { HOST_FIELDS, openHost } from '../../../src/wizard/panels/host-panel.ts';
import { openModel } from '../../../src/wizard/panels/model-panel.ts';
import {
  type AnyStep,
  onPanelAnswer,
  onPanelCommand,
  onPanelStopped,
  type Panel,
  type PanelAnswer,
  type PanelEffect,
  panelField,
  panelView,
  typeIntoPanel,
} from '../../../src/wizard/panels/panels.ts';
import { DEMO_CONNECTION, demoAnswer } from '../../pty/demo-panels.ts';

type Happening = Command | { typed: string } | { answer: PanelAnswer } | 'the answer';

/** The last step of a panel after all this; `the answer` is what the library would say to the last effect. */
function play(opened: { panel: Panel; effect?: PanelEffect }, ...all: Happening[]): AnyStep {
  let step: AnyStep = opened;
  let effect = opened.effect;
  for (const one of all) {
    if ('exit' in step) throw new Error(`it has been left: ${JSON.stringify(step)}`);
    const { panel }: { panel: Panel } = step;
    if (one === 'the answer') step = onPanelAnswer(panel, demoAnswer(effect!));
    else if (typeof one === 'string') step = onPanelCommand(panel, one);
    else if ('typed' in one) step = { panel: typeIntoPanel(panel, one.typed) };
    else step = onPanelAnswer(panel, one.answer);
    if ('effect' in step && typeof step.effect === 'object') effect = step.effect;
  }
  return step;
}

const panelOf = (step: AnyStep): Panel => {
  if ('exit' in step) throw new Error(`it has been left: ${JSON.stringify(step)}`);
  return step.panel;
};
const labels = (step: AnyStep) => panelView(panelOf(step)).choices.map(({ label }) => label);

describe('an action', () => {
  it.each(['remove', 'prune'] as const)('%s is not under the first Enter', (action) => {
    const preview = { lines: [], question: 'Delete it?' };
    const asked = { answer: { type: 'action-previewed' as const, preview } };
    expect(play(openAction(action), asked, 'confirm')).toEqual({ exit: { to: 'behind' } });
    expect(play(openAction(action), asked, 'next', 'confirm')).toMatchObject({
      effect: { type: 'run-action', action },
    });
  });

  it('that has nothing to do can only be left', () => {
    expect(labels(play(openAction('prune'), 'the answer'))).toEqual(['Back']);
  });

  it('changes what the menu shows, so that is read again', () => {
    const done = play(openAction('undo'), 'the answer', 'confirm', 'the answer');
    expect(onPanelCommand(panelOf(done), 'confirm')).toEqual({ exit: { to: 'overview' } });
    const started = play(openAction('start'), 'the answer', 'confirm');
    expect(started).toEqual({ exit: { to: 'changed' } });
  });

  it('offers to stop the daemon that it has started', () => {
    const started = play(openAction('start'), 'the answer');
    expect(panelView(panelOf(started)).choices.map(({ id }) => id)).toEqual(['back', 'stop']);
    expect(play({ panel: panelOf(started) }, 'next', 'confirm')).toMatchObject({
      effect: { type: 'run-action', action: 'stop' },
    });
  });

  it('is told to stop once, and says what became of it', () => {
    const stopping = play(openAction('undo'), 'the answer', 'confirm', 'interrupt');
    expect(stopping).toMatchObject({ effect: 'cancel', panel: { isStopping: true } });
    expect(play({ panel: panelOf(stopping) }, 'interrupt')).not.toHaveProperty('effect');
    const stopped = panelView(panelOf(onPanelStopped(panelOf(stopping))));
    expect(stopped.lines.map(({ text }) => text).join()).toContain('Nothing was switched');
  });
});

describe('the model of a project', () => {
  const choose = ['the answer', 'next', 'confirm'] as const;

  it('is asked before it is written', () => {
    expect(play(openModel(), ...choose, 'confirm')).toMatchObject({
      effect: { type: 'probe-model', backend: 'codex', model: 'gpt-5.5' },
    });
    expect(play(openModel(), ...choose, 'confirm', 'the answer', 'confirm')).toMatchObject({
      effect: { type: 'write-model', backend: 'codex', model: 'gpt-5.5' },
    });
  });

  it('that does not answer cannot be written', () => {
    const step = play(openModel(), ...choose, { typed: 'gpt-wrong' }, 'confirm', 'the answer');
    expect(labels(step)).toEqual(['Ask again', 'Another model', 'Another backend', 'Back']);
  });
});

describe('a model host', () => {
  it('that is not known is asked for field by field, with what is usual', () => {
    let step = play(openHost(), { answer: { type: 'host-unknown' } });
    for (const { id } of HOST_FIELDS) {
      expect(panelField(panelOf(step))?.spec.id).toBe(id);
      const typed = id === 'host' ? 'models.example' : id === 'user' ? 'ada' : '';
      step = play({ panel: panelOf(step) }, { typed }, 'confirm');
    }
    expect(step).toMatchObject({
      effect: {
        type: 'read-host',
        connection: { host: 'models.example', user: 'ada', baseUrl: 'http://models.example:8080' },
      },
    });
  });

  it('applies what was reviewed, from the text that it was made of', () => {
    const edited = play(openHost(), 'the answer', 'next', 'confirm');
    expect(edited).toMatchObject({ effect: { type: 'edit-host', model: 'qwen-4b' } });
    const applied = play(openHost(), 'the answer', 'next', 'confirm', 'the answer', 'confirm');
    const base = demoAnswer({ type: 'read-host', connection: null });
    if (base.type !== 'host-read') throw new Error(base.type);
    expect(applied).toMatchObject({
      effect: { type: 'apply-host', connection: DEMO_CONNECTION, base: base.facts.text },
    });
  });

  it('would not be given what it refuses', () => {
    const review = { text: 'x', diff: '+ x', errors: ['/models must be object'] };
    const step = play(openHost(), 'the answer', 'confirm', { answer: { type: 'host-edited', review } });
    expect(labels(step)).toEqual(['Edit again', 'Discard the change']);
  });

  it('stays as it is when the editor changed nothing', () => {
    const review = { text: 'x', diff: '', errors: [] };
    const step = play(openHost(), 'the answer', 'confirm', { answer: { type: 'host-edited', review } });
    expect(panelView(panelOf(step)).lines.map(({ text }) => text)).toContain('Nothing was changed.');
  });
});

describe('a bundle', () => {
  const facts = (...candidates: BundleCandidate[]) => ({
    answer: {
      type: 'bundles' as const,
      facts: { command: 'ktx bundle create', file: 'a.bundle', folders: ['/d'], candidates },
    },
  });
  const whole = (path: string): BundleCandidate => ({ path, size: '1 MB', problem: null });
  const cut = (path: string): BundleCandidate => ({ path, size: '1 MB', problem: 'ends too early' });

  it('that arrives while it is waited for is taken', () => {
    expect(play(openBundle(), facts(), facts(cut('/d/a')), facts(whole('/d/a')))).toEqual({
      exit: { to: 'plan', changes: { bundlePath: '/d/a' } },
    });
  });

  it('that lay there before is offered', () => {
    const step = play(openBundle(), facts(whole('/d/old')));
    expect(labels(step)).toEqual(['Use /d/old (1 MB)', 'Choose a file or folder …', 'Back']);
    expect(play({ panel: panelOf(step) }, 'confirm')).toEqual({
      exit: { to: 'plan', changes: { bundlePath: '/d/old' } },
    });
  });

  it('that is cut short is named, and not offered', () => {
    const step = play(openBundle(), facts(cut('/d/a')));
    expect(labels(step)).toEqual(['Choose a file or folder …', 'Back']);
    expect(panelView(panelOf(step)).lines.map(({ text }) => text)).toContain('/d/a (1 MB): ends too early');
  });

  it('keeps the pointer where it is while files come and go', () => {
    const named = play(openBundle(), facts(whole('/d/b')), 'next');
    const more = play({ panel: panelOf(named) }, facts(cut('/d/a'), whole('/d/b')));
    expect(panelView(panelOf(more)).choices[panelView(panelOf(more)).cursor]?.id).toBe('name');
    const fewer = play({ panel: panelOf(named) }, facts());
    expect(panelView(panelOf(fewer)).choices[panelView(panelOf(fewer)).cursor]?.id).toBe('name');
  });

  it('that goes away under the pointer leaves it on no other file', () => {
    const both = play(openBundle(), facts(whole('/d/a'), whole('/d/b')));
    const gone = play({ panel: panelOf(both) }, facts(whole('/d/b')));
    const { choices, cursor } = panelView(panelOf(gone));
    expect(choices[cursor]?.id).toBe('name');
  });

  it('that went away and comes back is what was waited for', () => {
    expect(play(openBundle(), facts(whole('/d/a')), facts(), facts(whole('/d/a')))).toEqual({
      exit: { to: 'plan', changes: { bundlePath: '/d/a' } },
    });
  });

  it('does not interrupt somebody who types', () => {
    const step = play(openBundle(), facts(), 'confirm', { typed: '/x' }, facts(whole('/d/a')));
    expect(panelField(panelOf(step))?.text).toBe('/x');
  });
});

it('an index that is named later is asked instead of a bundle', () => {
  expect(mergedChanges({ bundlePath: '/b' }, { indexUrl: 'https://i.example' })).toEqual({
    indexUrl: 'https://i.example',
  });
  expect(mergedChanges({ env: { A: '1' } }, { env: { B: '2' } })).toEqual({ env: { A: '1', B: '2' } });
});
