import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { openWheelhouse, WHEELHOUSE_DIR } from '../fixtures/wheelhouse.ts';

export type Kind =
  | 'processes'
  | 'locale'
  | 'interpreter'
  | 'disturbed'
  | 'time'
  | 'limits'
  | 'facts'
  | 'shared'
  | 'terminal'
  | 'package';

export interface MachineCase {
  kind: Kind;
  name: string;
  /** Where people met it: project and issue, or the page of a manual. */
  source: string;
  /** Bash, after `prelude.sh`, as root in a mount and a PID namespace of its own. */
  script: string;
  /** The script's own exit code. */
  exits: number;
  says: readonly RegExp[];
  saysNot?: readonly RegExp[];
  /** Programs or Pythons (`3.12`) without which the case says so by name. */
  needs?: readonly string[];
  /** Takes more than a minute: only in the complete matrix. */
  isLong?: boolean;
}

export interface MachineLab {
  root: string;
  seed: string;
  launcher: string;
  remove(): Promise<void>;
}

export const PYENV = process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv');

/** A copy of the program and a stock for the core feature, from the machine's own package index. */
export async function openLab(): Promise<MachineLab> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'ktx-machines-')));
  const program = join(root, 'program');
  for (const part of ['bin', 'dist'])
    await cp(join(PACKAGE_ROOT, part), join(program, part), { recursive: true });
  await cp(join(PACKAGE_ROOT, 'assets'), join(program, 'assets'), {
    recursive: true,
    filter: (path) => !path.includes('assets/python/wheel'),
  });
  await cp(join(PACKAGE_ROOT, 'package.json'), join(program, 'package.json'));
  await openWheelhouse();
  const seed = join(root, 'seed');
  await cp(WHEELHOUSE_DIR, join(seed, 'store'), { recursive: true });
  // Other users run the program and read the stock too.
  spawnSync('chmod', ['-R', 'a+rX', root]);
  return {
    root,
    seed,
    launcher: join(program, 'bin', 'ktx.cjs'),
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** `3.12` as this machine has it, or `null`. */
export function pythonOf(minor: string): string | null {
  const script = `ls -d "${PYENV}/versions/${minor}".*/bin/python${minor} /usr/bin/python${minor} 2>/dev/null | head -1`;
  return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim() || null;
}

/** What a case needs and this machine has not. */
export function missingFor(each: MachineCase): string[] {
  return ['unshare', ...(each.needs ?? [])].filter((name) =>
    /^[23]\./.test(name)
      ? pythonOf(name) === null
      : spawnSync('bash', ['-c', `command -v -- ${name}`]).status !== 0,
  );
}

export interface CaseResult {
  exitCode: number | null;
  output: string;
  problems: string[];
}

/** Runs one case and judges it: the exit code, the words, and that nothing is left running. */
export async function runCase(lab: MachineLab, each: MachineCase): Promise<CaseResult> {
  const folder = await mkdtemp(join(lab.root, 'case-'));
  await mkdir(join(folder, 'home'));
  const prelude = join(import.meta.dirname, 'prelude.sh');
  const script = `. ${JSON.stringify(prelude)}\n${each.script}\n`;
  // What is left when the script ends, seen from inside its own PID namespace.
  const watched = `bash -c ${quote(script)}; code=$?; ps -eo pid=,stat=,args= | awk '$1 != 1 && $2 !~ /^Z/ && !/ps -eo|awk/ {print "LEFT " $0}'; exit $code`;
  const child = spawn('unshare', ['-m', '-p', '-f', '--mount-proc', 'bash', '-c', watched], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      NODE: process.execPath,
      LAUNCHER: lab.launcher,
      SEED: lab.seed,
      ROOT: folder,
      PYENV,
      CACHE: join(PACKAGE_ROOT, 'node_modules', '.cache'),
      TMPDIR: tmpdir(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  return { exitCode, output, problems: judge(each, exitCode, output) };
}

function judge(each: MachineCase, exitCode: number | null, output: string): string[] {
  const words = output.replace(/\s+/g, ' ');
  return [
    ...(exitCode === each.exits ? [] : [`exit code ${exitCode}, not ${each.exits}`]),
    ...each.says.filter((text) => !text.test(words)).map((text) => `does not say ${text}`),
    ...(each.saysNot ?? []).filter((text) => text.test(words)).map((text) => `says ${text}`),
    ...(/^LEFT .*/m.exec(output)?.slice(0, 1) ?? []),
    ...(/\n {4}at .*\(?.*:\d+:\d+\)?/.test(output) ? ['shows a stack'] : []),
  ];
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
