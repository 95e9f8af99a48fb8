import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readWriteMark, withWriteAccess } from '../../src/runtime/write-access.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const HOLDER = join(PACKAGE_ROOT, 'test', 'fixtures', 'access-holder.ts');

interface Holder {
  child: ChildProcess;
  printed(): string;
  /** Resolves when the text is printed. */
  until(text: string): Promise<void>;
}

function holder(runtimeRoot: string, version = '0.3.0', step = 'packages'): Holder {
  const child = spawn(process.execPath, [HOLDER, runtimeRoot, version, step], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return {
    child,
    printed: () => printed,
    async until(text) {
      while (!printed.includes(text)) await once(child.stdout!, 'data');
    },
  };
}

async function given(change: { version?: string; signal?: AbortSignal; vfs?: string } = {}) {
  const runtimeRoot = await temporaryFolder();
  const notes: string[] = [];
  const { version = '0.3.0', ...rest } = change;
  const note = (_level: string, text: string) => void notes.push(text);
  return { runtimeRoot, notes, options: { runtimeRoot, versions: [version], step: 'test', note, ...rest } };
}

it("one at a time, and the next one is told the holder's pid, time and step", async () => {
  const { runtimeRoot, notes, options } = await given();
  const first = holder(runtimeRoot);
  await first.until('has access');
  const second = withWriteAccess(options, async ({ hasWaited }) => hasWaited);
  while (notes.length === 0) await delay(10);
  expect(notes[0]).toMatch(
    new RegExp(
      `^Waiting for another ktx.*process ${first.child.pid}, since \\d{4}-.*, step packages\\. Ctrl\\+C stops`,
    ),
  );
  first.child.stdin!.write('stop\n');
  expect(await second).toBe(true);
  expect(notes).toHaveLength(1);
});

it('another version waits for the shared folder', async () => {
  const { runtimeRoot, notes, options } = await given({ version: '0.4.0' });
  const first = holder(runtimeRoot, '0.3.0');
  await first.until('has access');
  const second = withWriteAccess(options, async () => 'after');
  while (notes.length === 0) await delay(10);
  first.child.stdin!.write('stop\n');
  expect(await second).toBe('after');
});

it('a stopped holder keeps it, a killed one does not', async () => {
  const { runtimeRoot, options } = await given();
  const first = holder(runtimeRoot);
  await first.until('has access');
  first.child.kill('SIGSTOP');
  expect(await withWriteAccess({ ...options, shouldWait: false }, async () => 'in')).toBeNull();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await withWriteAccess({ ...options, shouldWait: false }, async () => 'in')).toBe('in');
});

it('a waiting process can stop, and leaves nothing locked', async () => {
  const stop = new AbortController();
  const { runtimeRoot, notes, options } = await given({ signal: stop.signal, version: '0.4.0' });
  const first = holder(runtimeRoot, '0.3.0');
  await first.until('has access');
  const waiting = withWriteAccess(options, async () => 'in');
  while (notes.length === 0) await delay(10);
  stop.abort();
  await expect(waiting).rejects.toThrow(CancelledError);
  // The lock of its own version, which it had already taken, is free again.
  const other = holder(runtimeRoot, '0.4.0');
  first.child.stdin!.write('stop\n');
  await other.until('has access');
});

it('its holder stands beside the lock while it is held, with the step it is at, and not afterwards', async () => {
  const { runtimeRoot, options } = await given();
  const locks = join(runtimeRoot, 'uv', 'locks');
  await withWriteAccess(options, async ({ setStep }) => {
    setStep('packages');
    const holder = JSON.parse(await readFile(join(locks, 'root.lock.holder.json'), 'utf8'));
    expect(holder).toMatchObject({ pid: process.pid, host: hostname(), step: 'packages' });
  });
  expect((await readdir(locks)).sort()).toEqual(['0.3.0.lock', 'root.lock']);
});

it('a failing action lets go', async () => {
  const { options } = await given();
  const fail = async () => {
    throw new Error('no');
  };
  await expect(withWriteAccess(options, fail)).rejects.toThrow('no');
  expect(await withWriteAccess({ ...options, shouldWait: false }, async () => 'in')).toBe('in');
});

it('reports a file system that cannot lock', async () => {
  const { notes, options } = await given({ vfs: 'unix-none' });
  expect(await withWriteAccess(options, async () => 'in')).toBe('in');
  expect(notes.join()).toMatch(/cannot lock files: do not run two commands/);
});

it('ten concurrent processes run one after the other', async () => {
  const runtimeRoot = await temporaryFolder();
  const notes: string[] = [];
  const note = (_level: string, text: string) => void notes.push(text);
  let inside = 0;
  let most = 0;
  const run = (index: number) =>
    withWriteAccess({ runtimeRoot, versions: [`0.${index % 3}.0`], step: 'test', note }, async () => {
      most = Math.max(most, ++inside);
      await delay(5);
      inside--;
    });
  await Promise.all(Array.from({ length: 10 }, (_, index) => run(index)));
  expect(most).toBe(1);
});

