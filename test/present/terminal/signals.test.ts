import { describe, expect, it } from 'vitest';
import { createSignals, signalTraits } from '../../../src/present/terminal/signals.ts';
import { hasStyles } from '../../../src/present/terminal/styles.ts';
import { themeOf } from '../../../src/present/terminal/theme.ts';
import { isWorthABell, wizardSignal } from '../../../src/present/terminal/wizard-signal.ts';
import type { InstallingState, WizardState } from '../../../src/wizard/state.ts';
import { STATES } from '../../fixtures/screen-states.ts';

it.each([
  ['xterm', { TERM: 'xterm-256color' }, true, false],
  ['Windows Terminal', { WT_SESSION: '1' }, true, true],
  ['ConEmu', { ConEmuANSI: 'ON', TERM: 'xterm' }, true, true],
  ['ghostty', { TERM: 'xterm-ghostty', TERM_PROGRAM: 'ghostty' }, true, true],
  ['WezTerm', { TERM: 'xterm-256color', TERM_PROGRAM: 'WezTerm' }, true, true],
  [
    'iTerm2 that notifies instead',
    { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.14' },
    true,
    false,
  ],
  ['iTerm2', { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.6.10' }, true, true],
  ['VTE', { TERM: 'xterm-256color', VTE_VERSION: '8000' }, true, true],
  ['an older VTE', { TERM: 'xterm-256color', VTE_VERSION: '7600' }, true, false],
  [
    'tmux in ghostty',
    { TERM: 'tmux-256color', TERM_PROGRAM: 'tmux', TMUX: '/tmp/x', WT_SESSION: '1' },
    true,
    false,
  ],
  ['the Linux console', { TERM: 'linux' }, false, false],
  ['an unknown one', { TERM: 'vt52' }, false, false],
  ['a terminal that says nothing of itself', {}, false, false],
  ['ConEmu where ANSI is off', { ConEmuANSI: 'OFF', TERM: 'xterm' }, true, false],
  ['screen in WezTerm', { TERM: 'screen.xterm-256color', TERM_PROGRAM: 'WezTerm' }, true, false],
  ['a name that only contains tmux', { TERM: 'my-tmux', TERM_PROGRAM: 'ghostty' }, true, true],
  ['TMUX alone', { TERM: 'xterm', TERM_PROGRAM: 'ghostty', TMUX: '/tmp/x' }, true, false],
  ['Apple Terminal', { TERM_PROGRAM: 'Apple_Terminal' }, true, false],
  ['the first VTE that shows progress', { VTE_VERSION: '7900' }, false, true],
  ['the last VTE that does not', { VTE_VERSION: '7899' }, false, false],
  ['a name that only contains xterm', { TERM: 'my-xterm' }, false, false],
])('%s', (_name, env, hasTitle, hasProgress) => {
  expect(signalTraits(env)).toEqual({ hasTitle, hasProgress });
});

it.each([
  'xterm',
  'rxvt-unicode',
  'screen',
  'tmux',
  'foot',
  'alacritty',
  'wezterm',
  'konsole',
  'st-256color',
])('%s has a title', (TERM) => {
  expect(signalTraits({ TERM })).toEqual({ hasTitle: true, hasProgress: false });
});

it.each([
  ['3.6.6', true],
  ['3.6.5', false],
  ['3.6', false],
  ['3.6.7', true],
  ['3.7', true],
  ['3.5.99', false],
  ['4', true],
  ['2.9.9', false],
  ['3.6.6.1', true],
  [undefined, false],
])('progress of iTerm2 %s: %s', (version, hasProgress) => {
  const env = { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: version };
  expect(signalTraits(env).hasProgress).toBe(hasProgress);
});

it('iTerm2 counts by its name', () => {
  expect(signalTraits({ TERM_PROGRAM: 'other', TERM_PROGRAM_VERSION: '9' }).hasProgress).toBe(false);
});

describe('signals', () => {
  it('are sent once, and taken back', () => {
    const signals = createSignals({ hasTitle: true, hasProgress: true });
    expect(signals.show({ title: 'a' })).toBe('\u001b[22;2t\u001b]2;a\u0007');
    expect(signals.show({ title: 'a' })).toBe('');
    expect(signals.show({ title: 'a', percent: 43.4 })).toBe('\u001b]9;4;1;43\u0007');
    expect(signals.show({ title: 'b', percent: 43 })).toBe('\u001b]2;b\u0007');
    expect(signals.show({ title: 'b', hasFailed: true })).toBe('\u001b]9;4;2;100\u0007');
    expect(signals.clear()).toBe('\u001b[23;2t\u001b]9;4;0\u0007');
    expect(signals.clear()).toBe('');
    expect(signals.show({ title: 'b' })).toBe('\u001b[22;2t\u001b]2;b\u0007');
  });
  it('say how far it is, also when that is not known', () => {
    const signals = createSignals({ hasTitle: false, hasProgress: true });
    expect(signals.show({ title: 'a' })).toBe('');
    expect(signals.show({ title: 'a', percent: null })).toBe('\u001b]9;4;3\u0007');
    expect(signals.show({ title: 'a', percent: null })).toBe('');
    expect(signals.show({ title: 'a', percent: 0 })).toBe('\u001b]9;4;1;0\u0007');
    expect(signals.show({ title: 'a', percent: 99.6 })).toBe('\u001b]9;4;1;100\u0007');
    expect(signals.show({ title: 'a', percent: 5, hasFailed: true })).toBe('\u001b]9;4;2;100\u0007');
    expect(signals.show({ title: 'a' })).toBe('\u001b]9;4;0\u0007');
    expect(signals.show({ title: 'a' })).toBe('');
    expect(signals.clear()).toBe('\u001b]9;4;0\u0007');
    expect(signals.clear()).toBe('');
  });
  it('a title alone', () => {
    const signals = createSignals({ hasTitle: true, hasProgress: false });
    expect(signals.show({ title: 'a', percent: 1 })).toBe('\u001b[22;2t\u001b]2;a\u0007');
    expect(signals.clear()).toBe('\u001b[23;2t');
  });
  it('are not sent to a terminal that takes none', () => {
    const signals = createSignals({ hasTitle: false, hasProgress: false });
    expect(signals.show({ title: 'a', percent: 1 })).toBe('');
    expect(signals.clear()).toBe('');
  });
});

it.each([
  ['features', { title: 'ktx setup' }],
  ['probing', { title: 'ktx setup · planning', percent: null }],
  ['plan', { title: 'ktx setup · plan' }],
  ['installing', { title: 'ktx setup · installing 40%', percent: 40 }],
  ['stopping', { title: 'ktx setup · stopping', percent: null }],
  ['checking', { title: 'ktx setup · checking', percent: null }],
  ['checked', { title: 'ktx setup · checked' }],
  ['failure', { title: 'ktx setup · failed', hasFailed: true }],
  ['ready', { title: 'ktx setup' }],
])('says what is going on: %s', (name, signal) => {
  const state = STATES[name]!;
  const at = state.screen === 'installing' ? { ...state.progress, share: 0.409 } : null;
  expect(wizardSignal(at === null ? state : ({ ...state, progress: at } as WizardState))).toEqual(signal);
});

describe('the bell', () => {
  const installing = STATES['installing']! as InstallingState;
  const { startedAtMs } = installing.progress;
  const ending = (name: string, durationMs: number) => ({
    ...STATES[name]!,
    nowMs: startedAtMs + durationMs,
  });
  it.each([
    ['rings at the end of what took long', installing, ending('failure', 10_000), true],
    ['rings for a success too', installing, ending('checking', 60_000), true],
    ['not for what took a moment', installing, ending('failure', 9999), false],
    ['not while it goes on', installing, ending('installing', 60_000), false],
    ['not for somebody who left', installing, ending('left', 60_000), false],
    ['not for other screens', ending('failure', 60_000), ending('failure', 90_000), false],
    ['once', ending('checking', 60_000), ending('checked', 90_000), false],
  ])('%s', (_what, before, next, isWorthIt) => {
    expect(isWorthABell(before as WizardState, next as WizardState)).toBe(isWorthIt);
  });
});

it.each([
  [{}, true],
  [{ TERM: 'xterm' }, true],
  [{ TERM: 'dumb' }, false],
  [{ FORCE_COLOR: '0' }, false],
  [{ FORCE_COLOR: 'false' }, false],
  [{ FORCE_COLOR: '1' }, true],
  [{ NO_COLOR: '1' }, true],
])('styles in %j: %s', (env, expected) => {
  expect(hasStyles(env)).toBe(expected);
});

it.each([
  [{}, { hasColour: true, isLight: false }],
  [{ NO_COLOR: '1' }, { hasColour: false, isLight: false }],
  [{ NO_COLOR: '' }, { hasColour: true, isLight: false }],
  [{ COLORFGBG: '0;15' }, { hasColour: true, isLight: true }],
  [{ COLORFGBG: '0;default;7' }, { hasColour: true, isLight: true }],
  [{ COLORFGBG: '15;8' }, { hasColour: true, isLight: false }],
  [{ COLORFGBG: '15;9' }, { hasColour: true, isLight: true }],
  [{ COLORFGBG: '15;0' }, { hasColour: true, isLight: false }],
  [{ COLORFGBG: '7;default' }, { hasColour: true, isLight: false }],
  [{ COLORFGBG: '15;15;' }, { hasColour: true, isLight: false }],
  [{ COLORFGBG: '15' }, { hasColour: true, isLight: false }],
])('the theme in %j', (env, expected) => {
  expect(themeOf(env, '/home/ada')).toEqual({ ...expected, homeDir: '/home/ada' });
});
