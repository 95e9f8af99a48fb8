import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { environmentPaths, managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { isWholeEnvironment, readEnvironments, tidyEnvironments } from '../../src/runtime/environments.ts';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import { HISTORY_FILE } from '../../src/runtime/history.ts';
import { switchOver } from '../../src/runtime/switchover.ts';
import { writeRuntime } from '../fixtures/asset.ts';

/** Performs one switch when it is started, see `killSwitch`. */
const SWITCHER = new URL('switcher.ts', import.meta.url);
/** How long a switch with two files takes. */
const MAX_SWITCH_MS = 40;

/** The steps of a walk, and the problems found. */
export interface WalkResult {
  steps: Record<string, number>;
  violations: string[];
}

const STEPS = [
  ...Array<'install'>(6).fill('install'),
  ...Array<'undo'>(12).fill('undo'),
  ...Array<'killed'>(5).fill('killed'),
  ...Array<'kill -9'>(2).fill('kill -9'),
  ...Array<'use'>(6).fill('use'),
  ...(['recover', 'recover', 'recover', 'leave', 'leave', 'leave', 'tear', 'tear', 'prune'] as const),
  ...(['lose', 'lose', 'lose', 'lose another', 'lose another'] as const),
] as const;
type Step = (typeof STEPS)[number];
const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.4.0'];
/** From the predecessor of this program: one environment, in a real `.venv`. */
const UPSTREAM = '0.12.0';
/** Its records have a future format. */
const FUTURE = '9.0.0';
const VENV = '.venv';

/** The true state of a version, which the program has to work out from its files. */
export interface Known {
  dir: string;
  active: string | null;
  /** What the last switch replaced. */
  left: string | null;
  users: Map<string, ChildProcess>;
  /** Environments that must never be removed, because only a newer ktx can judge them. */
  untouchable?: readonly string[];
}

/**
 * Performs random installs, undos, redos, kills, damage and use, and checks after each step that a working
 * environment is active or can be reached, that undo goes to the one most recently replaced, and that nothing
 * in use was removed. The switch, the history and the cleanup are real; environments contain two files.
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
  const more: Surroundings = { runtimeRoot, manifest, random, say: () => {}, at: 0 };
  versions.push(await upstreamVersion(more), await futureVersion(more));
  // A prune takes locks, which are in this folder.
  await mkdir(join(runtimeRoot, 'uv'), { recursive: true });
  try {
    for (let at = 0; at < steps && result.violations.length === 0; at++) {
      const known = versions[Math.floor(random() * versions.length)]!;
      const step = STEPS[Math.floor(random() * STEPS.length)]!;
      result.steps[step] = (result.steps[step] ?? 0) + 1;
      const say = (what: string) => result.violations.push(`step ${at}, ${step} of ${known.dir}: ${what}`);
      const around = { runtimeRoot, manifest, random, say, at };
      if (step === 'prune') await prune(known, versions, around);
      else await take(step, known, around);
      for (const each of step === 'prune' ? versions : [known]) await look(each, say);
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

const environmentDir = (known: Known, id: string) =>
  id === VENV ? join(known.dir, VENV) : join(known.dir, 'envs', id);

/** As left by the predecessor of this program. */
async function upstreamVersion(around: Surroundings): Promise<Known> {
  const { versionDir: dir } = managedPythonRuntimeLayout({
    runtimeRoot: around.runtimeRoot,
    cliVersion: UPSTREAM,
  });
  await mkdir(dir, { recursive: true });
  const known: Known = { dir, active: VENV, left: null, users: new Map() };
  await build(known, around, VENV);
  const { pythonPath, daemonPath } = environmentPaths(join(dir, VENV));
  const manifest = {
    ...around.manifest,
    cliVersion: UPSTREAM,
    python: { executable: pythonPath, daemonExecutable: daemonPath },
  };
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return known;
}

/** As a future ktx may leave it. */
async function futureVersion(around: Surroundings): Promise<Known> {
  const { versionDir: dir } = managedPythonRuntimeLayout({
    runtimeRoot: around.runtimeRoot,
    cliVersion: FUTURE,
  });
  await mkdir(dir, { recursive: true });
  const known: Known = { dir, active: null, left: null, users: new Map() };
  const ids = [await build(known, around), await build(known, around)];
  const record = { schemaVersion: 2, cliVersion: FUTURE, active: ids[0] };
  for (const id of ids)
    await writeFile(join(environmentDir(known, id), 'environment.json'), JSON.stringify(record));
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(record));
  return { ...known, untouchable: ids };
}

