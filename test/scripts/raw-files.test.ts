import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** Each way to a function that opens whatever lies at a path; the last line asks for one that opens nothing. */
const WAYS = [
  "import { readFile } from 'node:fs/promises';",
  "import { openSync } from 'node:fs';",
  "import fs from 'node:fs';",
  "import * as all from 'node:fs';",
  "export const { open } = await import('node:fs/promises');",
  "import { stat } from 'node:fs/promises';",
];

test('the linter lets only the rooms that guard them open files', async () => {
  const folder = await temporaryFolder();
  for (const name of ['biome.json', 'biome.floors.json'])
    await copyFile(join(PACKAGE_ROOT, name), join(folder, name));
  for (const room of ['src/report', 'src/support/fs']) {
    await mkdir(join(folder, room), { recursive: true });
    await writeFile(
      join(folder, room, 'probe.ts'),
      `${WAYS.join('\n')}\nexport const used = [readFile, openSync, fs, all, stat];\n`,
    );
  }
  const args = ['lint', '--vcs-enabled=false', '--colors=off', '--reporter=github'];
  const said = await promisify(execFile)(
    join(PACKAGE_ROOT, 'node_modules', '.bin', 'biome'),
    [...args, '--only=style/noRestrictedImports', '.'],
    { cwd: folder },
  ).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
  const found = [...said.matchAll(/file=(\S+?),line=(\d+),.*Files are opened by/g)];
  expect(found.map(([, file, line]) => [file!.split('/src/')[1], Number(line)])).toEqual(
    [1, 2, 3, 4, 5].map((line) => ['report/probe.ts', line]),
  );
});
