import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, cp, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environmentPaths, managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { isWholeEnvironment, readEnvironments, tidyEnvironments } from '../../src/runtime/environments.ts';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import { HISTORY_FILE } from '../../src/runtime/history.ts';
import { switchOver } from '../../src/runtime/switchover.ts';
import { writeRuntime } from '../fixtures/asset.ts';

/** What a walk did, and what was wrong. */
export interface WalkResult {
  steps: Record<string, number>;
  violations: string[];
}

type Step = 'install' | 'undo' | 'killed' | 'recover' | 'use' | 'leave' | 'lose' | 'tear';
const STEPS: readonly Step[] = [
  ...(['install', 'install', 'undo', 'undo', 'undo', 'undo', 'recover'] as const),
  ...(['killed', 'killed', 'use', 'use', 'leave', 'lose', 'tear'] as const),
];
const VERSIONS = ['0.1.0', '0.2.0', '0.3.0'];

/** Where a version is, as somebody who saw every step knows it; the program has to find it out. */
export interface Known {
  dir: string;
  active: string | null;
  /** What the last switch left behind. */
  left: string | null;
  users: Map<string, ChildProcess>;
}

/**
 * Installs, goes back and forward, is killed, loses parts and is used, at random, and looks after each step whether
 * an environment that works is still in force or can be reached, whether undo goes to the one that was left last, and whether
 * nothing that is in use is gone. The switch, the history and the tidying are the real ones; environments hold two files.
 */
export async function walkSwitches(
  runtimeRoot: string,
  { steps, random }: { steps: number; random: () => number },
): Promise<WalkResult> {
  const result: WalkResult = { steps: {}, violations: [] };
  const versions: Known[] = [];
  for (const version of VERSIONS) {
    const { versionDir: dir } = managedPythonRuntimeLayout({ runtimeRoot, cliVersion: version });
    await mkdir(dir, { recursive: true });
    versions.push({ dir, active: null, left: null, users: new Map() });
  }
  const manifest = await writeRuntime(join(runtimeRoot, 'template'), VERSIONS[0]!);
  try {
    for (let at = 0; at < steps && result.violations.length === 0; at++) {
      const known = versions[Math.floor(random() * versions.length)]!;
      const step = STEPS[Math.floor(random() * STEPS.length)]!;
      result.steps[step] = (result.steps[step] ?? 0) + 1;
      const say = (what: string) => result.violations.push(`step ${at}, ${step} of ${known.dir}: ${what}`);
      await take(step, known, { runtimeRoot, manifest, random, say, at });
      await look(known, say);
    }
    return result;
  } finally {
    for (const { users } of versions) for (const user of users.values()) user.kill('SIGKILL');
  }
}

export interface Surroundings {
  runtimeRoot: string;
  manifest: Awaited<ReturnType<typeof writeRuntime>>;
  random: () => number;
  say: (what: string) => void;
  at: number;
}

const environmentDir = (known: Known, id: string) => join(known.dir, 'envs', id);

async function take(step: Step, known: Known, around: Surroundings): Promise<void> {
  switch (step) {
    case 'install': {
      const id = await build(known, around);
      await switchTo(known, around, id, 'install');
      return;
    }
    case 'undo':
      return undo(known, around);
    case 'killed': {
      // Just before the manifest is renamed: all but that is written.
      const id = await build(known, around);
      const blocked = join(environmentDir(known, id), 'pyvenv.cfg', 'manifest.json');
      await switchTo(known, around, id, 'install', blocked).catch(() => {});
      return;
    }
    case 'recover':
      await tidyEnvironments(known.dir, isEnvironmentInUse);
      return;
    case 'use':
      return use(known);
    case 'leave': {
      const [first] = known.users;
      if (first) await leave(known, first[0]);
      return;
    }
    case 'lose':
      return lose(known, around);
    case 'tear':
      await appendFile(join(known.dir, HISTORY_FILE), '{"schemaVersion":1,"at":"2026');
  }
}

/** Starts a program of the active environment. */
export async function use(known: Known): Promise<void> {
  if (known.active === null || known.users.has(known.active)) return;
  const program = join(environmentDir(known, known.active), 'bin', 'sleep');
  if (!(await isThere(program))) return;
  const user = spawn(program, ['600'], { stdio: 'ignore' });
  await once(user, 'spawn');
  known.users.set(known.active, user);
}

