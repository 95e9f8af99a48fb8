import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { spawnDetached } from '../../src/process/spawn-detached.ts';
import { endNow } from '../fixtures/family.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function start(command: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const folder = await temporaryFolder();
  const log = await open(join(folder, 'log'), 'a');
  try {
    const child = spawnDetached(command, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env });
    onTestFinished(() => endNow(child.pid ? [child.pid] : []));
    return { child, folder, read: () => readFile(join(folder, 'log'), 'utf8') };
  } finally {
    await log.close();
  }
}

describe('spawnDetached', () => {
  it('runs in a session of its own, with only the given environment', async () => {
    const script =
      'import os; print(os.getsid(0) == os.getpid(), sorted(k for k in os.environ if k != "LC_CTYPE"))';
    const { child, read } = await start('/usr/bin/python3', ['-c', script], { A: '1' });
    expect(await child.ended).toBe('ended with exit code 0');
    expect(await read()).toBe("True ['A']\n");
  });

  it('says how it ended', async () => {
    const { child } = await start('/bin/sh', ['-c', 'kill -9 $$']);
    expect(await child.ended).toBe('was ended by SIGKILL');
  });

  it.each([
    ['missing', '/nowhere/ktx-daemon', 'ENOENT'],
    ['below a file, which Node throws for', '/etc/hostname/ktx-daemon', 'ENOTDIR'],
    ['a folder', '/tmp', 'EACCES'],
  ])('H2. a program that is %s has no pid and does not crash', async (_name, command, code) => {
    const { child } = await start(command);
    expect(child.pid).toBeUndefined();
    child.unref();
    expect(await child.ended).toMatch(new RegExp(`^could not be started: .*${code}`));
  });

  it('H2. nor does a file that is no program', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'ktx-daemon'), 'text', { mode: 0o644 });
    const { child } = await start(join(folder, 'ktx-daemon'));
    expect(child.pid).toBeUndefined();
    expect(await child.ended).toMatch(/EACCES/);
  });
});
