import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CancelledError } from '../../../src/support/errors.ts';
import { hashFiles } from '../../../src/support/fs/hash-files.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it('gives each file its digest, in their order, and says what is none', async () => {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder, name);
  // Longer than one read.
  const large = Buffer.alloc(700_000, 'ktx');
  await writeFile(at('large'), large);
  await writeFile(at('empty'), '');
  await symlink('large', at('link'));
  await mkdir(at('folder'));
  const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const whole = { sizeBytes: large.length, sha256: sha256(large) };
  expect(await hashFiles(['large', 'gone', 'empty', 'folder', 'link'].map(at))).toEqual([
    whole,
    { problem: 'missing' },
    { sizeBytes: 0, sha256: sha256(Buffer.alloc(0)) },
    { problem: 'not-a-file' },
    whole,
  ]);
});

it.runIf(process.platform === 'linux')('does not wait at a named pipe', async () => {
  const path = join(await temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  expect(await hashFiles([path])).toEqual([{ problem: 'not-a-file' }]);
});

it('says why a file cannot be read', async () => {
  const [found] = await hashFiles(['/proc/self/mem']);
  if (process.platform === 'linux') expect(found).toEqual({ problem: 'unreadable', code: 'EIO' });
});

it('ends when it is told to', async () => {
  const stop = new AbortController();
  const hashing = hashFiles([process.execPath], stop.signal);
  stop.abort();
  await expect(hashing).rejects.toThrow(CancelledError);
});
