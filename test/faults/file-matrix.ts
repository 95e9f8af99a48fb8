import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { readProcessTable, withDescendants } from '../../src/process/process-table.ts';
import type { LoopbackIndex } from '../fixtures/loopback-index.ts';
import { type ProgramResult, plainEnvironment, runProgram } from '../fixtures/program.ts';

/** What is put in the place of a file. */
export const INTRUDERS = ['named pipe', 'folder', 'link', 'device', 'dangling link'] as const;
export type Intruder = (typeof INTRUDERS)[number];

/** A row of the table: in the place of which file, what, and how the commands took it. */
export interface MatrixRow {
  file: string;
  intruder: Intruder;
  /** By command: `works`, or that it says which file it is. */
  outcomes: Record<string, 'works' | 'clear error'>;
  problems: string[];
  longestMs: number;
}

/** So long without any use of the processor is no slow machine; a program that waits for a pipe waits for ever. */
const HANGS_AFTER_MS = 60_000;
const LOOK_INTERVAL_MS = 5000;
const PYTHON = '/usr/bin/python3';
/** Hundreds of files of packages are uv's and Python's to open; one of each stands for them. */
const NOT_OPENED_BY_US =
  /\/site-packages\/|\/__pycache__\/|\/envs\/[^/]+\/(?:bin\/(?!ktx-daemon$)|\.|CACHEDIR)/;

export interface Machine {
  home: string;
  root: string;
  project: string;
  /** Every file that the program opens, as it lies there after everything was used once; `<id>` is the active environment. */
  files: string[];
  run(...args: string[]): Promise<ProgramResult>;
  remove(): Promise<void>;
}

/** A machine on which setup, settings and a project's daemon were used. */
export async function makeMachine(index: Pick<LoopbackIndex, 'url'>): Promise<Machine> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-files-')));
  const root = join(home, '.ktx', 'runtime');
  const project = join(home, 'project');
  await mkdir(project);
  await writeFile(join(project, 'ktx.yaml'), 'connections: {}\n');
  for (const [name, text] of Object.entries(SETTINGS)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text, { mode: 0o600 });
  }
  const env = plainEnvironment(home);
  const run = (...args: string[]) => {
    let timer: NodeJS.Timeout;
    return runProgram(args, {
      env,
      cwd: project,
      onStart: (kill, pid) => {
        timer = killStandstill(pid, kill);
      },
    }).finally(() => clearInterval(timer));
  };
  const succeed = async (...args: string[]) => {
    const { exitCode, stderr, stdout } = await run(...args);
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
  };
  await succeed('admin', 'network', 'set', 'index', index.url);
  await succeed('setup', '--yes', '--no-input', '--python', PYTHON);
  await succeed('admin', 'runtime', 'start');
  const files = [
    ...(await filesBelow(home, root)),
    ...(await filesBelow(home, project)),
    ...Object.keys(SETTINGS),
  ];
  await succeed('admin', 'runtime', 'stop');
  return {
    home,
    root,
    project,
    files: [...files, ...(await passingFiles(home, root))],
    run,
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 3 }),
  };
}

function killStandstill(pid: number, kill: (signal: NodeJS.Signals) => void): NodeJS.Timeout {
  let used = '';
  let stillMs = 0;
  return setInterval(() => {
    const now = processorUse(pid);
    stillMs = now === used ? stillMs + LOOK_INTERVAL_MS : 0;
    used = now;
    if (stillMs >= HANGS_AFTER_MS) kill('SIGKILL');
  }, LOOK_INTERVAL_MS);
}

