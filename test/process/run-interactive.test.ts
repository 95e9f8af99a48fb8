import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runInteractive } from '../../src/process/terminal/run-interactive.ts';
import { asPlatform, shellProgram, withPath } from '../fixtures/as-platform.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

it.skipIf(process.platform === 'win32').each([
  ['exit 0 #', 0],
  ['exit 3 #', 3],
  ['kill -TERM $$ #', 128],
  ['/nowhere/editor', 127],
])('the exit code of %s is %i', async (command, exitCode) => {
  expect(await runInteractive(command, 'file')).toBe(exitCode);
});

describe.skipIf(process.platform === 'win32')(
  'gives the file as the last word, whatever is in its name',
  () => {
    it('to a shell', async () => {
      const folder = await temporaryFolder();
      const editor = await shellProgram(folder, 'editor', `printf '<%s>' "$@" >'${folder}/words'`);
      expect(await runInteractive(`${editor} --wait`, 'a b.yaml')).toBe(0);
      expect(await readFile(join(folder, 'words'), 'utf8')).toBe('<--wait><a b.yaml>');
    });

    it('to the command prompt of Windows', async () => {
      const folder = await temporaryFolder();
      await shellProgram(folder, 'cmd.exe', `printf '<%s>' "$@" >'${folder}/words'`);
      asPlatform('win32');
      withPath(folder);
      expect(await runInteractive('code --wait', 'a b.yaml')).toBe(0);
      expect(await readFile(join(folder, 'words'), 'utf8')).toBe('</d></s></c><"code --wait "a b.yaml"">');
    });
  },
);
