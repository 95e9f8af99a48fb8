import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_LOG_BYTES, openDaemonLog } from '../../src/daemon/log-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-log-'));
  path = join(folder, 'daemon.stderr.log');
});
afterEach(() => rm(folder, { recursive: true }));

async function append(text: string): Promise<void> {
  const handle = await openDaemonLog(path, folder);
  await handle.write(text);
  await handle.close();
}

describe('openDaemonLog', () => {
  it('appends to what is there', async () => {
    await append('one\n');
    await append('two\n');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
    expect(await readdir(folder)).toEqual(['daemon.stderr.log']);
  });

  it('keeps two logs of bounded size, whatever was written before', async () => {
    for (const mark of ['a', 'b', 'c']) {
      await writeFile(path, mark.repeat(MAX_LOG_BYTES + 1));
      await append('new\n');
      expect(await readFile(path, 'utf8')).toBe('new\n');
      expect((await readFile(`${path}.1`, 'utf8'))[0]).toBe(mark);
    }
    expect(await readdir(folder)).toEqual(['daemon.stderr.log', 'daemon.stderr.log.1']);
  });

  it('writes through no link, and moves none', async () => {
    const other = join(folder, 'other');
    await writeFile(other, 'x'.repeat(MAX_LOG_BYTES + 1));
    await symlink(other, path);
    await expect(openDaemonLog(path, folder)).rejects.toThrow('symbolic link');
    expect((await readdir(folder)).sort()).toEqual(['daemon.stderr.log', 'other']);
  });

  it('replaces a link in the place of the older log instead of following it', async () => {
    const other = join(folder, 'other');
    await writeFile(other, 'precious');
    await symlink(other, `${path}.1`);
    await writeFile(path, 'x'.repeat(MAX_LOG_BYTES + 1));
    await append('new\n');
    expect(await readFile(other, 'utf8')).toBe('precious');
  });
});
