import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { FailureReport } from '../../src/core/events.ts';
import { askForRemedy } from '../../src/present/remedy-question.ts';
import { CancelledError } from '../../src/support/errors.ts';
import * as remedies from '../../src/support/remedies.ts';
import { type Remedy, remedyText } from '../../src/support/remedy.ts';
import type { WizardFunctions } from '../../src/wizard/functions.ts';
import { REPORT } from '../fixtures/wizard-states.ts';

type RunPanel = WizardFunctions['runPanel'];

const reportOf = (...all: Remedy[]): FailureReport => ({
  ...REPORT,
  remedies: all,
  nextSteps: all.map(remedyText),
});

/** A question after a failure, with these lines typed; the end of the input follows them. */
function ask(
  report: FailureReport,
  typed: readonly string[],
  runPanel: RunPanel = async () => ({ type: 'mended', notice: '' }),
) {
  const stdin = new PassThrough();
  const lines = [...typed];
  const printed: string[] = [];
  const effects: unknown[] = [];
  const controller = new AbortController();
  const answer = askForRemedy(report, {
    setup: () => ({ cliVersion: '0.3.0', features: ['core'] }),
    functions: {
      runPanel: async (effect, context) => {
        effects.push(effect, context.setup);
        // There is no screen to give away.
        expect(await context.lendTerminal(async () => 1)).toBe(1);
        context.tell({ type: 'mended', notice: 'not heard' });
        return runPanel(effect, context);
      },
      reportFailure: async () => report,
    },
    questions: {
      stdin: stdin as never,
      print: (texts) => void printed.push(...texts),
      prompt: (text) => {
        printed.push(text);
        setImmediate(() => (lines.length > 0 ? stdin.write(`${lines.shift()}\n`) : stdin.end()));
      },
      signal: controller.signal,
    },
    printNetwork: async () => void printed.push('the network'),
  });
  return { answer, printed, effects, controller };
}

const NUMBER = 'Number, then Enter [1]: ';
const setup = { cliVersion: '0.3.0', features: ['core'] };

it('offers the remedies that it can carry out, another try, and to quit', async () => {
  const { answer, printed } = ask(reportOf(remedies.USE_INDEX, remedies.CHECK_CLOCK, remedies.FREE_SPACE), [
    '4',
  ]);
  expect(await answer).toBeNull();
  expect(printed).toEqual([
    'What next?',
    '  1  Use another package index …',
    '  2  Delete runtimes of other versions',
    '  3  Try again',
    '  4  Quit',
    NUMBER,
  ]);
});

it.each([
  ['another try changes nothing', [remedies.USE_INDEX], ['2'], {}],
  ['nothing can be done but try again', [], ['1'], {}],
  [
    'a value is asked for',
    [remedies.USE_INDEX],
    ['1', 'https://i.example'],
    { indexUrl: 'https://i.example' },
  ],
  ['a bundle is asked for', [remedies.installFromBundle(null)], ['1', '/b'], { bundlePath: '/b' }],
  ['nothing has to be asked', [remedies.USE_SYSTEM_PYTHON], ['1'], { python: 'system' }],
  ['it is left at the question', [remedies.USE_INDEX], [], null],
])('%s', async (_what, all, typed, changes) => {
  const { answer, effects } = ask(reportOf(...all), typed);
  expect(await answer).toEqual(changes);
  expect(effects).toEqual([]);
});

it('a question left in the middle leads back to all of them', async () => {
  const { answer, printed } = ask(reportOf(remedies.USE_INDEX), ['1']);
  // Ctrl+D at the value, and at the question after it.
  expect(await answer).toBeNull();
  expect(printed.filter((line) => line === 'What next?')).toHaveLength(2);
});

it('a value that will not do is asked for again, with the reason', async () => {
  const { answer, printed } = ask(reportOf(remedies.USE_INDEX), ['1', 'x', ' "https://i.example" ']);
  expect(await answer).toEqual({ indexUrl: 'https://i.example' });
  expect(printed.slice(5)).toEqual([
    'Use another package index: type or paste an address: ',
    'not an address yet, such as https://pypi.example/simple',
    'Use another package index: type or paste an address: ',
  ]);
});

