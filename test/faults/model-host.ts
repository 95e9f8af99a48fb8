import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { type ChangeOptions, changeModelHost, type ModelHostContext } from '../../src/hosts/model-host.ts';
import { unfinishedChange } from '../../src/hosts/project-files.ts';
import { readRemoteConfig } from '../../src/hosts/ssh/remote-ops.ts';
import { sshExec } from '../../src/hosts/ssh/ssh-exec.ts';
import type { ApplyResult } from '../../src/hosts/types.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type ModelHost, OLD_CONFIG, startModelHost } from '../fixtures/model-host.ts';
import { seeded } from './kill.ts';

/** What goes wrong during a change. */
const FAULTS = [
  'connection cut',
  'ktx killed',
  'host killed',
  'disk full',
  'slow host',
  'service killed',
  'another change',
] as const;
export type HostFault = (typeof FAULTS)[number];
/** The write more often: it is where a file can be lost. */
const STEPS = ['validate', 'backup', 'write', 'write', 'write', 'restart', 'health'] as const;
type Step = (typeof STEPS)[number];

/** A row of the table: one fault, and what the changes with it left on the host. */
export interface HostFaultRow {
  fault: HostFault;
  changes: number;
  /** The file is the new one, and the result says done. */
  done: number;
  /** The file is the old one. */
  old: number;
  /** The file is the new one, and the result or the record names the backup. */
  unconfirmed: number;
  /** The file is neither: the result or the record names the backup, and it was restored. */
  restored: number;
  problems: string[];
}

export interface HostFaultPlan {
  changes: number;
  seed: number;
  /** Told after each change, so that a run that is cut off has shown something. */
  onChange?: (turn: number, fault: HostFault, outcome: string) => void;
}

/** Why the disk of the host cannot be made full here; `null` when it can. */
export const diskObstacle: string | null =
  process.platform === 'linux' && process.getuid?.() === 0
    ? null
    : 'mounting a small disk needs root on Linux';

const DISK_KIB = 16 * 1024;
/** A service that starts on a busy machine is waited for; one that is up is seen at once. */
const QUICK = { healthAttempts: 600, healthDelayMs: 100 };

interface World {
  host: ModelHost;
  context: ModelHostContext;
  /** Puts what is left of the disk at so many bytes; `null`: all of it. */
  leaveFree(bytes: number | null): Promise<void>;
}

