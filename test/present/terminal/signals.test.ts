import { describe, expect, it } from 'vitest';
import { createSignals, signalTraits } from '../../../src/present/terminal/signals.ts';
import { isWorthABell, wizardSignal } from '../../../src/present/terminal/wizard-signal.ts';
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
])('%s', (_name, env, hasTitle, hasProgress) => {
  expect(signalTraits(env)).toEqual({ hasTitle, hasProgress });
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
  it('are not sent to a terminal that takes none', () => {
    const signals = createSignals({ hasTitle: false, hasProgress: false });
    expect(signals.show({ title: 'a', percent: 1 })).toBe('');
    expect(signals.clear()).toBe('');
  });
});

it('says what is going on', () => {
  expect(wizardSignal(STATES['features']!).title).toBe('ktx setup');
  expect(wizardSignal(STATES['installing']!).title).toMatch(/^ktx setup · installing \d+%$/);
  expect(wizardSignal(STATES['probing']!).percent).toBeNull();
  expect(wizardSignal(STATES['failure']!).hasFailed).toBe(true);
});

it('rings once, at the end of what took long', () => {
  const installing = STATES['installing']!;
  const later = { ...STATES['failure']!, nowMs: installing.nowMs + 60_000 };
  expect(isWorthABell(installing, later)).toBe(true);
  expect(isWorthABell(later, later)).toBe(false);
  expect(isWorthABell(installing, { ...later, nowMs: 0 })).toBe(false);
});
