import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { withHostLock } from '../../src/hosts/host-lock.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const second = (date: Date) => Math.floor(date.getTime() / 1000);

it('changes of a host run one after the other, each in a second of its own', async () => {
  const homeDir = await temporaryFolder();
  let running = 0;
  const times = await Promise.all(
    ['H', 'h', 'H'].map((host) =>
      withHostLock({ homeDir, host }, async (now) => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running--;
        return now;
      }),
    ),
  );
  const all = times.sort((a, b) => a.getTime() - b.getTime());
  expect(new Set(all.map(second)).size).toBe(3);
});

it('changes of two hosts do not wait for each other', async () => {
  const homeDir = await temporaryFolder();
  await withHostLock({ homeDir, host: 'a' }, () => withHostLock({ homeDir, host: 'b' }, async () => {}));
});

it('a run that is killed leaves no lock, and its second stays its own', async () => {
  const homeDir = await temporaryFolder();
  const module = join(PACKAGE_ROOT, 'src/hosts/host-lock.ts');
  const script = `import { withHostLock } from ${JSON.stringify(module)};
    await withHostLock({ homeDir: ${JSON.stringify(homeDir)}, host: 'h' }, async (now) => {
      process.stdout.write(String(now.getTime()));
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [first] = await once(child.stdout, 'data');
  const waiting = Promise.withResolvers<void>();
  const next = withHostLock({ homeDir, host: 'h', onWait: waiting.resolve }, async (now) => now);
  await waiting.promise;
  child.kill('SIGKILL');
  expect(second(await next)).toBeGreaterThan(second(new Date(Number(first))));
});

it('waiting can be cancelled', async () => {
  const homeDir = await temporaryFolder();
  const controller = new AbortController();
  await withHostLock({ homeDir, host: 'h' }, async () => {
    const waiting = withHostLock(
      { homeDir, host: 'h', signal: controller.signal, onWait: () => controller.abort() },
      async () => {},
    );
    await expect(waiting).rejects.toThrow(CancelledError);
  });
});

it('a lock that cannot be made is named', async () => {
  const homeDir = await temporaryFolder();
  await writeFile(join(homeDir, '.ktx'), '');
  await expect(withHostLock({ homeDir, host: 'h' }, async () => {})).rejects.toThrow(
    /lock for changes of a model host cannot be used: .*\.lock$/,
  );
});

it('is free again as soon as the work is over, whether it succeeded or not', async () => {
  const homeDir = await temporaryFolder();
  const isFree = async () => {
    const folder = join(homeDir, '.ktx', 'locks');
    const lock = tryFileLock(join(folder, (await readdir(folder))[0]!));
    lock?.release();
    return lock !== null;
  };
  await withHostLock({ homeDir, host: 'h' }, async () => expect(await isFree()).toBe(false));
  expect(await isFree()).toBe(true);
  const failing = withHostLock({ homeDir, host: 'h' }, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await isFree()).toBe(true);
});

it('a change in the future, as after a clock was set back, is waited for no longer than a second', async () => {
  const homeDir = await temporaryFolder();
  await withHostLock({ homeDir, host: 'h' }, async () => {});
  const folder = join(homeDir, '.ktx', 'locks');
  const path = join(folder, (await readdir(folder))[0]!);
  const future = new Date(Date.now() + 3_600_000);
  await utimes(path, future, future);
  const now = await withHostLock({ homeDir, host: 'h' }, async (time) => time);
  expect(now.getTime()).toBeLessThan(future.getTime() - 1_800_000);
});

it('a lock that cannot be made says where', async () => {
  const homeDir = await temporaryFolder();
  await writeFile(join(homeDir, '.ktx'), '');
  await expect(withHostLock({ homeDir, host: 'h' }, async () => {})).rejects.toMatchObject({
    message: expect.stringContaining(join(homeDir, '.ktx', 'locks')),
    failureClass: 'permission',
    evidence: [expect.any(String)],
    remedies: [{ label: 'Make the file and its folder writable for this user' }],
  });
});
