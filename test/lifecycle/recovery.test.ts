import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { recover, recoverIfFree } from '../../src/lifecycle/recovery.ts';
import { isProcessAlive } from '../../src/process/list-processes.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { openJournal, RUN_VARIABLE, readLeftRuns } from '../../src/runtime/journal.ts';
import { holdAccess } from '../fixtures/hold-access.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function given() {
  const runtimeRoot = await temporaryFolder();
  const shared = sharedLayout(runtimeRoot);
  const notes: string[] = [];
  const note = (_level: string, text: string) => void notes.push(text);
  return { runtimeRoot, shared, notes, note };
}

/** A child and a grandchild left by a killed run, marked like children of runs. */
async function survivors(runId: string) {
  const script = 'sleep 1000 & echo started; wait';
  const child = spawn('sh', ['-c', script], {
    env: { PATH: process.env['PATH'], [RUN_VARIABLE]: runId },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

it('ends what a killed run left running, removes its notes, and says so', async () => {
  const { runtimeRoot, shared, notes, note } = await given();
  const journal = openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' });
  journal.write({ step: 'packages' });
  const child = await survivors(journal.runId);
  journal.child(child.pid!, 'KTX_PROCESS_MARK=x');
  await recover({ runtimeRoot, note });
  expect(await isProcessAlive(child.pid!)).toBe(false);
  expect(await readdir(shared.runsDir)).toEqual([]);
  expect(notes).toEqual([
    'An earlier run of ktx 0.3.0 was interrupted in its step packages: ended 2 processes that it had left.',
  ]);
});

it('finds children that the journal does not list: they may be started just before the kill', async () => {
  const { runtimeRoot, shared, note } = await given();
  const runId = randomUUID();
  await mkdir(join(shared.runsDir, runId), { recursive: true });
  const child = await survivors(runId);
  await recover({ runtimeRoot, note });
  expect(await isProcessAlive(child.pid!)).toBe(false);
});

it('a recorded pid that now belongs to another process is left alone', async () => {
  const { runtimeRoot, shared, note } = await given();
  const journal = openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' });
  const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
  onTestFinished(() => void bystander.kill('SIGKILL'));
  await once(bystander, 'spawn');
  // Even with a matching start time: after a reboot another process may have both.
  journal.write({
    child: bystander.pid!,
    start: readProcessStart(bystander.pid!),
    mark: 'KTX_PROCESS_MARK=x',
  });
  await recover({ runtimeRoot, note });
  expect(await isProcessAlive(bystander.pid!)).toBe(true);
});

it('torn and altered lines of the journal are passed over', async () => {
  const { shared } = await given();
  const journal = openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' });
  const path = join(journal.runDir, 'journal.jsonl');
  await appendFile(
    path,
    '{"step":17}\n\u0000\u0001\n{"making":"something else","name":"../../x"}\n{"step":"fet',
  );
  const [run] = await readLeftRuns(shared.runsDir);
  expect(run!.entries).toEqual([expect.objectContaining({ schemaVersion: 1, cliVersion: '0.3.0' })]);
});

it('what has no name of a run is not touched', async () => {
  const { runtimeRoot, shared, note } = await given();
  await mkdir(join(shared.runsDir, 'mine'), { recursive: true });
  await recover({ runtimeRoot, note });
  expect(await readdir(shared.runsDir)).toEqual(['mine']);
});

it('partial downloads that nothing will resume are removed, others are kept', async () => {
  const { runtimeRoot, shared, note } = await given();
  const [old, fresh, orphan, complete] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [
    string,
    string,
    string,
    string,
  ];
  await mkdir(join(shared.storeDir, complete), { recursive: true });
  await writeFile(join(shared.storeDir, complete, 'x.whl'), '');
  const parts = [
    `${old}.partial`,
    `${fresh}.partial`,
    `${fresh}.partial.json`,
    `${fresh}.partial.json.4242.deadbeef.tmp`,
    `${orphan}.partial.json`,
    `${complete}.partial`,
  ];
  for (const name of parts) await writeFile(join(shared.storeDir, name), '');
  const longAgo = Date.now() / 1000 - 8 * 24 * 60 * 60;
  await utimes(join(shared.storeDir, `${old}.partial`), longAgo, longAgo);
  // A link in place of such a file, not one of ours.
  await symlink('nowhere', join(shared.storeDir, `${'e'.repeat(64)}.partial.json`));
  await recover({ runtimeRoot, note });
  expect((await readdir(shared.storeDir)).sort()).toEqual([
    `${fresh}.partial`,
    `${fresh}.partial.json`,
    complete,
  ]);
});

it('a half-placed uv goes', async () => {
  const { runtimeRoot, shared, note } = await given();
  await mkdir(join(shared.root, '0.11.21'), { recursive: true });
  for (const name of ['uv', 'uv.4242.download']) await writeFile(join(shared.root, '0.11.21', name), '');
  await recover({ runtimeRoot, note });
  expect(await readdir(join(shared.root, '0.11.21'))).toEqual(['uv']);
});

it('a run under way is not recovered from', async () => {
  const { runtimeRoot, shared, note } = await given();
  const other = await holdAccess({ runtimeRoot, versions: ['0.3.0'], step: 'test', note });
  const journal = openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' });
  await recoverIfFree({ runtimeRoot, versions: ['0.3.0'], note });
  expect(await readFile(join(journal.runDir, 'journal.jsonl'), 'utf8')).toContain('0.3.0');
  await other.release();
});

it('what a link with the name of a version points to is not tidied', async () => {
  const { runtimeRoot, shared, note } = await given();
  const elsewhere = await temporaryFolder();
  await mkdir(join(elsewhere, 'envs', 'cafebabe'), { recursive: true });
  await symlink(elsewhere, join(runtimeRoot, '4.4.4'));
  openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' }).write({ step: 'packages' });
  await recover({ runtimeRoot, note });
  expect(await readdir(join(elsewhere, 'envs'))).toEqual(['cafebabe']);
});
