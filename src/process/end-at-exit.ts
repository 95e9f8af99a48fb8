import { killTreeNow, type TreeRoot } from './kill-tree.ts';

const roots = new Set<() => TreeRoot>();
let hasHandler = false;

/**
 * Kills the tree when this process exits, so that an uncaught error leaves no child behind. `root` is called
 * at that moment. Returns a function that unregisters it.
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
