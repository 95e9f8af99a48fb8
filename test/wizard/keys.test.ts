import { describe, expect, it } from 'vitest';
import { commandFor, type InkKey, keyBindings, keyHints, keyPresses } from '../../src/wizard/keys.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import {
  checking,
  failure,
  features,
  installing,
  loading,
  plan,
  probing,
  ready,
  run,
} from '../fixtures/wizard-states.ts';

const NO_KEY: InkKey = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageUp: false,
  pageDown: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  tab: false,
  ctrl: false,
  meta: false,
};

describe('keyPresses', () => {
  it.each<[string, string, Partial<InkKey>, string[]]>([
    ['an arrow', '', { upArrow: true }, ['up']],
    ['down', '', { downArrow: true }, ['down']],
    ['left', '', { leftArrow: true }, ['left']],
    ['right', '', { rightArrow: true }, ['right']],
    ['page up', '', { pageUp: true }, ['pageup']],
    ['page down', '', { pageDown: true }, ['pagedown']],
    ['home', '', { home: true }, ['home']],
    ['end', '', { end: true }, ['end']],
    ['Tab', '', { tab: true }, ['tab']],
    ['backspace', '', { backspace: true }, ['backspace']],
    ['delete', '', { delete: true }, ['backspace']],
    [
      'each key that has a name',
      '\t \u001b\u000c\u007f\u0015\u001a',
      {},
      ['tab', 'space', 'escape', 'ctrl+l', 'backspace', 'ctrl+u', 'ctrl+z'],
    ],
    ['Enter', '\r', { return: true }, ['enter']],
    ['Enter of a terminal not yet in raw mode', '\n', {}, ['enter']],
    ['keys that came together', '\rabc', {}, ['enter', 'a', 'b', 'c']],
    ['Ctrl+C', 'c', { ctrl: true }, ['ctrl+c']],
    ['Ctrl+C among other keys', 'q\u0003', {}, ['q', 'ctrl+c']],
    ['a space', ' ', {}, ['space']],
    ['Esc', '', { escape: true }, ['escape']],
    ['a key with Alt, which means nothing', 'q', { meta: true }, []],
    ['a character outside the first plane', '😀', {}, ['😀']],
  ])('%s', (_name, input, key, expected) => {
    expect(keyPresses(input, { ...NO_KEY, ...key })).toEqual(expected);
  });
});

const STATES: Record<string, WizardState> = {
  loading: loading(),
  features: features(),
  ready: ready(),
  probing: probing(),
  plan: plan(),
  installing: installing(),
  'full log': run(installing(), 'toggle-log').next,
  'stop question': run(installing(), 'interrupt').next,
  stopping: run(installing(), 'interrupt', 'interrupt').next,
  failure: failure(),
  'log of a failure': run(failure(), 'toggle-log').next,
  checking: checking(),
  help: run(plan(), 'help').next,
};

describe.each(Object.entries(STATES))('keys of %s', (name, state) => {
  it('mean one thing each', () => {
    const keys = keyBindings(state).flatMap((binding) => binding.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
  it('are all in the footer or behind ?', () => {
    const shown = keyHints(state, 'help').map((hint) => hint.label);
    for (const binding of keyBindings(state)) expect(shown).toContain(binding.label);
    const hidden = keyBindings(state).filter((binding) => !binding.isInFooter);
    const hasHelp = commandFor(state, '?') === 'help';
    // Ctrl+C works everywhere, and everybody knows it.
    if (hidden.some((binding) => binding.command !== 'interrupt')) expect(hasHelp).toBe(true);
  });
  it('always have a way out', () => {
    if (name !== 'stopping') expect(commandFor(state, 'ctrl+c')).toBe('interrupt');
  });
});

it('shows no choosing where there is nothing to choose', () => {
  const state = features();
  if (state.screen !== 'features') throw new Error(state.screen);
  const overview = { ...state.overview, offers: state.overview.offers.slice(0, 1) };
  expect(keyHints({ ...state, overview }, 'footer').map((hint) => hint.label)).toEqual(['enter', '?', 'q']);
});
