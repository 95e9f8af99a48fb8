import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Program, processesOf, type Started, type World } from '../../fixtures/fault-world.ts';

export type Where = 'journal entry' | 'random instant' | 'after the end';
/** Takes an image of the disk as it is. */
export type Take = (where: Where, what: string) => Promise<void>;

export async function runWithEntries(
  world: World,
  { name, options }: Program,
  wanted: 'entries' | readonly number[],
  take: Take,
): Promise<void> {
  const started = world.call(name, options, { stopsAtEntries: true });
  for (let entry = 1; await hasStopped(started, entry); entry++) {
    if (wanted === 'entries' || wanted.includes(entry)) await take('journal entry', `entry ${entry}`);
    started.send('SIGCONT');
  }
  await succeed(started);
}

/** Until the run has stopped itself at this entry. @returns `false` when it has ended instead. */
async function hasStopped(started: Started, entry: number): Promise<boolean> {
  const isAtEntry = await started.noted(`"stopped","entry":${entry}}`).then(
    () => true,
    () => false,
  );
  // It says so before it stops.
  while (isAtEntry && !/^\d+ \(.*\) T /s.test(await readFile(`/proc/${started.pid}/stat`, 'latin1')))
    await delay(5);
  return isAtEntry;
}

export async function runWithInstants(
  world: World,
  { name, options }: Program,
  { instants, random }: { instants: number; random: () => number },
  spanMs: number,
  take: Take,
): Promise<void> {
  const started = world.call(name, options);
  let hasEnded = false;
  const ended = succeed(started).finally(() => {
    hasEnded = true;
  });
  ended.catch(() => {});
  let runMs = 0;
  for (const instant of Array.from({ length: instants }, () => random() * spanMs).sort((a, b) => a - b)) {
    await delay(instant - runMs);
    runMs = instant;
    const pids = hasEnded ? [] : processesOf(world);
    for (const pid of pids) signalIfThere(pid, 'SIGSTOP');
    await take('random instant', `after ${Math.round(instant)} ms`);
    for (const pid of pids) signalIfThere(pid, 'SIGCONT');
  }
  await ended;
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

export async function succeed(started: Started): Promise<void> {
  const { exitCode, stderr } = await started.ended;
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr.slice(0, 2000)}`);
}