/** Changes the configuration of one host again and again, each time with a fault at a random moment of a random step. */
export async function hostFaultRows(plan: HostFaultPlan): Promise<HostFaultRow[]> {
  const random = seeded(Math.imul(plan.seed + 1, 0x9e3779b1));
  const folder = await mkdtemp(join(tmpdir(), 'ktx-hosts-'));
  const faults = FAULTS.filter((fault) => fault !== 'disk full' || diskObstacle === null);
  const rows = faults.map(
    (fault): HostFaultRow => ({
      fault,
      changes: 0,
      done: 0,
      old: 0,
      unconfirmed: 0,
      restored: 0,
      problems: [],
    }),
  );
  const { PATH } = process.env;
  const world = await makeWorld(folder);
  process.env['PATH'] = `${world.host.ssh.binDir}:${PATH}`;
  try {
    for (let turn = 0; turn < plan.changes; turn++) {
      // In turn, so that a short plan has each of them.
      const row = rows[turn % rows.length]!;
      row.changes++;
      try {
        const ending = await changeWithFault(world, row.fault, random, turn);
        row[ending]++;
        plan.onChange?.(turn, row.fault, ending);
      } catch (error) {
        row.problems.push(`change ${turn}: ${(error as Error).message}`);
        plan.onChange?.(turn, row.fault, `PROBLEM: ${(error as Error).message}`);
        // The next one starts from a whole file.
        await writeFile(world.host.connection.configPath, OLD_CONFIG);
      }
    }
    return rows;
  } finally {
    process.env['PATH'] = PATH;
    await world.host.close();
    if (diskObstacle === null) execFileSync('umount', ['-l', dirname(world.host.connection.configPath)]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeWorld(folder: string): Promise<World> {
  const etc = join(folder, 'etc');
  await mkdir(etc);
  if (diskObstacle === null) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_KIB}k`, 'tmpfs', etc]);
  const host = await startModelHost({ folder });
  const home = join(folder, 'home');
  await mkdir(home);
  const filler = join(etc, 'filler');
  return {
    host,
    context: {
      connection: host.connection,
      schema: LLAMA_SWAP_SCHEMA,
      exec: sshExec,
      projectDir: home,
      homeDir: home,
    },
    async leaveFree(bytes) {
      await rm(filler, { force: true });
      if (bytes === null) return;
      const blocks = execFileSync('df', ['--output=avail', '-k', etc], { encoding: 'utf8' }).match(/\d+/)!;
      const fillBytes = Number(blocks[0]) * 1024 - bytes;
      if (fillBytes > 0) await writeFile(filler, Buffer.alloc(fillBytes));
    },
  };
}

type Ending = 'done' | 'old' | 'unconfirmed' | 'restored';

async function changeWithFault(
  world: World,
  fault: HostFault,
  random: () => number,
  turn: number,
): Promise<Ending> {
  const { host, context } = world;
  const before = await host.read();
  const sizeBytes = Math.floor(random() * 600_000);
  const newConfig = `${OLD_CONFIG}  m${turn}:\n    cmd: serve ${turn}\n# ${'x'.repeat(sizeBytes)}\n`;
  const step = STEPS[Math.floor(random() * STEPS.length)]!;
  const change: ChangeOptions = { ...QUICK, newConfig };
  const result =
    fault === 'ktx killed'
      ? await changeKilled(world, change, step, random)
      : await changeHere(world, change, fault, step, random);
  await calmDown(world);
  const ending = await endingOf(world, result, before, newConfig);
  for (const backup of (await host.backups()).slice(0, -6)) await rm(backup);
  if ((await unfinishedChange.read(context.projectDir, host.connection)) !== null)
    await unfinishedChange.remove(context.projectDir);
  return ending;
}

async function changeHere(
  world: World,
  change: ChangeOptions,
  fault: HostFault,
  step: Step,
  random: () => number,
): Promise<ApplyResult> {
  const { host, context } = world;
  const strikes: Promise<void>[] = [];
  const strike = () => strikes.push(inject(world, fault, step, change.newConfig.length, random));
  if (fault === 'slow host') host.ssh.slowDown(5 + random() * 40);
  const other = fault === 'another change' ? otherChange(world, random) : null;
  const { result } = await changeModelHost(context, {
    ...change,
    onStep: (begun) => {
      if (begun === step) strike();
    },
  });
  // One that comes late must not meet the next change.
  await Promise.all(strikes);
  if (other !== null) await putBack(host, change.newConfig, result, await other);
  return result;
}

async function inject(
  { host, leaveFree }: World,
  fault: HostFault,
  step: Step,
  sizeBytes: number,
  random: () => number,
): Promise<void> {
  const part = random();
  switch (fault) {
    case 'connection cut':
      // A connection begins with some KB of its own.
      host.ssh.cutAfter(Math.floor(part * (step === 'write' ? sizeBytes + 8000 : 5000)));
      break;
    case 'disk full':
      await leaveFree(Math.floor(part * sizeBytes));
      break;
    case 'host killed':
      await delay(part * 600);
      host.ssh.killSessions();
      break;
    case 'service killed':
      await delay(part * 300);
      host.killService();
      break;
  }
}

const OTHER_CONFIG = `${OLD_CONFIG}  other:\n    cmd: serve other\n`;

/** Somebody else on the same machine changes the same host, from another project. */
async function otherChange({ context }: World, random: () => number): Promise<ApplyResult> {
  await delay(random() * 2000);
  const projectDir = await mkdtemp(join(context.homeDir, 'other-'));
  return (await changeModelHost({ ...context, projectDir }, { ...QUICK, newConfig: OTHER_CONFIG })).result;
}

/** The backup of whoever came second must be the text of the first; that is put in place again, to be compared as ever. */
async function putBack(
  host: ModelHost,
  newConfig: string,
  ours: ApplyResult,
  theirs: ApplyResult,
): Promise<void> {
  if (!ours.ok || !theirs.ok) throw new Error(`of two changes one failed: ${ours.error ?? theirs.error}`);
  const wereTheyLast = (await host.read()) === OTHER_CONFIG;
  const [last, first] = wereTheyLast ? [theirs, newConfig] : [ours, OTHER_CONFIG];
  if ((await readFile(last.backupPath!, 'utf8')) !== first)
    throw new Error('the second change has no backup of the first');
  await writeFile(host.connection.configPath, newConfig);
}

/** In a process of its own that gets `kill -9` a while after the step has begun. */
async function changeKilled(
  { context }: World,
  change: ChangeOptions,
  step: Step,
  random: () => number,
): Promise<ApplyResult | null> {
  const optionsPath = join(context.homeDir, 'victim.json');
  const { connection, projectDir, homeDir } = context;
  await writeFile(optionsPath, JSON.stringify({ context: { connection, projectDir, homeDir }, change }));
  const victim = spawn(
    process.execPath,
    [join(PACKAGE_ROOT, 'test/faults/model-host-victim.ts'), optionsPath],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(victim, 'close');
  let result: ApplyResult | null = null;
  for await (const line of createInterface(victim.stdout)) {
    if (line.startsWith('{')) result = JSON.parse(line) as ApplyResult;
    else if (line === step) void delay(random() * 800).then(() => victim.kill('SIGKILL'));
  }
  await ended;
  return result;
}

/** The faults end, and what was on its way arrives. */
async function calmDown({ host, leaveFree }: World): Promise<void> {
  host.ssh.cutAfter(null);
  host.ssh.slowDown(0);
  await leaveFree(null);
  await host.isSettled();
}

async function endingOf(
  { host, context }: World,
  result: ApplyResult | null,
  before: string,
  newConfig: string,
): Promise<Ending> {
  const now = await host.read();
  if (result?.ok && now !== newConfig) throw new Error('said done, and the file is another one');
  if (result?.ok) return 'done';
  if (now === before) return 'old';
  const left = await unfinishedChange.read(context.projectDir, host.connection);
  const backupPath = result?.backupPath ?? left?.backupPath;
  if (backupPath === undefined) {
    // A killed run that had written all: the record goes when the result is known.
    if (now === newConfig && result === null) return 'unconfirmed';
    throw new Error(`the file is neither, and no backup is named (${result?.step}: ${result?.error})`);
  }
  const backup = await readRemoteConfig(host.connection, backupPath, sshExec);
  if (backup !== before) throw new Error(`the backup is not the old file: ${backupPath}`);
  if (now === newConfig) return 'unconfirmed';
  const restored = await changeModelHost(context, { ...QUICK, newConfig: backup, isRestore: true });
  if (!restored.result.ok)
    throw new Error(`restore failed at ${restored.result.step}: ${restored.result.error}`);
  if ((await host.read()) !== before) throw new Error('restore left another file');
  return 'restored';
}

export function hostFaultTable(rows: readonly HostFaultRow[]): string {
  const columns = ['changes', 'done', 'old', 'unconfirmed', 'restored', 'problems'] as const;
  const text = (row: HostFaultRow, name: (typeof columns)[number]) =>
    String(name === 'problems' ? row.problems.length : row[name]).padStart(13);
  return [
    ''.padEnd(18) + columns.map((name) => name.padStart(13)).join(''),
    ...rows.map((row) => row.fault.padEnd(18) + columns.map((name) => text(row, name)).join('')),
    ...rows.flatMap(({ fault, problems }) => problems.map((problem) => `${fault}: ${problem}`)),
  ].join('\n');
}
