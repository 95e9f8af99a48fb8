/** Something that is done on this machine before the next attempt, or instead of it. */
export type MendTask =
  /** As `ktx admin network set` does; for later runs too. */
  | { kind: 'store-setting'; name: string; value: string }
  /** As `ktx admin network unset` does. */
  | { kind: 'forget-settings' }
  | { kind: 'append-line'; file: string; line: string }
  | { kind: 'move-away'; from: string; to: string }
  /** `u+rwx` or `o-w`. */
  | { kind: 'change-mode'; mode: string; path: string }
  /** Runtimes of other versions are deleted. */
  | { kind: 'prune' }
  | { kind: 'save-report'; path: string };

export type MendEffect = { type: 'mend'; task: MendTask };
/** It is done; `notice` is worth a line. */
export type MendAnswer = { type: 'mended'; notice: string };
