import { type Remedy, remedyText } from '../support/remedy.ts';
import { said, t } from './translate.ts';

/** What a person can do, in their language. A command is a command in every language. */
export function saidRemedy(remedy: Remedy): Remedy {
  return { ...remedy, label: said(remedy.label) };
}

/** A step of a failure: the text of one of its remedies, or a sentence by itself. */
export function saidStep(step: string, remedies: readonly Remedy[]): string {
  const remedy = remedies.find((each) => remedyText(each) === step);
  if (!remedy) return said(step);
  return remedy.command === null ? t`${said(remedy.label)}.` : remedyText(saidRemedy(remedy));
}
