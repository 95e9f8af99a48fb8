import type { KeyName } from '../../wizard/keys.ts';
import type { WizardState } from '../../wizard/state.ts';
import type { TerminalModes } from './terminal-modes.ts';

/** A terminal that already shows the first screen, for the wizard to take over. */
export interface FirstScreen {
  terminal: TerminalModes;
  /** The predicted initial state of the wizard, before any key. `null`: nothing to choose yet. */
  guess: WizardState | null;
  /**
   * Stops reading keys and drawing.
   * @returns the keys pressed so far; `isStale` when the window size differs from the last frame.
   */
  release(): { keys: readonly KeyName[]; isStale: boolean };
  /** Restores the terminal when no wizard takes over. May be called twice. */
  close(): void;
}
