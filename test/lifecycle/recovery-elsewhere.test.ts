import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { recover } from '../../src/lifecycle/recovery.ts';
import { isProcessAlive } from '../../src/process/list-processes.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/**
 * Systems where the environment of a process cannot be read, so that only the journal counts. Uses `ps`, as
 * these systems do.
 */
describe.runIf(process.platform !== 'win32' && existsSync('/bin/ps'))(
  'without environments to look into',
  () => {
    beforeEach(() => {
      const { platform } = process;
      Object.defineProperty(process, 'platform', { value: 'darwin' });
      onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
    });

    async function given(change: { start?: string | null; host?: string } = {}) {
      const runtimeRoot = await temporaryFolder();
      const { runsDir } = sharedLayout(runtimeRoot);
      const journal = openJournal({ runsDir, cliVersion: '0.3.0' });
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child, 'spawn');
      const started = readProcessStart(child.pid!);
      expect(started).not.toBeNull();
      const { start = started, host } = change;
      journal.write({ child: child.pid!, start, mark: 'KTX_PROCESS_MARK=x' });
      if (host !== undefined) {
        const header = {
          schemaVersion: 1,
          cliVersion: '0.3.0',
          pid: 1,
          start: null,
          host,
          at: '',
        };
        await appendFile(join(journal.runDir, 'journal.jsonl'), `${JSON.stringify(header)}\n`);
      }
      await recover({ runtimeRoot, note: () => {} });
      return isProcessAlive(child.pid!);
    }

    it('a child with the start time that was written down is ended', async () => {
      expect(await given()).toBe(false);
    });

    it.each<[string, { start?: string | null; host?: string }]>([
      ['another start time', { start: 'Thu Jan  1 00:00:00 1970' }],
      ['no start time', { start: null }],
      ['the notes of another host', { host: 'elsewhere.example' }],
    ])('%s: it is somebody else, and left alone', async (_name, change) => {
      expect(await given(change)).toBe(true);
    });

    it('where processes cannot be listed, an environment may be in use', async () => {
      const { PATH } = process.env;
      onTestFinished(() => {
        process.env['PATH'] = PATH;
      });
      process.env['PATH'] = await temporaryFolder();
      expect(await isEnvironmentInUse('/nowhere')).toBe(true);
    });
  },
);

describe('what killed runs left', () => {
  it('unfinished environments of every version are removed; those with running programs are kept', async () => {
    const runtimeRoot = await temporaryFolder();
    const { runsDir, pythonDir } = sharedLayout(runtimeRoot);
    openJournal({ runsDir, cliVersion: '0.3.0' });
    const environment = (version: string, id: string) => join(runtimeRoot, version, 'envs', id);
    for (const version of ['0.3.0', '0.4.0'])
      await mkdir(environment(version, 'aaaaaaaa'), { recursive: true });
    const bin = join(environment('0.3.0', 'bbbbbbbb'), 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'python'), '#!/bin/sh\necho started\nwhile :; do sleep 1000; done\n', {
      mode: 0o755,
    });
    const running = spawn(join(bin, 'python'), [], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    onTestFinished(() => void process.kill(-running.pid!, 'SIGKILL'));
    await once(running.stdout, 'data');
    await mkdir(join(pythonDir, 'cccccccc'), { recursive: true });
    await recover({ runtimeRoot, note: () => {} });
    expect(await readdir(join(runtimeRoot, '0.3.0', 'envs'))).toEqual(['bbbbbbbb']);
    expect(await readdir(join(runtimeRoot, '0.4.0', 'envs'))).toEqual([]);
    expect(await readdir(pythonDir)).toEqual([]);
  });

  it('incomplete holder files are removed', async () => {
    const runtimeRoot = await temporaryFolder();
    const { locksDir } = sharedLayout(runtimeRoot);
    await mkdir(locksDir, { recursive: true });
    for (const name of ['root.lock', 'root.lock.holder.json.42.tmp'])
      await writeFile(join(locksDir, name), '');
    await recover({ runtimeRoot, note: () => {} });
    expect(await readdir(locksDir)).toEqual(['root.lock']);
  });
});
