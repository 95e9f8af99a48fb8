import { availableOffers, failureChoices } from './choices.ts';
import type { Command, WizardState } from './state.ts';

/** A key by its name, or the character itself. */
export type KeyName = string;

export interface KeyBinding {
  keys: readonly KeyName[];
  command: Command;
  /** What is painted: `↑↓`. Bindings with the same label are one entry. */
  label: string;
  /** One or two words for the footer. */
  hint: string;
  /** `false`: only behind `?`. */
  isInFooter: boolean;
}

const CHOOSE = (label: '↑↓' | '←→'): KeyBinding[] => [
  {
    keys: label === '↑↓' ? ['up'] : ['left', 'up'],
    command: 'previous',
    label,
    hint: 'choose',
    isInFooter: true,
  },
  {
    keys: label === '↑↓' ? ['down'] : ['right', 'down', 'tab'],
    command: 'next',
    label,
    hint: 'choose',
    isInFooter: true,
  },
];
const SCROLL: KeyBinding[] = [
  { keys: ['up'], command: 'scroll-up', label: '↑↓', hint: 'scroll', isInFooter: true },
  { keys: ['down'], command: 'scroll-down', label: '↑↓', hint: 'scroll', isInFooter: true },
  { keys: ['pageup'], command: 'page-up', label: 'pgup pgdn', hint: 'page', isInFooter: false },
  {
    keys: ['pagedown'],
    command: 'page-down',
    label: 'pgup pgdn',
    hint: 'page',
    isInFooter: false,
  },
  { keys: ['home'], command: 'log-start', label: 'home', hint: 'start', isInFooter: false },
  { keys: ['end'], command: 'log-end', label: 'end', hint: 'follow', isInFooter: true },
];
const HELP: KeyBinding = { keys: ['?'], command: 'help', label: '?', hint: 'help', isInFooter: true };
const QUIT: KeyBinding = { keys: ['q'], command: 'quit', label: 'q', hint: 'quit', isInFooter: true };
const INTERRUPT: KeyBinding = {
  keys: ['ctrl+c'],
  command: 'interrupt',
  label: 'ctrl+c',
  hint: 'quit',
  isInFooter: false,
};
const LEAVE = [HELP, QUIT, INTERRUPT];

function confirm(hint: string): KeyBinding {
  return { keys: ['enter'], command: 'confirm', label: 'enter', hint, isInFooter: true };
}

function back(hint: string): KeyBinding {
  return { keys: ['escape'], command: 'back', label: 'esc', hint, isInFooter: true };
}

/** The keys of a state. This one table reads keys, paints the footer and fills the help: they cannot disagree. */
export function keyBindings(state: WizardState): readonly KeyBinding[] {
  if (state.isHelpOpen) {
    return [
      {
        keys: ['?', 'escape', 'enter', 'q'],
        command: 'help',
        label: '? esc',
        hint: 'close',
        isInFooter: true,
      },
      INTERRUPT,
    ];
  }
  switch (state.screen) {
    case 'loading':
      return [QUIT, INTERRUPT];
    case 'ready':
      return [...CHOOSE('↑↓'), confirm('do it'), ...LEAVE];
    case 'features':
      return [
        ...(availableOffers(state).length > 1 ? CHOOSE('↑↓') : []),
        ...(availableOffers(state).length > 0 ? [confirm('continue')] : []),
        ...(state.overview.status.kind === 'ready' ? [back('back')] : []),
        ...LEAVE,
      ];
    case 'plan':
      return state.summary === null
        ? [back('back'), ...LEAVE]
        : [...CHOOSE('←→'), confirm('confirm'), back('back'), ...LEAVE];
    case 'installing':
      if (state.isStopping) return [...SCROLL, HELP];
      if (state.stopQuestion) {
        return [
          ...CHOOSE('←→'),
          confirm('confirm'),
          { keys: ['y'], command: 'stop-yes', label: 'y', hint: 'stop', isInFooter: true },
          { keys: ['n', 'escape'], command: 'stop-no', label: 'n', hint: 'keep going', isInFooter: true },
          { ...INTERRUPT, hint: 'stop now', isInFooter: true },
        ];
      }
      if (state.find?.isTyping) {
        return [
          confirm('find'),
          { keys: ['backspace'], command: 'erase', label: 'backspace', hint: 'erase', isInFooter: false },
          { keys: ['ctrl+u'], command: 'erase-all', label: 'ctrl+u', hint: 'erase all', isInFooter: true },
          back('back'),
          { ...INTERRUPT, hint: 'stop', isInFooter: true },
        ];
      }
      return [
        ...SCROLL,
        { keys: ['/'], command: 'find', label: '/', hint: 'find', isInFooter: true },
        ...(state.find
          ? [
              { keys: ['n'], command: 'find-above' as const, label: 'n N', hint: 'next', isInFooter: true },
              { keys: ['N'], command: 'find-below' as const, label: 'n N', hint: 'next', isInFooter: true },
            ]
          : []),
        { keys: ['w'], command: 'toggle-wrap', label: 'w', hint: 'wrap', isInFooter: false },
        {
          keys: ['f'],
          command: 'toggle-log',
          label: 'f',
          hint: state.isLogFull ? 'smaller log' : 'full log',
          isInFooter: true,
        },
        ...(state.find
          ? [{ ...back('end find'), isInFooter: false }]
          : state.isLogFull
            ? [{ ...back('smaller log'), isInFooter: false }]
            : []),
        HELP,
        { ...INTERRUPT, hint: 'stop', isInFooter: true },
      ];
    case 'failure':
      if (state.isMending) return [INTERRUPT];
      if (state.field) {
        return [
          confirm('use it'),
          { keys: ['backspace'], command: 'erase', label: 'backspace', hint: 'erase', isInFooter: false },
          { keys: ['ctrl+u'], command: 'erase-all', label: 'ctrl+u', hint: 'erase all', isInFooter: true },
          back('back'),
          { ...INTERRUPT, isInFooter: true },
        ];
      }
      if (state.log) return [...SCROLL, back('back'), ...LEAVE];
      return [
        ...(failureChoices(state).length > 1 ? CHOOSE('↑↓') : []),
        confirm('do it'),
        ...(state.retry === 'install' ? [back('back to the plan')] : []),
        ...(state.retry === 'plan' && state.overview ? [back('back')] : []),
        ...LEAVE,
      ];
    case 'check':
      return [
        { keys: ['up'], command: 'scroll-up', label: '↑↓', hint: 'scroll', isInFooter: false },
        { keys: ['down'], command: 'scroll-down', label: '↑↓', hint: 'scroll', isInFooter: false },
        { keys: ['space'], command: 'toggle-details', label: 'space', hint: 'details', isInFooter: true },
        ...(state.undo
          ? [
              {
                keys: ['u'],
                command: 'undo' as const,
                label: 'u',
                hint: state.undo.direction === 'back' ? 'undo' : 'redo',
                isInFooter: true,
              },
            ]
          : []),
        ...(state.isRunning ? [] : [confirm('done')]),
        ...(state.isRunning || state.result ? [] : [back('back')]),
        ...LEAVE,
      ];
    case 'left':
      return [];
  }
}

