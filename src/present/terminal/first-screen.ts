import type { KeyName } from '../../wizard/keys.ts';
import type { WizardState } from '../../wizard/state.ts';
import type { TerminalModes } from './terminal-modes.ts';

/** A terminal that is taken already, with the first screen on it: what the wizard takes over from it. */
export interface FirstScreen {
  terminal: TerminalModes;
  /** What is on the screen before any key: a guess at what the wizard will begin with. `null`: nothing to choose yet. */
  guess: WizardState | null;
  /**
   * Stops reading keys and drawing.
   * @returns the keys that were pressed so far; `isStale` when the window has another size than what was drawn last.
   */
  release(): { keys: readonly KeyName[]; isStale: boolean };
  /** Gives the terminal back, where no wizard takes over. May be called twice. */
  close(): void;
}
