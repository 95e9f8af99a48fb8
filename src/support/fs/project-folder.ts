import { join } from 'node:path';
import { errorCode } from '../errors.ts';
import { makeFolder } from './atomic-file.ts';
import { assertNoLinkWithin, createFile } from './regular-file.ts';

/**
 * Creates `<projectDir>/.ktx` with a `.gitignore` that excludes it, as `.venv` has: its content belongs to
 * this machine. An existing `.gitignore` is kept, and one that cannot be written is skipped.
 * @throws UnusableFileError for a link in its place; the file system's error.
 */
export async function makeProjectFolder(projectDir: string): Promise<void> {
  const folder = join(projectDir, '.ktx');
  await assertNoLinkWithin(projectDir, folder);
  await makeFolder(folder);
  try {
    const file = await createFile(join(folder, '.gitignore'));
    await file.writeFile('# Made by ktx for this machine.\n*\n').finally(() => file.close());
  } catch (error) {
    if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
  }
}