export async function leave(known: Known, id: string): Promise<void> {
  const user = known.users.get(id);
  if (!user) return;
  known.users.delete(id);
  const gone = once(user, 'exit');
  user.kill('SIGKILL');
  await gone;
}

/** A finished environment of two files that no manifest and no history knows. @returns its id. */
export async function build(
  known: Known,
  { runtimeRoot }: Surroundings,
  id = randomBytes(4).toString('hex'),
): Promise<string> {
  const dir = environmentDir(known, id);
  await mkdir(join(dir, 'bin'), { recursive: true });
  await writeFile(join(dir, 'pyvenv.cfg'), 'home = /usr/bin\n');
  await cp('/bin/sleep', join(dir, 'bin', 'sleep'));
  await writeFile(environmentPaths(dir).pythonPath, runtimeRoot, { mode: 0o755 });
  return id;
}

/** @param manifestPath where the rename fails, for a run that is killed just before it. */
export async function switchTo(
  known: Known,
  { runtimeRoot, manifest, at }: Surroundings,
  id: string,
  action: 'install' | 'undo',
  manifestPath = join(known.dir, 'manifest.json'),
): Promise<void> {
  const dir = environmentDir(known, id);
  const { pythonPath, daemonPath } = environmentPaths(dir);
  const name = pythonPath.slice(runtimeRoot.length + 1);
  // Clocks that go back and installs within one second are nothing to rely on.
  const installedAt = new Date(Date.UTC(2026, 0, 1) + (at % 7) * 1000).toISOString();
  await switchOver({
    layout: { runtimeRoot, versionDir: known.dir, manifestPath },
    environmentDir: dir,
    manifest: {
      ...manifest,
      installedAt,
      python: { executable: pythonPath, daemonExecutable: daemonPath },
    },
    ...(action === 'install' ? { built: { sizes: { [name]: runtimeRoot.length } } } : {}),
    uses: [],
    action,
    reason: 'asked',
    journal: { write() {} },
    note() {},
  });
  const was = known.active;
  known.left = was !== null && was !== id && (await isWholeEnvironment(known.dir, was)) ? was : null;
  known.active = id;
}

async function undo(known: Known, around: Surroundings): Promise<void> {
  const { other } = await readEnvironments(known.dir);
  const wanted = known.left;
  const isWanted = wanted !== null && (await isWholeEnvironment(known.dir, wanted));
  if (known.active !== null && isWanted && other !== wanted)
    around.say(`undo goes to ${other}, and the last switch left ${wanted}`);
  if (other === null || !(await isWholeEnvironment(known.dir, other))) return;
  await switchTo(known, around, other, 'undo');
}

/** One file or the whole of the active environment, or the manifest: deleted, or emptied. */
async function lose(known: Known, { random }: Surroundings): Promise<void> {
  if (known.active === null || known.users.has(known.active)) return;
  const dir = environmentDir(known, known.active);
  const places = [dir, join(dir, 'environment.json'), environmentPaths(dir).pythonPath];
  const path = [...places, join(known.dir, 'manifest.json')][Math.floor(random() * 4)]!;
  const canBeCut = path !== dir && (await isThere(path)) && random() < 0.5;
  await (canBeCut ? truncate(path) : rm(path, { recursive: true, force: true }));
  known.active = null;
  known.left = null;
}

async function look(known: Known, say: Surroundings['say']): Promise<void> {
  for (const id of known.users.keys()) {
    if (!(await isThere(environmentDir(known, id)))) say(`${id} is in use and gone`);
  }
  const { active, others, records } = await readEnvironments(known.dir);
  const reachable = new Set([...(active.kind === 'id' ? [active.id] : []), ...others]);
  for (const id of records.keys()) if (!reachable.has(id)) say(`${id} is finished and cannot be reached`);
  if (known.active === null) return;
  if (active.kind !== 'id' || active.id !== known.active) say(`${known.active} is no longer in force`);
  else if (!(await isWholeEnvironment(known.dir, known.active))) say(`${known.active} is no longer whole`);
  if (known.left !== null && !(await isThere(environmentDir(known, known.left))))
    say(`${known.left} was left last and is gone`);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
