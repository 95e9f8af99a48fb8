import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { hasSuccessor, killTree, killTreeNow } from '../../src/process/kill-tree.ts';
import { findPidsByEnvironment } from '../../src/process/process-table.ts';
import {
  childOfStubborn,
  endNow,
  hasProcFs,
  isRunning,
  pidsIn,
  relay,
  spawnsAtTerm,
} from '../fixtures/family.ts';

/** Longer than a busy machine needs for an answer to SIGTERM. */
const PATIENT_GRACE_MS = 60_000;

const started: number[] = [];
afterEach(() => endNow(started.splice(0)));

/** Starts a program and waits for so many `<role> <pid>` lines. */
async function start(
  script: string,
  announcements: number,
): Promise<{ child: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line);
    started.push(...pidsIn([line]));
  });
  await expect.poll(() => lines.length).toBe(announcements);
  return { child, lines };
}

it.each([
  ['nothing came or went', { unread: [2] }, false],
  ['a marked one came', { pids: [4] }, true],
  ['one came and was gone before its environment was read', { unread: [4] }, true],
  ['one that ran ended before its environment was read', { unread: [3] }, true],
  ['a zombie was there all along', { unread: [9] }, false],
] as const)('what a look that finds no member has missed: %s', (_name, found, expected) => {
  // 2 is a thread of the kernel, 3 has just ended, and 9 is a zombie.
  const look = { listed: new Set([1, 2, 3, 9]), running: new Set([1, 2, 3]), pids: [], unread: [], ...found };
  expect(hasSuccessor(look, (pid) => pid === 3)).toBe(expected);
});

describe.skipIf(process.platform === 'win32')('kill tree', () => {
  it('ends a grandchild that ignores SIGTERM and loses its parent', async () => {
    const { child, lines } = await start(childOfStubborn, 2);
    await killTree(child.pid!);
    expect(pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it('lets a process end in its own way first', async () => {
    const { child } = await start(
      "process.on('SIGTERM', () => setTimeout(() => process.exit(7), 100)); console.log('child', process.pid); setInterval(() => {}, 1000);",
      1,
    );
    const exited = once(child, 'exit');
    await killTree(child.pid!, 10_000);
    expect(await exited).toEqual([7, null]);
  });

  it('ends what a process starts when it is asked to end', async () => {
    const { child, lines } = await start(spawnsAtTerm('and waits'), 1);
    const exited = once(child, 'exit');
    await killTree(child.pid!, PATIENT_GRACE_MS);
    expect(await exited).toEqual([7, null]);
    await expect.poll(() => pidsIn(lines).length).toBe(2);
    expect(pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it('has nothing to do for a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    await killTree(child.pid!);
  });

  it('ends a tree at once, before this call returns', async () => {
    const { child, lines } = await start(childOfStubborn, 2);
    killTreeNow({ pid: child.pid! });
    await once(child, 'exit');
    await expect.poll(() => pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it.runIf(hasProcFs)('finds by its mark what a ktx that was killed left behind', async () => {
    const runProcessUrl = new URL('../../src/process/run-process.ts', import.meta.url).href;
    const ktx = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { runProcess } from ${JSON.stringify(runProcessUrl)};
        await runProcess({ command: process.execPath, args: ['-e', ${JSON.stringify(childOfStubborn)}],
          onSpawn: (_pid, mark) => console.log(mark),
          onLines: (_stream, lines) => console.log(lines.join('\\n')) });`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    started.push(ktx.pid!);
    let output = '';
    ktx.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const pids = () => pidsIn(output.split('\n'));
    await expect.poll(() => pids().length).toBe(2);
    started.push(...pids());
    ktx.kill('SIGKILL');
    await once(ktx, 'exit');
    expect(pids().filter(isRunning).length).toBe(2);
    await killTree({ pid: null, mark: output.split('\n')[0]! });
    expect(pids().filter(isRunning)).toEqual([]);
  });

  it.runIf(hasProcFs)('ends a family whose members each start another and leave', async () => {
    // How often a look falls between two members is chance.
    for (let turn = 0; turn < 6; turn++) {
      const mark = `KTX_PROCESS_MARK=${randomUUID()}`;
      const env = { ...process.env, KTX_PROCESS_MARK: mark.split('=')[1] };
      const first = spawn('sh', relay(1000), { stdio: 'ignore', env });
      await once(first, 'exit');
      await killTree({ pid: null, mark }, 0);
      const left = findPidsByEnvironment(mark);
      started.push(...left);
      expect(left).toEqual([]);
    }
  });

  it('leaves siblings alone', async () => {
    const [ours, sibling] = [await start(childOfStubborn, 2), await start(childOfStubborn, 2)];
    await killTree(ours.child.pid!);
    expect(pidsIn(sibling.lines).filter(isRunning).length).toBe(2);
  });
});
