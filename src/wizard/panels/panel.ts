import { type Choice, type Command, moved } from './command.ts';
import type { Field } from './field.ts';

/** One line of a panel. Long lines wrap; overflow scrolls. */
export interface PanelLine {
  text: string;
  mark?: 'done' | 'failed' | 'warning' | 'running' | 'later' | 'added' | 'removed';
  tone?: 'plain' | 'faint' | 'bold';
}

/** The content of any panel, drawn by one screen. */
export interface PanelView {
  title: string;
  status: 'running' | 'asking' | 'done' | 'failed';
  lines: readonly PanelLine[];
  choices: readonly Choice<string>[];
  cursor: number;
  /** Replaces the choices. */
  field: Field | null;
}

/** Where a panel leads when it closes. */
export type PanelExit<Changes> =
  /** Back to the screen that opened it. */
  | { to: 'behind' }
  /** Back to it; checks shown there run again. */
  | { to: 'changed' }
  /** The machine has changed: examine it again. */
  | { to: 'overview' }
  /** Plan again with these changes. */
  | { to: 'plan'; changes: Changes };

/** The result of a command or an answer: the next panel with an optional effect, or an exit. */
export type PanelStep<P, E, Changes = never> =
  | { panel: P; effect?: E | 'cancel' }
  | { exit: PanelExit<Changes> };

export function stayIn<P>(panel: P): { panel: P } {
  return { panel };
}

export const BEHIND = { exit: { to: 'behind' } } as const;

/** Handles the commands that every list of choices accepts; `null` for others. */
export function movedIn<P extends { cursor: number }>(
  panel: P,
  command: Command,
  count: number,
): { panel: P } | null {
  if (!['previous', 'next', 'first', 'last'].includes(command)) return null;
  return { panel: { ...panel, cursor: moved(panel.cursor, command, count) } };
}

export function plainLines(texts: readonly string[], tone: PanelLine['tone'] = 'plain'): PanelLine[] {
  return texts.map((text) => ({ text, tone }));
}
