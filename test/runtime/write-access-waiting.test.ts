import { mkdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { withWriteAccess } from '../../src/runtime/write-access.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** One process holds the lock of version 0.3.0 and another waits for it. */
async function waiting(options: { versions?: string[]; holder?: object } = {}) {
  const runtimeRoot = await temporaryFolder();
  const { locksDir } = sharedLayout(runtimeRoot);
  await mkdir(locksDir, { recursive: true });
  const pathOf = (name: string) => join(locksDir, `${name}.lock`);
  const held = tryFileLock(pathOf('0.3.0'))!;
  const self = { pid: process.pid, start: readProcessStart(process.pid), host: hostname() };
  const holder = { ...self, step: 'packages', since: 'noon', ...options.holder };
  await writeFile(`${pathOf('0.3.0')}.holder.json`, JSON.stringify(holder));
  const notes: string[] = [];
  const stop = new AbortController();
  const action = withWriteAccess(
    {
      runtimeRoot,
      versions: options.versions ?? ['0.3.0'],
      step: 'test',
      signal: stop.signal,
      note: (_level, text) => void notes.push(text),
    },
    async ({ hasWaited }) => hasWaited,
  );
  action.catch(() => {});
  onTestFinished(() => stop.abort());
  const told = async () => {
    while (notes.length === 0) await delay(5);
    return notes;
  };
  return { locksDir, pathOf, held, action, told, notes };
}

it('versions in order and the shared folder last, so that no deadlock is possible', async () => {
  const { pathOf, held, action, told } = await waiting({ versions: ['0.4.0', '0.3.0', '0.4.0'] });
  await told();
  for (const name of ['0.4.0', 'root']) {
    const free = tryFileLock(pathOf(name));
    expect(free, name).not.toBeNull();
    free!.release();
  }
  held.release();
  expect(await action).toBe(true);
});

it('says once whom it waits for, however long that takes', async () => {
  const { held, action, told, notes } = await waiting();
  await told();
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  // It looks at the clock each time it tries.
  await vi.waitFor(() => expect(clock.mock.calls.length).toBeGreaterThan(2), PATIENT);
  expect(notes).toHaveLength(1);
  held.release();
  expect(await action).toBe(true);
});

it('an uninstall deletes the locks folder when it ends, and a waiting process creates it again', async () => {
  const { locksDir, held, action, told } = await waiting();
  await told();
  await rm(locksDir, { recursive: true });
  held.release();
  expect(await action).toBe(true);
});

it.each([
  ['a process that is gone', { pid: 2 ** 22 + 1, start: '1' }],
  ['an earlier process with the same id', { start: '1' }],
])(
  'the name of %s is not told; after a while it is said that nobody is to be seen',
  async (_name, holder) => {
    const { pathOf, held, action, notes, told } = await waiting({ holder });
    // It has checked once already, and would have reported a holder's name at once.
    expect(notes).toEqual([]);
    const start = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => start + 60_000);
    onTestFinished(() => clock.mockRestore());
    expect(await told()).toEqual([
      expect.stringContaining(`${pathOf('0.3.0')} is locked, but by no process that can be seen here`),
    ]);
    held.release();
    expect(await action).toBe(true);
  },
);

it('names the host of a holder on another host, which cannot be checked from here', async () => {
  const { held, action, told } = await waiting({ holder: { host: 'elsewhere.example', start: '1' } });
  expect((await told())[0]).toContain(`process ${process.pid} on elsewhere.example`);
  held.release();
  expect(await action).toBe(true);
});

it('a holder file that cannot be written does not prevent locking', async () => {
  const runtimeRoot = await temporaryFolder();
  const { locksDir } = sharedLayout(runtimeRoot);
  const inTheWay = join(locksDir, 'root.lock.holder.json');
  await mkdir(join(inTheWay, 'x'), { recursive: true });
  const options = { runtimeRoot, versions: [], step: 'test', note: () => {} };
  const isHeld = await withWriteAccess(options, async () => {
    await rm(inTheWay, { recursive: true });
    return tryFileLock(join(locksDir, 'root.lock')) === null;
  });
  expect(isHeld).toBe(true);
});
