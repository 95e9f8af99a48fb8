import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openInstallLog, ownInstallLog } from '../../src/log/install-log.ts';
import { runProcess } from '../../src/process/run-process.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { batchOfBytes, batchOfLines } from '../../src/support/line-batch.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let count = 0;
const newPath = (): string => join(folder, 'version', `install-${count++}.log`);
const read = (path: string): Promise<string> => readFile(path, 'utf8');

describe('install log', () => {
  it('does not write through a link', async () => {
    const victim = join(folder, 'victim');
    await writeFile(victim, 'precious');
    const path = newPath();
    await mkdir(join(folder, 'version'), { recursive: true });
    await symlink(victim, path);
    const log = await openInstallLog(path);
    await log.text('a line');
    await log.close();
    expect(await read(victim)).toBe('precious');
    expect(await read(path)).toBe('a line\n');
  });

  it('has the command, then its output, each on lines of their own', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    await log.command('/r/uv', ['venv', '--python', '3.13']);
    await log.text('Using CPython 3.13.14\nCreating');
    await log.text('whole line\n');
    await log.text('');
    await log.lines(['a', '', 'b']);
    await log.lines([]);
    await log.close();
    expect(await read(path)).toBe(
      '$ /r/uv venv --python 3.13\nUsing CPython 3.13.14\nCreating\nwhole line\na\n\nb\n',
    );
  });

  it('starts anew and is empty until something is logged', async () => {
    const path = join(folder, 'old.log');
    await writeFile(path, 'from an earlier run\n');
    const log = await openInstallLog(path);
    expect(await read(path)).toBe('');
    await log.close();
    expect(await read(path)).toBe('');
  });

  it('keeps an empty line, and goes on after being given none', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    await log.lines([]);
    await log.lines(['']);
    await log.lines([]);
    await log.lines(['x']);
    await log.close();
    expect(await read(path)).toBe('\nx\n');
  });

  it('masks commands, texts and lines, whoever wrote them', async () => {
    const path = newPath();
    const log = await openInstallLog(path, { redactor: createRedactor() });
    await log.command('uv', ['--index-url', 'https://me:pw@h.example/simple']);
    await log.text('error: https://me:pw@h.example/simple\n');
    await log.lines(['fetch https://me:pw@h.example/simple']);
    await log.lines(['at https://me:pw@h.example/simple']);
    await log.close();
    expect(await read(path)).toBe(
      '$ uv --index-url https://****@h.example/simple\nerror: https://****@h.example/simple\nfetch https://****@h.example/simple\nat https://****@h.example/simple\n',
    );
  });

  it('grows while the run goes', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    await log.lines(['first']);
    await expect.poll(() => read(path)).toBe('first\n');
    await log.lines(['second']);
    await expect.poll(() => read(path)).toBe('first\nsecond\n');
    await log.close();
  });

  it('makes a flood wait: what is accepted is at most a little ahead of the file', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    const batch = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(99, '.'));
    let accepted = 0;
    let isWaiting = false;
    let waited = 0;
    for (let round = 0; round < 60; round++) {
      const logged = log.lines(batch);
      let isDone = false;
      isWaiting = true;
      void logged.then(() => {
        isDone = true;
      });
      // Turns of the microtask queue only: no write can end in them.
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      if (!isDone) {
        waited++;
        await logged;
        const inFile = (await read(path)).length;
        expect(inFile).toBe(accepted + batch.length * 100);
      }
      isWaiting = false;
      accepted += batch.length * 100;
    }
    expect(isWaiting).toBe(false);
    // 6 MB with 1 MiB of room.
    expect(waited).toBeGreaterThanOrEqual(4);
    await log.close();
    expect((await read(path)).length).toBe(accepted);
  });

  it('is complete after close, also when nobody waited', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    for (let index = 0; index < 20_000; index++) void log.lines([`line ${index}`]);
    await Promise.all([log.close(), log.close()]);
    const lines = (await read(path)).trimEnd().split('\n');
    expect(lines).toEqual(Array.from({ length: 20_000 }, (_, index) => `line ${index}`));
  });

  it('refuses what comes after close', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    await log.close();
    await expect(log.text('late')).rejects.toThrow(`${path} is closed`);
  });

  it('has every line of a real child, whatever it prints', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    const outcome = await runProcess({
      command: process.execPath,
      args: [
        '-e',
        'for (let i = 0; i < 100_000; i++) console.log("é line " + i); process.stdout.write("end")',
      ],
      onLines: (_stream, lines) => log.lines(lines),
    });
    await log.close();
    expect(outcome.exitCode).toBe(0);
    const lines = (await read(path)).split('\n');
    expect(lines.length).toBe(100_002);
    expect(lines.slice(0, 100_000).every((line, index) => line === `é line ${index}`)).toBe(true);
    expect(lines.slice(100_000)).toEqual(['end', '']);
  });

  it('is complete after a cancel', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    const stop = new AbortController();
    const seen: string[] = [];
    const run = runProcess({
      command: process.execPath,
      args: [
        '-e',
        'let i = 0; setInterval(() => { for (let n = 0; n < 500; n++) console.log("line " + i++) }, 1)',
      ],
      signal: stop.signal,
      onLines: (_stream, lines) => {
        seen.push(...lines);
        if (seen.length > 5000) stop.abort();
        return log.lines(lines);
      },
    });
    await expect(run).rejects.toBeInstanceOf(CancelledError);
    await log.close();
    expect((await read(path)).split('\n')).toEqual([...seen, '']);
    expect(seen.length).toBeGreaterThan(5000);
  });

  it('reports a full disk to every waiting call, and at close', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    const handle = await open(path);
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const spy = vi.spyOn(Object.getPrototypeOf(handle), 'writev').mockRejectedValue(full);
    onTestFinished(() => spy.mockRestore());
    await handle.close();
    const line = ['x'.repeat(2 * 1024 * 1024)];
    await expect(log.lines(line)).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(log.text('more')).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(log.close()).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('is complete where the system writes less than it is given', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    const handle = await open(path);
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    const write = handle.write;
    const spy = vi.spyOn(prototype, 'writev').mockImplementation(async function (
      this: typeof handle,
      buffers: readonly NodeJS.ArrayBufferView[],
    ) {
      const all = Buffer.concat(buffers as readonly Buffer[]);
      const { bytesWritten } = await write.call(this, all.subarray(0, 7) as never);
      return { bytesWritten, buffers: [...buffers] } as never;
    });
    onTestFinished(() => spy.mockRestore());
    await handle.close();
    const lines = ['first line', '', 'second', 'and the third'];
    await Promise.all([
      log.lines(lines.slice(0, 2)),
      log.lines(lines.slice(2, 3)),
      log.lines(lines.slice(3)),
    ]);
    await log.close();
    expect(await read(path)).toBe(`${lines.join('\n')}\n`);
  });

  it('takes batches, of bytes and of lines', async () => {
    const path = newPath();
    const log = await openInstallLog(path);
    await log.maskedBatch(batchOfBytes(Buffer.from('one\ntwo\n'), 2));
    await log.maskedBatch(batchOfLines(['\x1b[31mred', 'last']));
    await log.close();
    expect(await read(path)).toBe('one\ntwo\n\\u001b[31mred\nlast\n');
  });

  it('never opens a device, and does not remove it', async () => {
    await expect(openInstallLog('/dev/null')).rejects.toThrow('/dev/null is a device, not a file');
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it('rejects with the errno when it cannot be opened', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    await chmod(file, 0o644);
    await expect(openInstallLog(join(file, 'install.log'))).rejects.toMatchObject({
      code: expect.stringMatching(/^E/),
    });
  });
});

it('a log from an earlier run is not ours, nor is a missing one', async () => {
  const path = newPath();
  expect(await ownInstallLog(path)).toBeNull();
  await (await openInstallLog(path)).close();
  expect(await ownInstallLog(path)).toBe(path);
  await utimes(path, 1e9, 1e9);
  expect(await ownInstallLog(path)).toBeNull();
});
