import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/wizard/panels/command.ts';
import {
  type FieldSpec,
  type FieldType,
  fieldHint,
  fieldProblem,
  fieldQuestion,
  fieldValue,
  onFieldCommand,
  openField,
  pythonVersion,
  shownText,
  typedLine,
  typeIntoField,
} from '../../../src/wizard/panels/field.ts';

const spec = (type: FieldType, more: Partial<FieldSpec> = {}): FieldSpec => ({
  id: 'x',
  name: 'X',
  type,
  ...more,
});
const field = (type: FieldType, text: string, more: Partial<FieldSpec> = {}) =>
  openField(spec(type, more), text);

describe('what was typed', () => {
  it.each([
    ['a b', 'a b'],
    ['\r\n\na\rb', 'a'],
    ['a\nb', 'a'],
    ['a\tb\u0007\u001bc\u0085', 'abc'],
    ['\n', ''],
    ['', ''],
  ])('%j is %j', (text, line) => {
    expect(typedLine(text)).toBe(line);
  });

  it('is appended, and takes away the problem', () => {
    const wrong = { ...field('text', 'a'), problem: 'no' };
    expect(typeIntoField(wrong, 'b\nc')).toEqual({ spec: spec('text'), text: 'ab', problem: null });
    expect(typeIntoField(wrong, '\n')).toBe(wrong);
  });

  it('ends where no address is longer', () => {
    expect(typeIntoField(field('text', 'a'), 'b'.repeat(1998)).text).toHaveLength(1999);
    expect(typeIntoField(field('text', 'a'), 'b'.repeat(3000)).text).toHaveLength(2000);
  });
});

describe('a command', () => {
  const on = (command: Command, text = 'a b😀', type: FieldType = 'text') =>
    onFieldCommand({ ...field(type, text), problem: 'no' }, command);
  it.each([
    ['erase', { type: 'field', field: field('text', 'a b') }],
    ['erase-all', { type: 'field', field: field('text', '') }],
    ['confirm', { type: 'entered', value: 'a b😀' }],
    ['back', { type: 'back' }],
    ['interrupt', { type: 'interrupt' }],
    ['next', { type: 'field', field: { ...field('text', 'a b😀'), problem: 'no' } }],
  ] as const)('%s', (command, step) => {
    expect(on(command)).toEqual(step);
  });
  it('confirm says what is wrong', () => {
    const problem = 'nothing typed yet';
    expect(on('confirm', ' ')).toEqual({ type: 'field', field: { ...field('text', ' '), problem } });
  });
  it('erase takes a line break like any character', () => {
    expect(on('erase', 'a\n')).toEqual({ type: 'field', field: field('text', 'a') });
    expect(on('erase', '')).toEqual({ type: 'field', field: field('text', '') });
  });
});

describe('the value', () => {
  it.each([
    ['text', '  a ', 'a'],
    ['file', "'/a b'", '/a b'],
    ['file', '"/a b"', '/a b'],
    ['file', '"/a b\'', '"/a b\''],
    ['file', '"', '"'],
    ['file', "it's", "it's"],
    ['file', "a 'b'", "a 'b'"],
    ['file', "'a' b", "'a' b"],
    ['secret', ' "s" ', ' "s" '],
    ['text', '', ''],
  ] as const)('of a %s %j is %j', (type, text, value) => {
    expect(fieldValue(field(type, text))).toBe(value);
  });
  it('is the usual one where nothing is typed', () => {
    expect(fieldValue(field('file', ' ', { preset: 'a.txt' }))).toBe('a.txt');
    expect(fieldValue(field('file', 'b', { preset: 'a.txt' }))).toBe('b');
    expect(fieldValue(field('secret', '', { preset: 'a.txt' }))).toBe('');
  });
});

const NOTHING = 'nothing typed yet';
const ADDRESS = 'not an address yet, such as https://pypi.example/simple';
const HOST = 'not a host and port yet';
const VERSION = 'a version such as 3.13, or a path such as /usr/bin/python3';

