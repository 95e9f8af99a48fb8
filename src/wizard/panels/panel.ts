import { type Choice, type Command, moved } from './command.ts';
import type { Field } from './field.ts';

/** One line of a panel. It is wrapped where it is too long; what does not fit is scrolled. */
export interface PanelLine {
  text: string;
  mark?: 'done' | 'failed' | 'warning' | 'running' | 'later' | 'added' | 'removed';
  tone?: 'plain' | 'faint' | 'bold';
}

/** What any panel shows: the same screen draws all of them. */
export interface PanelView {
  title: string;
  status: 'running' | 'asking' | 'done' | 'failed';
  lines: readonly PanelLine[];
  choices: readonly Choice<string>[];
  cursor: number;
  /** Takes the place of the choices. */
  field: Field | null;
}

/** Where a panel leads when it closes. */
export type PanelExit<Changes> =
  /** Back to the screen that opened it. */
  | { to: 'behind' }
  /** The machine is not as it was, so it is looked at anew. */
  | { to: 'overview' }
  /** A new plan, with these changes. */
  | { to: 'plan'; changes: Changes };

/** What a command or an answer leads to: the next panel, with something to do, or the way out. */
export type PanelStep<P, E, Changes = never> =
  | { panel: P; effect?: E | 'cancel' }
  | { exit: PanelExit<Changes> };

export function stayIn<P>(panel: P): { panel: P } {
  return { panel };
}

export const BEHIND = { exit: { to: 'behind' } } as const;

/** The commands that every list of choices takes; `null` for others. */
export function movedIn<P extends { cursor: number }>(
  panel: P,
  command: Command,
  count: number,
): { panel: P } | null {
  if (command !== 'previous' && command !== 'next') return null;
  return { panel: { ...panel, cursor: moved(panel.cursor, command, count) } };
}

export function plainLines(texts: readonly string[], tone: PanelLine['tone'] = 'plain'): PanelLine[] {
  return texts.map((text) => ({ text, tone }));
}
