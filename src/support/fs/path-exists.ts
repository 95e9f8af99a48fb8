import { access, constants } from 'node:fs/promises';

/** Whether something is at this path that can be reached; a dangling link is nothing. */
export async function pathExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether this user may run what is at this path. Windows knows no such permission, and asks only whether it is there. */
export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
