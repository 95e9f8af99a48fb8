import type { KeyHint } from '../../src/wizard/keys.ts';
import type { Command, WizardState } from '../../src/wizard/state.ts';

/** What a key does, as a sentence: by command, or by command and hint where one command means several things. */
const SENTENCES: Partial<Record<Command | `${Command} ${string}`, string>> = {
  previous: 'Moves the pointer.',
  next: 'Moves the pointer.',
  left: 'Moves the pointer where choices stand in two columns.',
  right: 'Moves the pointer where choices stand in two columns.',
  first: 'Goes to the first choice.',
  last: 'Goes to the last choice.',
  'confirm continue': 'Makes a plan for this feature; nothing is installed before you agree.',
  'confirm done': 'Ends this; a summary is printed when setup closes.',
  'confirm find': 'Finds the text in the log.',
  'confirm use it': 'Uses what you typed.',
  'confirm back': 'Goes back.',
  confirm: 'Does what the pointer is at.',
  back: 'Goes back; what is installed stays as it is.',
  'back menu': 'Goes to the menu of what is installed.',
  'back end find': 'Ends the search.',
  'back smaller log': 'Makes the log smaller again.',
  'back close log': 'Goes back to the checks.',
  quit: 'Closes setup.',
  help: 'Opens or closes this page.',
  'interrupt quit': 'Closes setup.',
  'interrupt stop': 'Asks whether to stop.',
  'interrupt stop now': 'Stops without another question.',
  'scroll-up': 'Scrolls by a line.',
  'scroll-down': 'Scrolls by a line.',
  'page-up': 'Scrolls by a page.',
  'page-down': 'Scrolls by a page.',
  'log-start': 'Goes to the first line.',
  'log-end': 'Goes to the last line and follows what is new.',
  'toggle-log full log': 'Gives the whole window to the log.',
  'toggle-log smaller log': 'Makes the log smaller again.',
  'toggle-log log': 'Shows the log of the installation.',
  'toggle-log close log': 'Goes back to the checks.',
  'toggle-wrap': 'Wraps or cuts long lines.',
  find: 'Finds a text in the log.',
  'find-above': 'Goes to the next or the previous match.',
  'find-below': 'Goes to the next or the previous match.',
  'toggle-details': 'Shows every check, or only what needs attention.',
  undo: 'Switches to the other environment that is kept; asks first.',
  'undo undo the repair': 'Puts back what was there before the repair.',
  'network details': 'Shows every line of the plan, and where each network setting comes from.',
  'network check network': 'Also asks the package index and the other sources.',
  repair: 'Shows what a repair would change; it starts when you agree.',
  deep: 'Also reads every installed file and starts a daemon for a test; takes longer.',
  start: 'Starts the daemon of this project and leaves it running.',
  stop: 'Stops the daemon of this project.',
  'stop-yes': 'Stops the installation.',
  'stop-no': 'Lets the installation go on.',
  erase: 'Erases the last character.',
  'erase-all': 'Erases all of it.',
};

/** What a key does here; the hint where there is nothing to add. */
export function keySentence({ command, hint }: KeyHint): string {
  return SENTENCES[`${command} ${hint}`] ?? SENTENCES[command] ?? hint;
}

/** Words of a screen that not everybody knows. */
const WORDS: Partial<Record<WizardState['screen'], readonly { word: string; meaning: string }[]>> = {
  ready: [{ word: 'daemon', meaning: 'a background process that answers ktx without a new start each time' }],
  features: [
    { word: 'embeddings', meaning: 'numbers that stand for the meaning of a text, to find similar ones' },
  ],
  plan: [
    { word: 'uv', meaning: 'the program that installs Python and its packages' },
    { word: 'bundle', meaning: 'one file with everything, made on a machine that has a network' },
    { word: 'environment', meaning: 'a folder with a Python of its own; no other program uses it' },
  ],
  check: [
    { word: 'daemon', meaning: 'a background process that answers ktx without a new start each time' },
    { word: 'skipped', meaning: 'there is nothing to check; it is no fault' },
  ],
};

export function wordsOf(state: WizardState): readonly { word: string; meaning: string }[] {
  return WORDS[state.screen] ?? [];
}
