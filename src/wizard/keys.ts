import { availableOffers, canStart, canStop, failureChoices } from './choices.ts';
import { isPanelBusy, panelField, panelView } from './panels/panels.ts';
import { isRepairable, isRepairBusy } from './panels/repair-run.ts';
import type { CheckState, Command, PanelState, WizardState } from './state.ts';

/** The name of a key, or the character itself. */
export type KeyName = string;

export interface KeyBinding {
  keys: readonly KeyName[];
  command: Command;
  /** Displayed keys: `↑↓`. Bindings with the same label share one entry. */
  label: string;
  /** One or two words for the footer. */
  hint: string;
  /** `false`: only in the help (`?`). */
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
  { keys: ['home'], command: 'first', label: 'home', hint: 'first', isInFooter: false },
  { keys: ['end'], command: 'last', label: 'end', hint: 'last', isInFooter: false },
];
/** Choices that stand in two columns where rows are few. */
const GRID: KeyBinding[] = [
  { keys: ['up'], command: 'previous', label: '↑↓', hint: 'choose', isInFooter: true },
  { keys: ['down'], command: 'next', label: '↑↓', hint: 'choose', isInFooter: true },
  { keys: ['left'], command: 'left', label: '←→', hint: 'choose', isInFooter: false },
  { keys: ['right', 'tab'], command: 'right', label: '←→', hint: 'choose', isInFooter: false },
  { keys: ['home'], command: 'first', label: 'home', hint: 'first', isInFooter: false },
  { keys: ['end'], command: 'last', label: 'end', hint: 'last', isInFooter: false },
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
const FIELD: KeyBinding[] = [
  { keys: ['enter'], command: 'confirm', label: 'enter', hint: 'use it', isInFooter: true },
  { keys: ['backspace'], command: 'erase', label: 'backspace', hint: 'erase', isInFooter: false },
  { keys: ['ctrl+u'], command: 'erase-all', label: 'ctrl+u', hint: 'erase all', isInFooter: true },
  { keys: ['escape'], command: 'back', label: 'esc', hint: 'back', isInFooter: true },
];

function confirm(hint: string): KeyBinding {
  return { keys: ['enter'], command: 'confirm', label: 'enter', hint, isInFooter: true };
}

function back(hint: string): KeyBinding {
  return { keys: ['escape'], command: 'back', label: 'esc', hint, isInFooter: true };
}

/** The key bindings of a state. Input, footer and help all use this table, so they cannot disagree. */
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
        : [
            ...CHOOSE('←→'),
            confirm('confirm'),
            { keys: ['n'], command: 'network', label: 'n', hint: 'details', isInFooter: true },
            back('back'),
            ...LEAVE,
          ];
    case 'installing':
      if (state.isStopping) return [...SCROLL, HELP];
      if (state.stopQuestion) {
        return [
          ...CHOOSE('←→').filter(({ isInFooter }) => isInFooter),
          confirm('confirm'),
          { keys: ['y'], command: 'stop-yes', label: 'y', hint: 'stop', isInFooter: true },
          { keys: ['n', 'escape'], command: 'stop-no', label: 'n', hint: 'keep going', isInFooter: true },
          { ...INTERRUPT, hint: 'stop now', isInFooter: true },
        ];
      }
      if (state.find?.isTyping) return [...FINDING, { ...INTERRUPT, hint: 'stop', isInFooter: true }];
      return [
        ...SCROLL,
        ...searchBindings(state.find !== null),
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
      if (state.mendingId !== null) return [INTERRUPT];
      if (state.field) return [...FIELD, { ...INTERRUPT, isInFooter: true }];
      if (state.log) return [...SCROLL, back('back'), ...LEAVE];
      return [
        ...(failureChoices(state).length > 1 ? GRID : []),
        confirm('do it'),
        ...(state.panel ? [back('back')] : []),
        ...(state.retry === 'install' ? [back('back to the plan')] : []),
        ...(state.retry === 'plan' && state.overview ? [back('back')] : []),
        ...LEAVE,
      ];
    case 'check':
      return checkBindings(state);
    case 'panel':
      return panelBindings(state);
    case 'left':
      return [];
  }
}

/** Keys while the text to find is typed. */
const FINDING: KeyBinding[] = [
  confirm('find'),
  { keys: ['backspace'], command: 'erase', label: 'backspace', hint: 'erase', isInFooter: false },
  { keys: ['ctrl+u'], command: 'erase-all', label: 'ctrl+u', hint: 'erase all', isInFooter: true },
  back('back'),
];

function searchBindings(isSearching: boolean): KeyBinding[] {
  return [
    { keys: ['/'], command: 'find', label: '/', hint: 'find', isInFooter: true },
    ...(isSearching
      ? [
          { keys: ['n'], command: 'find-above' as const, label: 'n N', hint: 'next', isInFooter: true },
          { keys: ['N'], command: 'find-below' as const, label: 'n N', hint: 'next', isInFooter: true },
        ]
      : []),
    { keys: ['w'], command: 'toggle-wrap', label: 'w', hint: 'wrap', isInFooter: false },
  ];
}

