import { harmlessText } from '../support/harmless.ts';
import { withOwnCommand } from '../support/own-command.ts';

/** Text as a person sees it: no terminal obeys it, and every command in it can be typed as it stands. */
export function personText(text: string): string {
  return harmlessText(withOwnCommand(text));
}