it('the settings are shown, and the same is asked again', async () => {
  const { answer, printed } = ask(reportOf(remedies.CHECK_PROXY), ['1', '3']);
  expect(await answer).toBeNull();
  expect(printed.filter((line) => ['the network', 'What next?'].includes(line))).toEqual([
    'What next?',
    'the network',
    'What next?',
  ]);
});

describe('a task', () => {
  const task = { kind: 'store-setting', name: 'ca-file', value: '/ca' };

  it('is done before the next attempt, and said', async () => {
    const { answer, printed, effects } = ask(reportOf(remedies.CHOOSE_CA_FILE), ['1', '/ca'], async () => ({
      type: 'mended',
      notice: 'Stored.',
    }));
    expect(await answer).toEqual({});
    expect(effects).toEqual([{ type: 'mend', task }, setup]);
    expect(printed.at(-1)).toBe('Stored.');
  });

  it.each([
    ['without a word', { type: 'mended', notice: '' }],
    ['with another answer', { type: 'host-unknown', notice: 'no' }],
  ])('%s says nothing', async (_what, reply) => {
    const { answer, printed } = ask(
      reportOf(remedies.CHOOSE_CA_FILE),
      ['1', '/ca'],
      async () => reply as never,
    );
    expect(await answer).toEqual({});
    expect(printed.at(-1)).toBe('Choose a certificate file: type or paste a file: ');
  });

  it('that fails says why, and asks again', async () => {
    const { answer, printed } = ask(reportOf(remedies.CHOOSE_CA_FILE), ['1', '/ca', '3'], () =>
      Promise.reject(new Error('/ca holds no certificate')),
    );
    expect(await answer).toBeNull();
    expect(printed.slice(6, 8)).toEqual(['/ca holds no certificate', 'What next?']);
  });

  it('that was cancelled asks again without a word', async () => {
    const { answer, printed } = ask(reportOf(remedies.CHOOSE_CA_FILE), ['1', '/ca', '3'], () =>
      Promise.reject(new CancelledError()),
    );
    expect(await answer).toBeNull();
    expect(printed[6]).toBe('What next?');
  });

  it('that changes nothing of the next attempt asks again', async () => {
    const { answer, printed, effects } = ask(reportOf(remedies.SAVE_REPORT), ['1', '', '3'], async () => ({
      type: 'mended',
      notice: 'Saved.',
    }));
    expect(await answer).toBeNull();
    expect(printed).toContain(
      'Save a report for IT, secrets removed: type or paste a file [ktx-report.txt]: ',
    );
    expect(printed.filter((line) => ['Saved.', 'What next?'].includes(line))).toEqual([
      'What next?',
      'Saved.',
      'What next?',
    ]);
    expect(effects[0]).toEqual({ type: 'mend', task: { kind: 'save-report', path: 'ktx-report.txt' } });
  });

  it('has all the values that it asked for, in order, and none of a secret on the screen', async () => {
    const { answer, printed, effects } = ask(reportOf(remedies.addLogin('a.example')), [
      '1',
      'ada',
      's3cret',
    ]);
    expect(await answer).toEqual({});
    expect(effects[0]).toMatchObject({ task: { line: 'machine a.example login ada password s3cret' } });
    expect(printed.join()).not.toContain('s3cret');
  });
});

it('a stop from outside ends all of it', async () => {
  const { answer, controller } = ask(reportOf(remedies.CHOOSE_CA_FILE), ['1', '/ca'], async () => {
    controller.abort();
    throw new CancelledError();
  });
  await expect(answer).rejects.toThrow(CancelledError);
});

it('any other error is not taken for a no', async () => {
  const report = reportOf(remedies.CHECK_PROXY);
  const stdin = new PassThrough();
  const asked = askForRemedy(report, {
    setup: () => ({ cliVersion: '0.3.0', features: ['core'] }),
    functions: { runPanel: () => Promise.reject(new Error()), reportFailure: async () => report },
    questions: {
      stdin: stdin as never,
      print: () => {},
      prompt: () => void setImmediate(() => stdin.write('1\n')),
      signal: new AbortController().signal,
    },
    printNetwork: () => Promise.reject(new Error('no such page')),
  });
  await expect(asked).rejects.toThrow('no such page');
});
