import { mkdir, readdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openJournal } from '../../src/runtime/journal.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

it('a finished run leaves no journal', async () => {
  const runsDir = join(await temporaryFolder(), 'runs');
  const journal = openJournal({ runsDir, cliVersion: '0.3.0' });
  await mkdir(join(journal.runDir, 'cache'));
  expect(await readdir(runsDir)).toEqual([journal.runId]);
  journal.close();
  expect(await readdir(runsDir)).toEqual([]);
});

it('a journal that cannot be removed does not turn success into a failure', async () => {
  const runsDir = join(await temporaryFolder(), 'runs');
  const journal = openJournal({ runsDir, cliVersion: '0.3.0' });
  await rename(runsDir, `${runsDir}.aside`);
  // A link loop fails for root too.
  await symlink(runsDir, runsDir);
  expect(() => journal.close()).not.toThrow();
});
