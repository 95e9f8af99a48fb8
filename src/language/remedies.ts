import { type Remedy, remedyText } from '../support/remedy.ts';
import { said, t } from './translate.ts';

/** Translates a remedy. Commands are not translated. */
export function saidRemedy(remedy: Remedy): Remedy {
  return { ...remedy, label: said(remedy.label) };
}

/** Translates a step of a failure: the text of one of its remedies, or a sentence of its own. */
export function saidStep(step: string, remedies: readonly Remedy[]): string {
  const remedy = remedies.find((each) => remedyText(each) === step);
  if (!remedy) return said(step);
  return remedy.command === null ? t`${said(remedy.label)}.` : remedyText(saidRemedy(remedy));
}
