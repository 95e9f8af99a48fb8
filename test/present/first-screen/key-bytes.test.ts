import { expect, it } from 'vitest';
import { readKeys } from '../../../src/present/first-screen/key-bytes.ts';
import { openScreen } from '../../fixtures/screen.ts';
import { features } from '../../fixtures/wizard-states.ts';

it.each([
  ['', [], ''],
  ['q', ['q'], ''],
  ['\r', ['enter'], ''],
  ['\n', ['enter'], ''],
  ['\t ', ['tab', 'space'], ''],
  ['\u001b[A\u001b[B\u001bOC\u001bOD', ['up', 'down', 'right', 'left'], ''],
  [
    '\u001b[H\u001b[F\u001b[5~\u001b[6~\u001b[1~\u001b[4~',
    ['home', 'end', 'pageup', 'pagedown', 'home', 'end'],
    '',
  ],
  ['\u0003\u000c\u001a\u0015', ['ctrl+c', 'ctrl+l', 'ctrl+z', 'ctrl+u'], ''],
  ['\u007f\u0008', ['backspace', 'backspace'], ''],
  // A lone escape may be the start of anything.
  ['a\u001b', ['a'], '\u001b'],
  ['a\u001b[', ['a'], '\u001b['],
  ['\u001b[1;5', [], '\u001b[1;5'],
  // Keys with modifiers are those keys; reports of the terminal and Alt mean nothing.
  ['\u001b[1;5A\u001b[5;2~\u001b[Z', ['up', 'pageup', 'tab'], ''],
  ['\u001b[?62c\u001b[Iq', ['q'], ''],
  // Typed one after the other before anything was read.
  ['\u001b\u001b[B', ['escape', 'down'], ''],
  ['\u001bqx', ['escape', 'q', 'x'], ''],
  // A paste is text, whole or not yet.
  ['\u001b[200~q\r\u001b[201~x', ['x'], ''],
  ['x\u001b[200~q\r', ['x'], '\u001b[200~q\r'],
  ['é😀', ['é', '😀'], ''],
])('reads %j', (bytes, keys, rest) => {
  expect(readKeys(bytes)).toEqual({ keys, rest });
});

it('reads the keys that mean something as Ink does', async () => {
  const bytes = ['\u001b[B', '\u001bOA', '\t', '?', '?', '\u001b[1;5A', '\u001b[Z', '\r', 'q', '\u0003'];
  const screen = await openScreen(features(), { columns: 80, rows: 24 });
  const commands = await screen.type(bytes.join(''));
  screen.close();
  const named = {
    down: 'next',
    up: 'previous',
    '?': 'help',
    enter: 'confirm',
    q: 'quit',
    'ctrl+c': 'interrupt',
  };
  const ours = readKeys(bytes.join(''))
    .keys.map((key) => named[key as keyof typeof named])
    .filter(Boolean);
  expect(ours).toEqual(commands);
});
