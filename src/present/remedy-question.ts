import type { FailureReport } from '../core/events.ts';
import { said, t } from '../language/translate.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import { CancelledError, errorMessage } from '../support/errors.ts';
import type { WizardFunctions } from '../wizard/functions.ts';
import type { SetupChanges } from '../wizard/panels/changes.ts';
import {
  type FieldSpec,
  fieldProblem,
  fieldQuestion,
  fieldValue,
  openField,
} from '../wizard/panels/field.ts';
import { type Mending, mendingsOf } from '../wizard/panels/mending.ts';
import { askForChoice, askForText, type QuestionStreams } from './questions.ts';

/** What a remedy needs to be carried out. */
export interface RemedyContext {
  setup: () => SetupOptions;
  functions: Pick<WizardFunctions, 'runPanel' | 'reportFailure'>;
  questions: QuestionStreams;
  /** Prints the network settings and where each comes from. */
  printNetwork: () => Promise<void>;
}

const BUNDLE_FILE: FieldSpec = { id: 'bundle-file', name: 'Bundle', type: 'file' };

/**
 * After a failure: asks which remedy to apply and for the values that it needs, and carries it out. Resolves with the
 * changes for the next attempt, or `null` when the user stops. @throws CancelledError when the signal fires.
 */
export async function askForRemedy(
  report: FailureReport,
  context: RemedyContext,
): Promise<SetupChanges | null> {
  const mendings = mendingsOf(report);
  const answers = [...mendings.map(({ label }) => said(label)), t`Try again`, t`Quit`];
  for (;;) {
    const index = await orNull(askForChoice(t`What next?`, answers, context.questions), context);
    if (index === null || index === answers.length - 1) return null;
    const mending = mendings[index];
    if (mending === undefined) return {};
    const changes = await orNull(apply(mending, context), context);
    if (changes !== null) return changes;
  }
}

/** A question that is left with the end of the input, as Ctrl+D, is no; a stop from outside ends all. */
async function orNull<T>(answer: Promise<T>, { questions }: RemedyContext): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CancelledError && !questions.signal.aborted) return null;
    throw error;
  }
}

/** `null`: the same question again. */
async function apply(mending: Mending, context: RemedyContext): Promise<SetupChanges | null> {
  const { questions, functions, setup } = context;
  if (mending.next === 'network') {
    await context.printNetwork();
    return null;
  }
  if (mending.next === 'bundle') return { bundlePath: await typedValue(BUNDLE_FILE, questions) };
  const values: string[] = [];
  for (const spec of mending.fields) values.push(await typedValue(spec, questions));
  const task = mending.task(values);
  if (task !== null) {
    try {
      const answer = await functions.runPanel(
        { type: 'mend', task },
        { setup: setup(), tell: () => {}, lendTerminal: (work) => work() },
      );
      if (answer.type === 'mended' && answer.notice !== '') questions.print([said(answer.notice)]);
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      questions.print([said(errorMessage(error))]);
      return null;
    }
  }
  return mending.next === 'stay' ? null : mending.changes(values);
}

async function typedValue(spec: FieldSpec, questions: QuestionStreams): Promise<string> {
  const fieldOf = (text: string) => ({ ...openField(spec), text });
  const problemOf = (text: string) => {
    const problem = fieldProblem(fieldOf(text));
    return problem === null ? null : said(problem);
  };
  const isSecret = spec.type === 'secret';
  const question =
    spec.preset === undefined ? fieldQuestion(spec) : `${fieldQuestion(spec)} [${spec.preset}]`;
  return fieldValue(fieldOf(await askForText(said(question), { isSecret, problemOf }, questions)));
}
