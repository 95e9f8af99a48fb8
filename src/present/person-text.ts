import { harmlessText } from '../support/harmless.ts';
import { withOwnCommand } from '../support/own-command.ts';

/** Text for display: without terminal control characters, and with commands that can be typed as shown. */
export function personText(text: string): string {
  return harmlessText(withOwnCommand(text));
}