/** What a process and those below it have used of the processor: user and system ticks, fields 14 and 15 of proc(5). */
function processorUse(pid: number): string {
  return withDescendants(readProcessTable(), [pid])
    .map((each) => {
      try {
        const fields = readFileSync(`/proc/${each.pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
        return `${each.pid} ${fields[11]} ${fields[12]}`;
      } catch {
        return '';
      }
    })
    .join();
}

const SETTINGS: Record<string, string> = {
  '.netrc': 'machine index.example login user password secret\n',
  '.npmrc': 'fund=false\n',
  '.config/pip/pip.conf': '[global]\ntimeout = 15\n',
  '.config/uv/uv.toml': 'native-tls = true\n',
};

async function filesBelow(home: string, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const names = paths.filter((path) => !NOT_OPENED_BY_US.test(path)).map((path) => relative(home, path));
  const isStored = (name: string) => /\/store\/[0-9a-f]{64}\//.test(name);
  const files = [...names.filter((name) => !isStored(name)), ...names.filter(isStored).slice(0, 1)];
  return files.map((name) => name.replace(/(\/envs\/)[^/]+\//, '$1<id>/')).sort();
}

/** Those that are there only while a run is under way, or after one that was killed. */
async function passingFiles(home: string, root: string): Promise<string[]> {
  const store = join(root, 'uv', 'store');
  const [digest] = (await readdir(store)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const other = digest!.replace(/./, (digit) => (digit === 'f' ? '0' : 'f'));
  const [version] = (await readdir(root)).filter((name) => /^\d/.test(name));
  return [
    join(store, `${digest}.partial`),
    join(store, `${other}.partial`),
    join(store, `${other}.partial.json`),
    join(root, 'uv', 'locks', 'root.lock.holder.json'),
    join(root, 'uv', 'locks', `${version}.lock.holder.json`),
    join(root, 'uv', 'logs', '00000000-0000-4000-8000-000000000000.log'),
    join(root, 'uv', 'runs', '00000000-0000-4000-8000-000000000000', 'journal.jsonl'),
  ].map((path) => relative(home, path));
}

/** Puts one thing in the place of one file and runs what opens it. */
export async function tryIntruder(machine: Machine, file: string, intruder: Intruder): Promise<MatrixRow> {
  const path = join(machine.home, await ofActiveEnvironment(machine, file));
  const kept = join(machine.home, 'kept');
  const precious = join(machine.home, 'precious');
  const row: MatrixRow = { file, intruder, outcomes: {}, problems: [], longestMs: 0 };
  await writeFile(precious, 'precious');
  const wasThere = existsSync(path);
  const hadFolder = existsSync(dirname(path));
  await mkdir(dirname(path), { recursive: true });
  if (wasThere) await rename(path, kept);
  await put(path, intruder, precious);
  for (const command of commandsFor(file)) {
    // What a setup has mended already says nothing about a rebuild.
    if (command.includes('--force') && (await isRegular(path))) continue;
    const startedAt = performance.now();
    const result = await machine.run(...command);
    row.longestMs = Math.max(row.longestMs, performance.now() - startedAt);
    const name = command.join(' ');
    const said = `${result.stdout}${result.stderr}`;
    if (result.signal !== null) row.problems.push(`${name}: hangs`);
    else if (result.exitCode === 0) row.outcomes[name] = 'works';
    else if (
      /"class":\s*"internal"|Report it|^\s+at .*\(/m.test(said) ||
      !said.includes(file.split('/').at(-1)!)
    )
      row.problems.push(
        `${name}: ended with ${result.exitCode}: ${said.trim().split('\n').slice(-6).join(' | ').slice(-700)}`,
      );
    else row.outcomes[name] = 'clear error';
  }
  if ((await readFile(precious, 'utf8').catch(() => 'gone')) !== 'precious')
    row.problems.push('written through the link');
  if (existsSync(`${precious}.none`)) row.problems.push('made the target of a dangling link');
  await rm(`${precious}.none`, { force: true });
  if (!(await isRegular(path))) {
    await rm(path, { recursive: true, force: true });
    if (wasThere) await rename(kept, path).catch(() => {});
    else if (!hadFolder) await rm(dirname(path), { recursive: true, force: true });
  }
  await rm(kept, { recursive: true, force: true });
  return row;
}

function isRegular(path: string): Promise<boolean> {
  return lstat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/** Each build makes another environment; what is meant is the file of the one that is in use now. */
async function ofActiveEnvironment({ root }: Machine, file: string): Promise<string> {
  const [, versionDir] = /^(.*)\/envs\/<id>\//.exec(file) ?? [];
  if (versionDir === undefined) return file;
  const target = await readlink(join(root, basename(versionDir), '.venv'));
  return file.replace('<id>', basename(target));
}

async function put(path: string, intruder: Intruder, precious: string): Promise<void> {
  if (intruder === 'named pipe') execFileSync('mkfifo', [path]);
  else if (intruder === 'folder') await mkdir(path);
  else if (intruder === 'device') execFileSync('mknod', ['-m', '666', path, 'c', '1', '5']);
  else if (intruder === 'link') await symlink(precious, path);
  else await symlink(`${precious}.none`, path);
}

/** What opens a file of this kind, readers before writers. */
function commandsFor(file: string): string[][] {
  const setup = ['setup', '--yes', '--no-input', '--json', '--python', PYTHON];
  if (file.startsWith('project/.ktx/runtime/') || file.includes('/uv/daemons/'))
    return [
      ['admin', 'runtime', 'stop'],
      ['admin', 'runtime', 'start'],
      ['admin', 'runtime', 'stop'],
    ];
  if (file.startsWith('project/')) return [setup];
  if (!file.startsWith('.ktx/') || file.endsWith('network.json'))
    return [
      ['admin', 'network', 'show'],
      [...setup, '--force'],
    ];
  const status = ['admin', 'runtime', 'status', '--json'];
  if (file.endsWith('/history.jsonl'))
    return [['admin', 'runtime', 'history'], status, setup, [...setup, '--force']];
  if (file.includes('/uv/logs/')) return [['admin', 'report'], setup];
  return [status, setup, [...setup, '--force']];
}

export const matrixHead = (): string => lineOf('in the place of', INTRUDERS);

/** The rows of one file as a line for people, and each problem by itself. */
export function matrixLines(rows: readonly MatrixRow[]): string {
  const cell = (row: MatrixRow) =>
    row.problems.length > 0
      ? 'BROKEN'
      : Object.values(row.outcomes).includes('clear error')
        ? 'clear error'
        : 'works';
  const name = rows[0]!.file.replace(/[0-9a-f]{64}/, '<sha256>');
  const problems = rows.flatMap(({ intruder, problems: found }) =>
    found.map((text) => `  ${intruder}: ${text}`),
  );
  return [lineOf(name, rows.map(cell)), ...problems].join('\n');
}

function lineOf(name: string, cells: readonly string[]): string {
  return `${name.padEnd(86)}${cells.map((cell) => cell.padEnd(18)).join('')}`.trimEnd();
}
