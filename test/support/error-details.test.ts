import { describe, expect, it } from 'vitest';
import {
  absentAsNull,
  CancelledError,
  errorChain,
  errorCode,
  errorMessage,
  isAbsence,
  isKtxExpectedError,
  isRefusedRemoval,
  KtxExpectedError,
  NewerFormatError,
  SetupError,
  throwIfCancelled,
} from '../../src/support/errors.ts';
import { otherRemedy, RETRY } from '../../src/support/remedies.ts';

const within = (levels: number, cause: unknown): Error =>
  levels === 0 ? (cause as Error) : new Error(`level ${levels}`, { cause: within(levels - 1, cause) });
const labels = (error: SetupError) => error.remedies.map(({ label }) => label);

describe('an expected error', () => {
  it('has its name, and only what it was given', () => {
    const error = new KtxExpectedError('a\u0007b');
    expect([error.name, error.message]).toEqual(['KtxExpectedError', 'a\\u0007b']);
    const bare = new SetupError('No.', { failureClass: 'disk' });
    expect({ ...bare, name: bare.name, message: bare.message }).toMatchObject({
      message: 'No.',
      failureClass: 'disk',
      evidence: [],
      remedies: [],
      host: null,
      causeId: null,
    });
    expect('cause' in bare).toBe(false);
  });

  it('has everything it was given, made harmless', () => {
    const cause = new Error('inner');
    const error = new SetupError('No.', {
      failureClass: 'network',
      evidence: ['one\ntwo', 'bell\u0007'],
      remedies: [otherRemedy('Ring\u0007')],
      host: 'a.example',
      causeId: 'dns',
      cause,
    });
    expect(error).toMatchObject({
      evidence: ['one\\u000atwo', 'bell\\u0007'],
      host: 'a.example',
      causeId: 'dns',
      cause,
      nextSteps: ['Ring\\u0007.'],
    });
  });

  it.each<[string, unknown, boolean]>([
    ['its own class', new SetupError('x', { failureClass: 'disk' }), true],
    ['the name alone', Object.assign(new Error('x'), { name: 'KtxExpectedError' }), true],
    ['another name', new RangeError('x'), false],
    ['a name without an error', { name: 'KtxExpectedError' }, false],
    ['a brand without an error', { [Symbol.for('ktx.expected-error')]: true }, false],
    [
      'a brand that is not true',
      Object.assign(new Error('x'), { [Symbol.for('ktx.expected-error')]: 1 }),
      false,
    ],
    ['nothing', undefined, false],
    ['null', null, false],
  ])('by %s: %#', (_, error, expected) => expect(isKtxExpectedError(error)).toBe(expected));

  it.each<[unknown]>([[null], [undefined], ['text'], [0], [() => {}]])('is not %s', (value) => {
    expect((value as object) instanceof KtxExpectedError).toBe(false);
  });
});

describe('explaining an error', () => {
  it('adds lines and remedies once each, after its own', () => {
    const error = new SetupError('No.', { failureClass: 'disk', evidence: ['a'], remedies: [RETRY] });
    error.explain(['a', 'b\nc'], [RETRY, otherRemedy('Wait\u0007')]);
    expect(error.evidence).toEqual(['a', 'b\\u000ac']);
    expect(labels(error)).toEqual([RETRY.label, 'Wait\\u0007']);
  });

  it.each([
    [1, ['Inner', 'Wait']],
    [7, ['Inner', 'Wait']],
    [8, ['Wait']],
  ])('without remedies of its own it takes those of the nearest cause: %i levels', (levels, expected) => {
    const inner = new SetupError('In.', { failureClass: 'disk', remedies: [otherRemedy('Inner')] });
    const cause = within(levels - 1, inner);
    const error = new SetupError('No.', { failureClass: 'disk', cause });
    error.explain([], [otherRemedy('Wait')]);
    expect(labels(error)).toEqual(expected);
  });

  it('an error of another kind has no remedies', () => {
    const cause = Object.assign(new Error('x'), { remedies: [otherRemedy('Foreign')] });
    const error = new SetupError('No.', { failureClass: 'disk', cause });
    error.explain([], [otherRemedy('Wait')]);
    expect(labels(error)).toEqual(['Wait']);
  });
});

