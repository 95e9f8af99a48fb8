import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { withHostLock } from '../../src/hosts/host-lock.ts';
import { CancelledError } from '../../src/support/errors.ts';
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
