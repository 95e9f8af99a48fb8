import { access } from 'node:fs/promises';

/** Whether something is at this path that can be reached; a dangling link is nothing. */
export async function pathExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
