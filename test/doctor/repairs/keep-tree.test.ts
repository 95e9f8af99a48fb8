import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { keepTree } from '../../../src/doctor/repairs/keep-tree.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const MEMORY = '/dev/shm';
const GIBIBYTE = 2 ** 30;
const isRoot = process.getuid?.() === 0;

/** Memory is a volume of its own on every Linux. */
async function onAnotherVolume(): Promise<string> {
  const path = await mkdtemp(join(MEMORY, 'ktx-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  expect((await lstat(path)).dev).not.toBe((await lstat(await temporaryFolder())).dev);
  return path;
}

async function treeOfEveryKind(folder: string) {
  const from = join(folder, 'from');
  await mkdir(join(from, 'closed'), { recursive: true });
  await writeFile(join(from, 'text'), 'text');
  await writeFile(join(from, 'closed', 'program'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('nowhere', join(from, 'link'));
  execFileSync('mkfifo', ['-m', '600', join(from, 'pipe')]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(from, 'socket'), resolve));
  onTestFinished(() => void server.close());
  await writeFile(join(from, 'sparse'), 'x');
  await truncate(join(from, 'sparse'), GIBIBYTE);
  if (isRoot) execFileSync('mknod', [join(from, 'device'), 'c', '1', '3']);
  if (isRoot) execFileSync('chown', ['-h', '12345:12345', join(from, 'text'), join(from, 'link')]);
  await chmod(join(from, 'closed'), 0o555);
  // Whole seconds: no file system and no copy rounds them.
  for (const [at, entry] of [...ENTRIES].reverse().entries())
    await lutimes(join(from, entry), 1000, 2000 + at);
  return from;
}

const FACTS = ['mode', 'uid', 'gid', 'mtimeMs', 'size', 'rdev'] as const;

async function factsOf(path: string) {
  const status = await lstat(path);
  const facts = Object.fromEntries(FACTS.map((name) => [name, status[name]]));
  return status.isDirectory() ? { ...facts, size: 0 } : facts;
}

const ENTRIES = [
  '',
  'text',
  'closed',
  'closed/program',
  'link',
  'pipe',
  'socket',
  'sparse',
  ...(isRoot ? ['device'] : []),
];

it.skipIf(process.platform !== 'linux').each(['the same', 'another'])(
  'keeps every kind of entry on %s volume',
  async (volume) => {
    const folder = await temporaryFolder();
    const from = await treeOfEveryKind(folder);
    const to = join(volume === 'another' ? await onAnotherVolume() : folder, 'to');
    expect(await keepTree(from, to)).toEqual([]);
    for (const entry of ENTRIES)
      expect({ entry, ...(await factsOf(join(to, entry))) }).toEqual({
        entry,
        ...(await factsOf(join(from, entry))),
      });
    expect(await readFile(join(to, 'closed', 'program'), 'utf8')).toBe('#!/bin/sh\n');
    expect(await readlink(join(to, 'link'))).toBe('nowhere');
    expect((await lstat(join(to, 'sparse'))).blocks).toBeLessThan(1000);
  },
);

it.skipIf(process.platform !== 'linux')(
  'copies what the system has no program for, and names the rest',
  async () => {
    const folder = await temporaryFolder();
    const from = await treeOfEveryKind(folder);
    await rm(join(from, 'sparse'));
    const to = join(await onAnotherVolume(), 'to');
    const { PATH } = process.env;
    onTestFinished(() => {
      process.env['PATH'] = PATH;
    });
    process.env['PATH'] = folder;
    const lost = await keepTree(from, to);
    expect(lost.map(({ path, what }) => `${what} ${path.slice(from.length)}`).sort()).toEqual([
      ...(isRoot ? ['a device /device'] : []),
      'a pipe /pipe',
      'a socket /socket',
    ]);
    for (const entry of ['', 'text', 'closed', 'closed/program', 'link'])
      expect({ entry, ...(await factsOf(join(to, entry))) }).toEqual({
        entry,
        ...(await factsOf(join(from, entry))),
      });
  },
);

it.skipIf(process.platform !== 'linux' || !isRoot)('fails when the content has no room', async () => {
  const folder = await temporaryFolder();
  const small = join(folder, 'small');
  await mkdir(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]);
  onTestFinished(() => void execFileSync('umount', ['-l', small]));
  await mkdir(join(folder, 'from'));
  await writeFile(join(folder, 'from', 'text'), Buffer.alloc(200_000, 1));
  await expect(keepTree(join(folder, 'from'), join(small, 'to'))).rejects.toMatchObject({ code: 'ENOSPC' });
});
