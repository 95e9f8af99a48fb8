import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, damaged, openZoo, statesFor, type ZooWorld } from './zoo.ts';
import type { ZooState } from './zoo-state.ts';
import { isSame, treeOf } from './zoo-tree.ts';

export interface ReadOnlyRow {
  state: string;
  exitCode: number;
  /** System calls that name the runtime or the project's state, and can write. */
  calls: number;
  /** Those of them that do. */
  writes: string[];
  /** By content, mode, owner and times. */
  isChanged: boolean;
}

const CALLS =
  'openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,chown,lchown,fchownat,link,linkat,symlink,symlinkat,truncate,ftruncate,utimensat,mknod,mknodat';
const WRITES =
  /O_WRONLY|O_RDWR|O_CREAT|(?:^|\s)(?:creat|unlink|rename|mkdir|rmdir|f?chmod|l?chown|fchownat|link|symlink|f?truncate|utimensat|mknod)(?:at2?)?\(/;

/** A look, or the plan of its repairs (`--fix` without `--yes`), under strace. */
export async function readOnlyRow(
  world: ZooWorld,
  state: ZooState | null,
  args: readonly string[],
): Promise<ReadOnlyRow> {
  const row: ReadOnlyRow = {
    state: state?.name ?? 'whole',
    exitCode: 0,
    calls: 0,
    writes: [],
    isChanged: false,
  };
  await damaged(world, state === null ? [] : [state], async (given) => {
    const before = await treeOf(given.paths);
    const log = join(tmpdir(), `ktx-zoo-strace-${process.pid}-${Math.random().toString(36).slice(2)}`);
    const under = [
      '/usr/bin/strace',
      '-f',
      '--seccomp-bpf',
      '-qq',
      '-y',
      '-s',
      '1000',
      '-e',
      `trace=${CALLS}`,
      '-o',
      log,
    ];
    const { exitCode } = await command(given, ['doctor', '--json', ...args], false, under);
    row.exitCode = exitCode;
    const watched = [given.paths.root, join(given.home, 'project', '.ktx')];
    const lines = (await readFile(log, 'utf8'))
      .split('\n')
      .filter((line) => watched.some((path) => line.includes(path)));
    await rm(log);
    row.calls = lines.length;
    row.writes = lines.filter((line) => WRITES.test(line) && !line.includes('"/dev/null"'));
    row.isChanged = !isSame(before, await treeOf(given.paths), 'times');
  });
  return row;
}

/** Every state of the zoo: looked at, then the plan of its repairs. */
export async function readOnlyRows(only: RegExp, onRow: (row: ReadOnlyRow) => void): Promise<ReadOnlyRow[]> {
  const world = await openZoo('core');
  const rows: ReadOnlyRow[] = [];
  try {
    for (const state of [
      null,
      ...statesFor(world).filter(({ name, uid }) => only.test(name) && uid === undefined),
    ])
      for (const args of [[], ['--fix']]) {
        const row = await readOnlyRow(world, state, args);
        row.state += args.length > 0 ? ', plan' : ', look';
        rows.push(row);
        onRow(row);
      }
  } finally {
    await world.remove();
  }
  return rows;
}

export function isWriting({ writes, isChanged }: ReadOnlyRow): boolean {
  return writes.length > 0 || isChanged;
}

export function readOnlyLine(row: ReadOnlyRow): string {
  const head = `${isWriting(row) ? 'BAD ' : 'ok  '} ${row.state.padEnd(56)} ${String(row.calls).padStart(6)} calls, ${row.writes.length} writes${row.isChanged ? ', tree changed' : ''}`;
  return [head, ...row.writes.slice(0, 5)].join('\n       ');
}

export function readOnlySummary(rows: readonly ReadOnlyRow[]): string {
  const calls = rows.reduce((sum, row) => sum + row.calls, 0);
  const writes = rows.reduce((sum, row) => sum + row.writes.length, 0);
  const changed = rows.filter(({ isChanged }) => isChanged).length;
  return `${rows.length} runs in read-only mode: ${calls} calls on the runtime, ${writes} of them write, ${changed} trees changed (times included)`;
}
