/** The meaning of a key. `keys.ts` maps keys to commands for each screen. */
export type Command =
  | 'previous'
  | 'next'
  | 'left'
  | 'right'
  | 'first'
  | 'last'
  | 'confirm'
  | 'back'
  | 'quit'
  | 'interrupt'
  | 'help'
  | 'scroll-up'
  | 'scroll-down'
  | 'page-up'
  | 'page-down'
  | 'log-start'
  | 'log-end'
  | 'toggle-log'
  | 'toggle-wrap'
  | 'find'
  | 'find-above'
  | 'find-below'
  | 'toggle-details'
  | 'undo'
  | 'network'
  | 'repair'
  | 'deep'
  | 'start'
  | 'stop'
  | 'stop-yes'
  | 'stop-no'
  | 'erase'
  | 'erase-all';

export interface Choice<Id extends string> {
  id: Id;
  label: string;
  /** What it does, in a few words; shown where there is room. */
  about?: string;
}

/**
 * The next position in choices drawn in rows of some columns: each arrow moves as it looks. Stays where there is
 * nothing in that direction.
 */
export function movedInGrid(cursor: number, command: Command, count: number, columns: number): number {
  const column = cursor % columns;
  const target = {
    previous: cursor - columns,
    next: cursor + columns,
    left: column > 0 ? cursor - 1 : cursor,
    right: column < columns - 1 ? cursor + 1 : cursor,
    first: 0,
    last: count - 1,
  }[command as string];
  return target === undefined || target < 0 || target >= count ? cursor : target;
}

/** The next position in a list, without wrapping, so that holding a key stops at the end. */
export function moved(cursor: number, command: Command, count: number): number {
  if (command === 'first') return 0;
  if (command === 'last') return Math.max(0, count - 1);
  const step = command === 'next' ? 1 : command === 'previous' ? -1 : 0;
  return Math.max(0, Math.min(count - 1, cursor + step));
}