it.each([
  [null, 'a newer ktx. Nothing'],
  ['9.1.0', 'a newer ktx, 9.1.0. Nothing'],
])('a file of a newer ktx (%s) is named, and ktx is to be updated', (writtenBy, words) => {
  const error = new NewerFormatError('/x/state.json', writtenBy);
  expect(error).toMatchObject({
    name: 'NewerFormatError',
    message: `/x/state.json was written by ${words} was changed.`,
    failureClass: 'conflict',
    causeId: 'newer-ktx',
    evidence: ['/x/state.json'],
  });
  expect(error.remedies).toMatchObject([
    {
      id: 'other',
      label: 'Update ktx, then run',
      argv: null,
      afterwards: ['ktx', 'setup'],
      nextAttempt: 'afterwards',
    },
    {
      id: 'other',
      label: 'Or use the newer ktx for this runtime folder',
      afterwards: null,
      nextAttempt: null,
    },
  ]);
});

it('a cancel has its name and words, and is thrown once its signal has fired', () => {
  expect(new CancelledError()).toMatchObject({ name: 'CancelledError', message: 'Operation cancelled.' });
  expect(new CancelledError('Stopped.').message).toBe('Stopped.');
  expect(() => throwIfCancelled(undefined)).not.toThrow();
  expect(() => throwIfCancelled(new AbortController().signal)).not.toThrow();
  expect(() => throwIfCancelled(AbortSignal.abort())).toThrow(CancelledError);
});

const coded = (code: unknown, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

it.each<[unknown, string | undefined]>([
  [coded('ENOENT'), 'ENOENT'],
  [{ code: 'EPERM' }, 'EPERM'],
  [coded(7), undefined],
  [new Error('x'), undefined],
  [{}, undefined],
  [null, undefined],
  [undefined, undefined],
  ['ENOENT', undefined],
  [Object.assign(() => {}, { code: 'ENOENT' }), undefined],
])('the code of %o is %s', (error, expected) => expect(errorCode(error)).toBe(expected));

it('a path is absent, also below a file', () => {
  for (const code of ['ENOENT', 'ENOTDIR']) {
    expect(isAbsence(coded(code))).toBe(true);
    expect(absentAsNull(coded(code))).toBeNull();
  }
  for (const error of [coded('EACCES'), new Error('x'), undefined]) {
    expect(isAbsence(error)).toBe(false);
    let thrown: unknown = 'nothing';
    try {
      absentAsNull(error);
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
  }
});

it.each([
  ['ENOTDIR', 'scandir', true],
  ['ENOTDIR', 'rmdir', false],
  ['EACCES', 'scandir', false],
  ['EACCES', 'rmdir', false],
])('a removal with %s of %s is refused: %s', (code, syscall, expected) => {
  expect(isRefusedRemoval(coded(code, { syscall }))).toBe(expected);
});

it.each<[unknown, string]>([
  [new Error('said'), 'said'],
  [new RangeError(), 'RangeError'],
  ['text', 'text'],
  [7, '7'],
  [null, 'null'],
  [undefined, 'undefined'],
])('the message of %o is %s', (error, expected) => expect(errorMessage(error)).toBe(expected));

describe('a chain of errors', () => {
  it.each<[string, unknown, string]>([
    ['causes', within(2, new Error('root')), 'level 2: level 1: root'],
    ['one that says the same', new Error('a: b', { cause: new Error('b') }), 'a: b'],
    ['one that says more', new Error('b', { cause: new Error('a: b') }), 'b: a: b'],
    ['a cause that is no error', new Error('a', { cause: 'text' }), 'a: text'],
    ['a cause that is null', new Error('a', { cause: null }), 'a'],
    ['the first of several', new AggregateError([new Error('one'), new Error('two')], 'all'), 'all: one'],
    ['several of none', new AggregateError([], 'all'), 'all'],
    ['no error', 'text', 'text'],
    ['nothing', undefined, ''],
    ['null', null, ''],
  ])('%s', (_, error, expected) => expect(errorChain(error)).toBe(expected));

  it('ends after eight', () => {
    expect(errorChain(within(7, new Error('root')))).toContain(': root');
    expect(errorChain(within(8, new Error('root')))).not.toContain('root');
  });
});
