import type { LogSnapshot } from '../../src/present/log-store.ts';
import { planChoices } from '../../src/wizard/choices.ts';
import { commandFor, type KeyName, typedText } from '../../src/wizard/keys.ts';
import type { Command, WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { isTiny, type Size } from './layout.ts';
import { planRoom } from './plan-layout.ts';
import { viewSize } from './view-size.ts';

export interface KeyContext {
  size: Size;
  log: LogSnapshot;
  homeDir: string;
  nowMs: number;
}

/** The event for a key pressed in a window of this size; `null`: none. Pure. */
export function pressed(state: WizardState, name: KeyName, context: KeyContext): WizardEvent | null {
  const { size, log, homeDir, nowMs } = context;
  const text = typedText(state, name);
  if (text !== null) return isTiny(size) ? null : { type: 'text', text };
  const command = commandFor(state, name);
  if (command === null || (isTiny(size) && !isBlindCommand(command))) return null;
  if (isConfirmingUnseen(state, command, size, homeDir)) return null;
  return { type: 'command', command, view: viewSize(state, size, log, homeDir), nowMs };
}

/**
 * Whether a command is allowed in a window too small to show choices: the user must not confirm what they
 * cannot see.
 */
function isBlindCommand(command: Command): boolean {
  return command === 'quit' || command === 'interrupt' || command === 'stop-yes' || command === 'stop-no';
}

/** Confirming a plan in a window too small for everything that the user agrees to. */
function isConfirmingUnseen(state: WizardState, command: Command, size: Size, homeDir: string): boolean {
  if (command !== 'confirm' || state.screen !== 'plan' || state.summary === null) return false;
  const { runtimeRoot } = state.overview;
  const isAgreeing = planChoices(state)[state.cursor]?.id === 'install';
  return isAgreeing && !planRoom(state.summary, { runtimeRoot, homeDir }, size).isConsentWhole;
}
