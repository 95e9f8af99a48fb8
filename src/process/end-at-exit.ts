import { killTreeNow, type TreeRoot } from './kill-tree.ts';

const roots = new Set<() => TreeRoot>();
let hasHandler = false;

/**
 * An uncaught error in this process must not leave a child behind: `exit` is the last moment to end it. `root` is
 * asked then. Returns what takes it off the list.
 */
export function endAtExit(root: () => TreeRoot): () => void {
  if (!hasHandler) {
    hasHandler = true;
    process.on('exit', () => {
      for (const current of roots) killTreeNow(current());
    });
  }
  roots.add(root);
  return () => roots.delete(root);
}