it("a holder's name that cannot be removed neither keeps a lock nor hides what was done", async () => {
  const { runtimeRoot, options } = await given();
  const name = join(runtimeRoot, 'uv', 'locks', 'root.lock.holder.json');
  const done = withWriteAccess(options, async () => {
    await rm(name);
    await mkdir(name);
    return 'done';
  });
  expect(await done).toBe('done');
  expect(await withWriteAccess({ ...options, shouldWait: false }, async () => 'in')).toBe('in');
});

describe('a plan that was made without it', () => {
  it('holds while no one has held the locks since', async () => {
    const { runtimeRoot, options } = await given();
    const changed = async (mark: string | null) =>
      withWriteAccess(options, async ({ hasChangedSince }) => hasChangedSince(mark));
    expect(await readWriteMark(runtimeRoot)).toBeNull();
    expect(await changed(null)).toBe(false);
    const planned = await readWriteMark(runtimeRoot);
    expect(planned).not.toBeNull();
    expect(await changed(planned)).toBe(false);
    expect(await changed(planned)).toBe(true);
    expect(await changed(null)).toBe(true);
  });

  it('does not hold when it was made while another process held the locks and then ended', async () => {
    const { runtimeRoot, options } = await given();
    const planned = await withWriteAccess(options, async () => {
      const mark = await readWriteMark(runtimeRoot);
      await delay(20);
      return mark;
    });
    expect(await withWriteAccess(options, async ({ hasChangedSince }) => hasChangedSince(planned))).toBe(
      true,
    );
  });

  it.each([
    ['before somebody took it', false],
    ['while he had it', true],
  ])('does not, when it was made %s and he was killed', async (_when, isMadeMeanwhile) => {
    const { runtimeRoot, options } = await given();
    await withWriteAccess(options, async () => {});
    let planned = await readWriteMark(runtimeRoot);
    await delay(20);
    const killed = holder(runtimeRoot);
    await killed.until('has access');
    if (isMadeMeanwhile) planned = await readWriteMark(runtimeRoot);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    // Without a holder file, as on a full disk, only the mark tells.
    if (!isMadeMeanwhile) await rm(join(runtimeRoot, 'uv', 'locks', 'root.lock.holder.json'));
    const seen = await withWriteAccess(options, async ({ hasWaited, hasChangedSince }) => [
      hasWaited,
      hasChangedSince(planned),
    ]);
    expect(seen).toEqual([false, true]);
  });
});

describe('reports a place where no folder can be created, instead of trying forever', () => {
  it.runIf(process.platform === 'linux')('below a file system that refuses', async () => {
    const { options } = await given();
    const access = withWriteAccess({ ...options, runtimeRoot: '/proc/ktx-runtime' }, async () => {});
    await expect(access).rejects.toThrow(
      'The folder for lock files cannot be created: /proc/ktx-runtime/uv/locks',
    );
  });

  it.each([['uv'], ['uv', 'locks']])('where a file is in its place: %s', async (...names) => {
    const { runtimeRoot, options } = await given();
    await mkdir(join(runtimeRoot, ...names, '..'), { recursive: true });
    await writeFile(join(runtimeRoot, ...names), '');
    await expect(withWriteAccess(options, async () => {})).rejects.toThrow('cannot be created');
  });
});

it('nested calls get it without waiting, and it is held until the outer one ends', async () => {
  const { runtimeRoot, options } = await given();
  const other = await withWriteAccess(options, async ({ hasChangedSince }) => {
    const planned = await readWriteMark(runtimeRoot);
    expect(hasChangedSince(planned)).toBe(false);
    await withWriteAccess(options, async (inner) => expect(inner.hasChangedSince(planned)).toBe(false));
    const late = holder(runtimeRoot);
    await late.until('note: Waiting');
    await expect(withWriteAccess({ ...options, versions: ['0.9.0'] }, async () => 'in')).rejects.toThrow(
      'no lock is held for 0.9.0',
    );
    expect(late.printed()).not.toContain('has access');
    return late;
  });
  await other.until('has access after waiting');
});

it('work left running by an action takes the locks like any other process', async () => {
  const { options } = await given();
  let leftOver: Promise<boolean> = Promise.resolve(false);
  const ended = Promise.withResolvers<void>();
  await withWriteAccess(options, async () => {
    leftOver = ended.promise.then(() => withWriteAccess(options, async ({ hasWaited }) => hasWaited));
  });
  await withWriteAccess(options, async () => {
    ended.resolve();
    await delay(200);
  });
  expect(await leftOver).toBe(true);
});
