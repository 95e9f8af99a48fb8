import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CancelledError } from '../../../src/support/errors.ts';
import { hashFiles, startHashThread } from '../../../src/support/fs/hash-files.ts';
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

it('uses a thread that was started ahead once, and does without one that was ended', async () => {
  const stop = new AbortController();
  const hash = async () => (await hashFiles([import.meta.filename]))[0];
  const found = await hash();
  expect(found).toHaveProperty('sha256');
  startHashThread(stop.signal);
  expect(await hash()).toEqual(found);
  expect(await hash()).toEqual(found);
  startHashThread(stop.signal);
  stop.abort();
  expect(await hash()).toEqual(found);
});

it('holds up no process that does not use the thread it has started', () => {
  const module = join(import.meta.dirname, '../../../src/support/fs/hash-files.ts');
  const script = `import(${JSON.stringify(module)}).then((m) => m.startHashThread(new AbortController().signal))`;
  const { status } = spawnSync(process.execPath, ['-e', script], { timeout: 60_000 });
  expect(status).toBe(0);
});

it('holds up a process until the thread that was started ahead has answered', () => {
  const module = join(import.meta.dirname, '../../../src/support/fs/hash-files.ts');
  const script = `import(${JSON.stringify(module)}).then(async (m) => {
    m.startHashThread(new AbortController().signal);
    await new Promise(setImmediate);
    console.log((await m.hashFiles([${JSON.stringify(module)}]))[0].sha256.length);
  })`;
  const { status, stdout } = spawnSync(process.execPath, ['-e', script], {
    timeout: 60_000,
    encoding: 'utf8',
  });
  expect([status, stdout.trim()]).toEqual([0, '64']);
});
