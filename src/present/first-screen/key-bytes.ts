import type { KeyName } from '../../wizard/keys.ts';

/** Unparsed bytes: an incomplete sequence. */
export interface ReadKeys {
  keys: readonly KeyName[];
  rest: string;
}

const PASTE_START = '\u001b[200~';
const PASTE_END = '\u001b[201~';
/** Complete CSI and SS3 sequences. */
const SEQUENCE = /^\u001b(?:\[[0-?]*[ -/]*[@-~]|O[0-9;]*[@-~])/;
const BEGUN_SEQUENCE = /^\u001b(?:\[[0-?]*[ -/]*|O[0-9;]*)?$/;

/** Keys by final character, or by the number before a tilde; modifiers are ignored. */
const KEY_OF_END: Record<string, KeyName> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  Z: 'tab',
  '1~': 'home',
  '3~': 'backspace',
  '4~': 'end',
  '5~': 'pageup',
  '6~': 'pagedown',
  '7~': 'home',
  '8~': 'end',
};

/**
 * Parses terminal input into keys named as in Ink; a chunk may hold several. Pasted text yields text, not
 * keys. A lone escape stays in `rest`, because the next bytes decide whether it is a key.
 */
export function readKeys(bytes: string): ReadKeys {
  const keys: KeyName[] = [];
  let rest = bytes;
  while (rest !== '') {
    if (rest.startsWith(PASTE_START)) {
      const end = rest.indexOf(PASTE_END);
      if (end === -1) break;
      rest = rest.slice(end + PASTE_END.length);
      continue;
    }
    if (rest[0] !== '\u001b') {
      const [character = ''] = rest;
      keys.push(keyOfCharacter(character));
      rest = rest.slice(character.length);
      continue;
    }
    const sequence = SEQUENCE.exec(rest)?.[0];
    if (sequence !== undefined) {
      const [, number = '', end = ''] = /^..(\d*)[\d;]*(.)$/.exec(sequence) ?? [];
      const key = KEY_OF_END[end === '~' ? `${number}~` : end];
      if (key !== undefined) keys.push(key);
      rest = rest.slice(sequence.length);
    } else if (BEGUN_SEQUENCE.test(rest)) {
      break;
    } else {
      // Keys typed before anyone reads arrive as one chunk: an escape and what was typed after it.
      keys.push('escape');
      rest = rest.slice(1);
    }
  }
  return { keys, rest };
}

function keyOfCharacter(character: string): KeyName {
  const code = character.charCodeAt(0);
  if (character === '\r' || character === '\n') return 'enter';
  if (character === '\t') return 'tab';
  if (character === ' ') return 'space';
  if (code === 0x7f || code === 0x08) return 'backspace';
  if (code >= 1 && code <= 26) return `ctrl+${String.fromCharCode(code + 96)}`;
  return character;
}
