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
  [
    '\u001b[3~\u001b[7~\u001b[8~\u001bOH\u001bOF\u001b[C\u001b[D\u001b[2~\u001b[9A',
    ['backspace', 'home', 'end', 'home', 'end', 'right', 'left', 'up'],
    '',
  ],
  // The first and the last letter, and what is beside them.
  ['\u0000\u0001\u001a\u001c', ['\u0000', 'ctrl+a', 'ctrl+z', '\u001c'], ''],
  ['\u001f !~\u0080', ['\u001f', 'space', '!', '~', '\u0080'], ''],
  // A lone escape may be the start of anything.
  ['a\u001b', ['a'], '\u001b'],
  ['a\u001b[', ['a'], '\u001b['],
  ['\u001b[1;5', [], '\u001b[1;5'],
  ['\u001b[?1 /', [], '\u001b[?1 /'],
  ['\u001bO', [], '\u001bO'],
  ['\u001bO1;5', [], '\u001bO1;5'],
  ['\u001bO1;5Ax', ['up', 'x'], ''],
  ['x\u001b[A', ['x', 'up'], ''],
  ['\u001bx\u001b', ['escape', 'x'], '\u001b'],
  // What is not whole and never will be.
  ['\u001b[1\u0007x', ['escape', '[', '1', 'ctrl+g', 'x'], ''],
  // Keys with modifiers are those keys; reports of the terminal and Alt mean nothing.
  ['\u001b[1;5A\u001b[5;2~\u001b[Z', ['up', 'pageup', 'tab'], ''],
  ['\u001b[?62c\u001b[Iq', ['q'], ''],
  // Typed one after the other before anything was read.
  ['\u001b\u001b[B', ['escape', 'down'], ''],
  ['\u001bqx', ['escape', 'q', 'x'], ''],
  // A paste is text, whole or not yet.
  ['\u001b[200~q\r\u001b[201~x', ['x'], ''],
  ['x\u001b[200~q\r', ['x'], '\u001b[200~q\r'],
  ['a\u001b[200~\u001b[A\u001b[201~\u001b[B', ['a', 'down'], ''],
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