async function take(step: Exclude<Step, 'prune'>, known: Known, around: Surroundings): Promise<void> {
  // Changes to a newer version are refused before this point.
  if (known.untouchable && !['recover', 'use', 'leave'].includes(step)) return;
  switch (step) {
    case 'install': {
      const id = await build(known, around);
      await switchTo(known, around, id, 'install');
      return;
    }
    case 'undo':
      return undo(known, around);
    case 'killed': {
      // Everything is written up to the rename of the manifest.
      const id = await build(known, around);
      const blocked = join(environmentDir(known, id), 'pyvenv.cfg', 'manifest.json');
      await switchTo(known, around, id, 'install', blocked).catch(() => {});
      return;
    }
    case 'kill -9':
      return killSwitch(known, around);
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
    case 'lose another':
      return loseAnother(known, around);
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

/** A finished environment with two files that no manifest or history mentions. @returns its id. */
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

/** @param manifestPath where the rename fails, to simulate a kill just before it. */
export async function switchTo(
  known: Known,
  { runtimeRoot, manifest, at }: Surroundings,
  id: string,
  action: 'install' | 'undo',
  manifestPath = join(known.dir, 'manifest.json'),
): Promise<void> {
  await switchOver({
    ...switchoverOf(known, { runtimeRoot, manifest, at }, id, action, manifestPath),
    journal: { write() {} },
    note() {},
  });
  await switched(known, id);
}

/** The part of a switch that can be passed to another process. */
function switchoverOf(
  known: Known,
  { runtimeRoot, manifest, at }: Pick<Surroundings, 'runtimeRoot' | 'manifest' | 'at'>,
  id: string,
  action: 'install' | 'undo' = 'install',
  manifestPath = join(known.dir, 'manifest.json'),
) {
  const dir = environmentDir(known, id);
  const { pythonPath, daemonPath } = environmentPaths(dir);
  const name = pythonPath.slice(runtimeRoot.length + 1);
  // Do not rely on install times: clocks may go back, and several installs may happen within a second.
  const installedAt = new Date(Date.UTC(2026, 0, 1) + (at % 7) * 1000).toISOString();
  return {
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
  };
}

async function switched(known: Known, id: string): Promise<void> {
  const was = known.active;
  const isWay = was !== null && was !== VENV && was !== id && (await isWholeEnvironment(known.dir, was));
  known.left = isWay ? was : null;
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

/** A switch in a separate process that is killed at a random moment. */
async function killSwitch(known: Known, around: Surroundings): Promise<void> {
  const id = await build(known, around);
  const switchover = JSON.stringify(switchoverOf(known, around, id));
  const child = fork(SWITCHER, [switchover], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child, 'message'), ended]);
  await delay(around.random() * MAX_SWITCH_MS);
  child.kill('SIGKILL');
  await ended;
  const text = await readFile(join(known.dir, 'manifest.json'), 'utf8').catch(() => '');
  if (text.includes(`/envs/${id}/`)) await switched(known, id);
}

/** Another version's prune removes what is not needed, but nothing in use and nothing newer. */
async function prune(
  own: Known,
  versions: readonly Known[],
  { runtimeRoot, say }: Surroundings,
): Promise<void> {
  if (own.untouchable) return;
  const cliVersion = basename(own.dir);
  const { removed } = await pruneManagedPythonRuntimes({ cliVersion, runtimeRoot });
  for (const other of versions) {
    const isGone = !(await isThere(other.dir));
    if (isGone !== removed.includes(other.dir)) say(`prune does not say that ${other.dir} has gone`);
    if (!isGone) continue;
    if (other === own) say('prune removed its own version');
    if (other.untouchable) say('prune removed a newer version');
    other.active = null;
    other.left = null;
    await mkdir(other.dir, { recursive: true });
  }
}

/** Removes an inactive environment, or one of its files. */
async function loseAnother(known: Known, { random }: Surroundings): Promise<void> {
  const ids = (await readdir(join(known.dir, 'envs')).catch(() => [])).filter((id) => id !== known.active);
  const id = ids[Math.floor(random() * ids.length)];
  if (id === undefined || known.users.has(id)) return;
  const dir = environmentDir(known, id);
  const places = [
    dir,
    join(dir, 'environment.json'),
    join(dir, 'pyvenv.cfg'),
    environmentPaths(dir).pythonPath,
  ];
  await rm(places[Math.floor(random() * places.length)]!, { recursive: true, force: true });
  if (known.left === id) known.left = null;
}

/** Deletes or empties a file or all of the active environment, or the manifest. */
async function lose(known: Known, { random }: Surroundings): Promise<void> {
  if (known.active === null || known.users.has(known.active)) return;
  const dir = environmentDir(known, known.active);
  // Deleting through a link would affect the environment it points to.
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
  for (const id of known.untouchable ?? [])
    if (!(await isThere(environmentPaths(environmentDir(known, id)).pythonPath)))
      say(`${id} of a newer ktx is gone`);
  const { active, others, records } = await readEnvironments(known.dir);
  const reachable = new Set([...(active.kind === 'id' ? [active.id] : []), ...others]);
  for (const id of records.keys()) if (!reachable.has(id)) say(`${id} is finished and cannot be reached`);
  if (known.active === null) return;
  if (known.active === VENV) {
    const { pythonPath } = environmentPaths(environmentDir(known, VENV));
    const manifest = await readFile(join(known.dir, 'manifest.json'), 'utf8').catch(() => '');
    if (!manifest.includes(pythonPath) || !(await isThere(pythonPath)))
      say('the adopted .venv is no longer in force');
    return;
  }
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