/** What a key means now; `null` when it means nothing. */
export function commandFor(state: WizardState, key: KeyName): Command | null {
  return keyBindings(state).find((binding) => binding.keys.includes(key))?.command ?? null;
}

/** The character that a key types where a field is open; `null`: it means something else there, or no field is open. */
export function typedText(state: WizardState, key: KeyName): string | null {
  const isTyping =
    state.screen === 'failure'
      ? state.field !== null
      : state.screen === 'installing' && state.find?.isTyping && !state.stopQuestion && !state.isStopping;
  if (!isTyping || state.isHelpOpen) return null;
  if (key === 'space') return ' ';
  return [...key].length === 1 ? key : null;
}

export interface KeyHint {
  label: string;
  hint: string;
}

/** Entries of the footer or the help, one per label. */
export function keyHints(state: WizardState, where: 'footer' | 'help'): readonly KeyHint[] {
  const bindings = keyBindings(state).filter((binding) => where === 'help' || binding.isInFooter);
  const seen = new Map<string, KeyHint>();
  for (const { label, hint } of bindings) if (!seen.has(label)) seen.set(label, { label, hint });
  return [...seen.values()];
}

/** The part of Ink's `Key` that is read here. */
export interface InkKey {
  upArrow: boolean;
  downArrow: boolean;
  leftArrow: boolean;
  rightArrow: boolean;
  pageUp: boolean;
  pageDown: boolean;
  home: boolean;
  end: boolean;
  return: boolean;
  escape: boolean;
  tab: boolean;
  backspace?: boolean;
  delete?: boolean;
  ctrl: boolean;
  meta: boolean;
}

/**
 * The keys of one input event. Keys that arrive together come as one string ("\rabc"), so it is taken apart. A line
 * feed is Enter as well: that is what a terminal sends which is not in raw mode yet.
 */
export function keyPresses(input: string, key: InkKey): KeyName[] {
  if (key.upArrow) return ['up'];
  if (key.downArrow) return ['down'];
  if (key.leftArrow) return ['left'];
  if (key.rightArrow) return ['right'];
  if (key.pageUp) return ['pageup'];
  if (key.pageDown) return ['pagedown'];
  if (key.home) return ['home'];
  if (key.end) return ['end'];
  if (key.return) return ['enter'];
  if (key.escape) return ['escape'];
  if (key.tab) return ['tab'];
  if (key.backspace || key.delete) return ['backspace'];
  if (key.ctrl) return [`ctrl+${input}`];
  if (key.meta) return [];
  return Array.from(input, (character) => KEY_OF_CHARACTER[character] ?? character);
}

const KEY_OF_CHARACTER: Record<string, KeyName> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  ' ': 'space',
  '\u001b': 'escape',
  '\u0003': 'ctrl+c',
  '\u000c': 'ctrl+l',
  '\u007f': 'backspace',
  '\u0015': 'ctrl+u',
  '\u001a': 'ctrl+z',
};
