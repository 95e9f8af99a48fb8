import { expect, it, test } from 'vitest';
import type { PythonChoice, PythonDecision } from '../../../src/python/python-choice.ts';
import { asChosen, foreignChoice } from '../../../src/setup/plan/chosen-python.ts';
import { keepChosenPython } from '../../../src/setup/request/choices.ts';
import type { PrepareOptions } from '../../../src/setup/request/install-types.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const decision = (choice: PythonChoice) => ({ choice, notes: ['its note'] }) as unknown as PythonDecision;

async function root(kept?: PythonChoice): Promise<PrepareOptions> {
  const runtimeRoot = await temporaryFolder();
  if (kept !== undefined) await keepChosenPython(runtimeRoot, kept);
  return { runtimeRoot, env: {}, homeDir: runtimeRoot } as unknown as PrepareOptions;
}

const WORDS = (what: string) =>
  `Using the Python chosen for this runtime earlier: ${what}. Use --python auto to let ktx choose.`;

test.each<[string, PythonChoice, string]>([
  ['a path', { path: '/opt/python' }, '/opt/python'],
  ['a version', { version: '3.12' }, '3.12'],
  ['a kind', 'system', 'system'],
])('%s that an earlier setup chose is used again, and said', async (_, kept, words) => {
  const options = await root(kept);
  expect(await asChosen(options, async (choice) => decision(choice))).toEqual({
    choice: kept,
    notes: [WORDS(words), 'its note'],
  });
  expect(await foreignChoice(options)).toEqual({ choice: kept, isKept: true });
});

it('what is asked for now comes before it', async () => {
  const options = { ...(await root('system')), python: 'managed' as const };
  expect(await asChosen(options, async (choice) => decision(choice))).toEqual(decision('managed'));
  expect(await foreignChoice(options)).toEqual({ choice: 'managed', isKept: false });
});

it('without either ktx chooses', async () => {
  const options = await root();
  expect(await asChosen(options, async (choice) => decision(choice))).toEqual(decision('auto'));
  expect(await foreignChoice(options)).toEqual({ choice: 'auto', isKept: false });
});

it('one that cannot be used any more is said, and ktx chooses', async () => {
  const options = await root({ path: '/opt/python' });
  const choose = async (choice: PythonChoice) => {
    if (choice !== 'auto') throw new SetupError('it is gone', { failureClass: 'platform' });
    return decision(choice);
  };
  expect(await asChosen(options, choose)).toEqual({
    choice: 'auto',
    notes: [
      'The Python chosen for this runtime earlier, /opt/python, cannot be used: it is gone',
      'its note',
    ],
  });
  const bug = async () => Promise.reject(new TypeError('a bug'));
  await expect(asChosen(options, bug)).rejects.toThrow('a bug');
});
