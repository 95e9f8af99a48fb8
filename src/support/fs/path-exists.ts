import { access, constants } from 'node:fs/promises';

/** Whether this path exists and can be reached. False for a dangling link. */
export async function pathExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Whether this user may execute this path. On Windows, which has no such permission, only whether it exists.
 */
export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