/** Keys in the log of an installation that is over. */
function logBindings(find: CheckState['find']): readonly KeyBinding[] {
  if (find?.isTyping) return [...FINDING, INTERRUPT];
  return [
    ...SCROLL,
    ...searchBindings(find !== null),
    { keys: ['f'], command: 'toggle-log', label: 'f', hint: 'close log', isInFooter: true },
    back(find ? 'end find' : 'close log'),
    ...LEAVE,
  ];
}

function checkBindings(state: CheckState): readonly KeyBinding[] {
  const { repair, isRunning } = state;
  if (repair?.phase === 'asking') {
    return [...CHOOSE('←→'), confirm('confirm'), back('back'), ...PAGES, ...LEAVE];
  }
  if (state.undoQuestion) return [...CHOOSE('←→'), confirm('confirm'), back('back'), ...LEAVE];
  if (isRepairBusy(repair)) return [...SCROLL, HELP, { ...INTERRUPT, hint: 'stop', isInFooter: true }];
  if (state.isLogOpen) return logBindings(state.find);
  const key = (name: string, command: Command, hint: string): KeyBinding => ({
    keys: [name],
    command,
    label: name,
    hint,
    isInFooter: true,
  });
  const rest: KeyBinding[] = [];
  if (!isRunning) {
    if (repair?.phase === 'done') rest.push(key('u', 'undo', 'undo the repair'));
    else if (state.undo)
      rest.push(key('u', 'undo', state.undo.direction === 'back' ? 'go back' : 'go forward'));
    rest.push(key('d', 'deep', 'deep check'), key('n', 'network', 'check network'));
  }
  if (state.hasLog) {
    rest.push(key('f', 'toggle-log', 'log'));
    rest.push({ ...key('/', 'find', 'find'), isInFooter: false });
  }
  return [
    { keys: ['up'], command: 'scroll-up', label: '↑↓', hint: 'scroll', isInFooter: false },
    { keys: ['down'], command: 'scroll-down', label: '↑↓', hint: 'scroll', isInFooter: false },
    ...PAGES,
    ...(!isRunning && isRepairable(state.checks) ? [key('r', 'repair', 'repair')] : []),
    ...(canStart(state) ? [key('s', 'start', 'start the daemon')] : []),
    ...(canStop(state) ? [key('s', 'stop', 'stop the daemon')] : []),
    { keys: ['space'], command: 'toggle-details', label: 'space', hint: 'details', isInFooter: true },
    ...rest,
    ...(isRunning ? [] : [confirm('done')]),
    ...(isRunning ? [] : [back(state.result ? 'menu' : 'back')]),
    ...LEAVE,
  ];
}

const PAGES: KeyBinding[] = SCROLL.filter(({ label }) => label === 'pgup pgdn');

function panelBindings({ panel }: PanelState): readonly KeyBinding[] {
  if (panelField(panel)) return [...FIELD, INTERRUPT];
  if (isPanelBusy(panel)) return [...PAGES, HELP, { ...INTERRUPT, hint: 'stop', isInFooter: true }];
  const { choices, cursor } = panelView(panel);
  // A hint cannot promise to do what is only a way back.
  const { id, label } = choices[cursor] ?? {};
  const hint = id !== 'back' ? 'do it' : label === 'Done' ? 'done' : 'back';
  return [...(choices.length > 1 ? CHOOSE('↑↓') : []), confirm(hint), back('back'), ...PAGES, ...LEAVE];
}

/** The command for a key; `null` when it has none. */
export function commandFor(state: WizardState, key: KeyName): Command | null {
  return keyBindings(state).find((binding) => binding.keys.includes(key))?.command ?? null;
}

/**
 * The character a key types into the open field; `null` if it has another meaning there, or no field is open.
 */
export function typedText(state: WizardState, key: KeyName): string | null {
  if (state.isHelpOpen || !hasOpenField(state)) return null;
  if (key === 'space') return ' ';
  return [...key].length === 1 ? key : null;
}

function hasOpenField(state: WizardState): boolean {
  if (state.screen === 'panel') return panelField(state.panel) !== null;
  if (state.screen === 'installing') {
    return state.find?.isTyping === true && !state.stopQuestion && !state.isStopping;
  }
  if (state.screen === 'check') return state.isLogOpen && state.find?.isTyping === true;
  return state.screen === 'failure' && state.field !== null;
}

export interface KeyHint {
  label: string;
  hint: string;
  command: Command;
}

/** Entries of the footer or the help, one per label. */
export function keyHints(state: WizardState, where: 'footer' | 'help'): readonly KeyHint[] {
  const bindings = keyBindings(state).filter((binding) => where === 'help' || binding.isInFooter);
  const seen = new Map<string, KeyHint>();
  for (const { label, hint, command } of bindings)
    if (!seen.has(label)) seen.set(label, { label, hint, command });
  return [...seen.values()];
}

/** The fields of Ink's `Key` that are used here. */
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
 * The keys of one input event. Simultaneous keys arrive as one string ("\rabc"), so it is split. A line feed
 * counts as Enter too: terminals send it before raw mode is on.
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