describe('what is wrong with it', () => {
  it.each<[FieldType, string, string | null]>([
    ['url', '', NOTHING],
    ['url', 'a.example', ADDRESS],
    ['url', 'http://a.example', null],
    ['url', 'https://a.example', null],
    ['url', 'file:///a', null],
    ['url', 'ftp://a.example', 'takes http, https or file'],
    ['url', 'xhttp://a.example', 'takes http, https or file'],
    ['url', 'httpx://a.example', 'takes http, https or file'],
    ['host', 'a.example:3128', null],
    ['host', 'http://a.example', null],
    ['host', 'socks5://a.example:1', null],
    ['host', 'a b', HOST],
    ['host', 'file:///a', HOST],
    ['host', 'a.example:x', HOST],
    ['host', 'at http://a.example', HOST],
    ['python', 'auto', null],
    ['python', 'managed', null],
    ['python', 'system', null],
    ['python', 'automatic', VERSION],
    ['python', 'the system', VERSION],
    ['python', '/usr/bin/python3', null],
    ['python', 'C:\\Python\\python.exe', null],
    ['python', '3.13', null],
    ['python', 'python', VERSION],
    ['file', '/a', null],
    ['file', '/a/', 'a folder; a file is needed'],
    ['folder', '/a/', null],
    ['text', 'a', null],
    ['secret', ' ', null],
    ['secret', '', NOTHING],
  ])('a %s %j: %s', (type, text, problem) => {
    expect(fieldProblem(field(type, text))).toBe(problem);
  });
  it('nothing, where it may stay empty or has a usual value', () => {
    expect(fieldProblem(field('url', '', { isOptional: true }))).toBeNull();
    expect(fieldProblem(field('url', 'x', { isOptional: true }))).toBe(ADDRESS);
    expect(fieldProblem(field('file', '', { preset: 'a/' }))).toBe('a folder; a file is needed');
  });
});

it.each([
  ['3.13', '3.13'],
  ['python3.12.1', '3.12.1'],
  ['Python3.12', '3.12'],
  ['cpython-3.13.2', '3.13.2'],
  ['cpython@3.13', '3.13'],
  ['cpython3.13', '3.13'],
  ['3', null],
  ['2.7', null],
  ['3.13.2.1', null],
  ['my3.13', null],
  ['3.13rc1', null],
  ['python 3.13', null],
  ['', null],
])('the version in %j is %j', (text, version) => {
  expect(pythonVersion(text)).toBe(version);
});

it('shows how long a secret is, and all of another value', () => {
  expect(shownText(field('secret', 'a😀b'))).toBe('•••');
  expect(shownText(field('text', 'a😀b'))).toBe('a😀b');
});

const TYPES = ['url', 'host', 'file', 'folder', 'text', 'python', 'secret'] as const;
it('asks for a value of its type', () => {
  expect(TYPES.map((type) => fieldQuestion(spec(type)))).toEqual([
    'X: type or paste an address',
    'X: type or paste host:port',
    'X: type or paste a file',
    'X: type or paste a folder',
    'X: type or paste a value',
    'X: type or paste a version or a path',
    'X: type or paste it; it is not shown',
  ]);
});

describe('the line below a field', () => {
  it('is an example of its type while nothing is typed', () => {
    expect(TYPES.map((type) => fieldHint(field(type, '')))).toEqual([
      'for example https://pypi.example/simple',
      'for example proxy.example:3128',
      'for example ~/certificates.pem',
      'for example ~/ktx-runtime',
      '',
      'for example 3.13, or /usr/bin/python3',
      '',
    ]);
  });
  it.each<[string, ReturnType<typeof openField>, string]>([
    ['the problem', { ...field('url', '', { preset: 'a' }), problem: 'no' }, 'no'],
    ['what Enter takes', field('url', '', { preset: 'a', isOptional: true, example: 'e' }), 'enter takes a'],
    ['that it may stay empty', field('url', '', { isOptional: true, example: 'e' }), 'enter leaves it out'],
    ['an example of its own', field('url', '', { example: 'e' }), 'e'],
    ['what is missing', field('url', 'x', { preset: 'a', isOptional: true }), ADDRESS],
    ['that it can be used', field('url', 'https://a.example'), 'enter uses it'],
  ])('or %s', (_what, opened, hint) => {
    expect(fieldHint(opened)).toBe(hint);
  });
});
