/** A task on this machine before the next attempt, or instead of it. */
export type MendTask =
  /** Like `ktx admin network set`; also affects later runs. */
  | { kind: 'store-setting'; name: string; value: string }
  /** Like `ktx admin network unset`. */
  | { kind: 'forget-settings' }
  | { kind: 'append-line'; file: string; line: string }
  | { kind: 'move-away'; from: string; to: string }
  /** `u+rwx` or `o-w`. */
  | { kind: 'change-mode'; mode: string; path: string }
  /** Deletes runtimes of other versions. */
  | { kind: 'prune' }
  | { kind: 'save-report'; path: string };

export type MendEffect = { type: 'mend'; task: MendTask };
/** Done; `notice` is shown as one line. */
export type MendAnswer = { type: 'mended'; notice: string };
