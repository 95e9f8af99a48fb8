import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence, SetupError } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularFile } from '../../support/fs/regular-file.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { editYaml, type YamlEdit } from './edit-yaml.ts';

const MAX_BYTES = 1024 * 1024;

interface KtxYamlFile {
  /** The real path: `ktx.yaml` may be a link. */
  path: string;
  text: string;
  mode: number;
}

async function readKtxYaml(projectDir: string): Promise<KtxYamlFile> {
  const named = join(projectDir, 'ktx.yaml');
  try {
    const path = await realpath(named);
    const status = await stat(path);
    // The folder may come from a cloned repository, where reading a pipe or device would never end.
    if (!status.isFile() || status.size > MAX_BYTES) {
      throw fileError(`${named} is not a regular file of at most 1 MB.`);
    }
    const bytes = await readRegularFile(path, { maxBytes: MAX_BYTES });
    const text = bytes.toString('utf8');
    // Text that is not UTF-8 could not be written back unchanged.
    if (!Buffer.from(text).equals(bytes)) throw fileError(`${named} is not UTF-8 text.`);
    return { path, text, mode: status.mode & 0o777 };
  } catch (error) {
    if (isAbsence(error)) return { path: named, text: '', mode: 0o644 };
    throw error;
  }
}

/**
 * The text of the project's `ktx.yaml`; empty when there is none. @throws SetupError when it is not a text
 * file
 */
export async function readKtxYamlText(projectDir: string): Promise<string> {
  return (await readKtxYaml(projectDir)).text;
}

/**
 * Sets values in the project's `ktx.yaml`, creating the file if necessary. The write is atomic.
 * @throws SetupError as `editYaml` does, or when another process changed the file meanwhile; nothing is
 * written then.
 */
export async function editKtxYaml(projectDir: string, edits: readonly YamlEdit[]): Promise<void> {
  const file = await readKtxYaml(projectDir);
  const edited = editYaml(file.text, edits);
  if (edited === file.text) return;
  if ((await readKtxYamlText(projectDir)) !== file.text) {
    throw fileError(`${file.path} was changed while it was being edited.`);
  }
  await writeFileAtomic(file.path, edited, file.mode);
}

function fileError(message: string): SetupError {
  return new SetupError(message, {
    failureClass: 'conflict',
    remedies: [otherRemedy('Look at ktx.yaml and run the command again')],
  });
}
