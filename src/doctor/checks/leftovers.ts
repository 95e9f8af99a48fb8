import { access, constants, lstat, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { readProcessStart } from '../../process/process-table.ts';
import { ENVIRONMENT_ID, environmentsDir, LEFTOVERS } from '../../runtime/environments.ts';
import { readLeftRuns } from '../../runtime/journal.ts';
import { readLockHolders } from '../../runtime/lock-holder.ts';
import { formatCount } from '../../support/text/format.ts';
import { type Check, fail, type Outcome, pass, warn } from './check.ts';

export const LEFTOVER_CHECKS: readonly Check[] = [
  {
    id: 'lock',
    group: 'Runtime',
    label: 'No other ktx is changing it',
    why: 'While another ktx installs, these results may change at any moment.',
    cost: 'offline',
    dependsOn: ['folders'],
    async run({ shared }): Promise<Outcome> {
      for (const name of await namesIn(shared.locksDir)) {
        if (!name.endsWith('.lock')) continue;
        const path = join(shared.locksDir, name);
        const problem = await lockProblem(path);
        if (problem !== null) return fail(`${path} ${problem} and cannot be locked`, ['release-lock']);
      }
      const holders = await readLockHolders(shared.locksDir);
      const dead = holders.find(({ isAlive }) => !isAlive);
      if (dead !== undefined)
        return warn(`${dead.path} names process ${dead.pid}, which has ended`, ['release-lock']);
      // During repairs this process holds the lock itself.
      const live = holders.find(({ pid, host }) => pid !== process.pid || host !== hostname());
      if (live === undefined) return pass('no lock is held');
      const where = live.host === hostname() ? '' : ` on ${live.host}`;
      return warn(
        `Process ${live.pid}${where} has been changing the runtime since ${live.since}, step ${live.step}`,
        [],
        'Wait until it has ended',
      );
    },
  },
  {
    id: 'leftovers',
    group: 'Runtime',
    label: 'No interrupted runs',
    why: 'An interrupted run leaves files and processes behind.',
    cost: 'offline',
    dependsOn: ['folders'],
    async run({ layout, shared, facts }): Promise<Outcome> {
      const runs = await readLeftRuns(shared.runsDir);
      const dead = runs.filter(({ entries }) => !entries.some(isLiveOwner));
      const left = [
        ...dead.map(({ runDir }) => runDir),
        ...(await leftoversIn(layout.versionDir)),
        ...(await leftoversIn(environmentsDir(layout.versionDir))),
        ...(await namesIn(shared.storeDir))
          .filter((name) => /\.partial/.test(name))
          .map((name) => join(shared.storeDir, name)),
      ];
      // A live run may own any unfinished environment.
      if (runs.length === dead.length) {
        const { active, records } = await facts.environments();
        const ids = (await namesIn(environmentsDir(layout.versionDir))).filter((name) =>
          ENVIRONMENT_ID.test(name),
        );
        const isKept = (id: string) => records.has(id) || (active.kind === 'id' && active.id === id);
        if (active.kind !== 'unreadable')
          left.push(
            ...ids.filter((id) => !isKept(id)).map((id) => join(environmentsDir(layout.versionDir), id)),
          );
      }
      if (left.length === 0) return pass('none');
      return warn(`${formatCount(left.length, 'entry', 'entries')} of interrupted runs, such as ${left[0]}`, [
        'remove-leftovers',
      ]);
    },
  },
];

/**
 * Why a file cannot be locked, by anyone or by this user: it is not a file, or another user owns it in a
 * folder of ours. `null` when it can.
 */
export async function lockProblem(path: string): Promise<string | null> {
  const status = await lstat(path).catch(() => null);
  if (status === null) return null;
  if (!status.isFile()) return 'is not a file';
  const mayWrite = (each: string) =>
    access(each, constants.W_OK).then(
      () => true,
      () => false,
    );
  // A read-only folder is reported by another check.
  if ((await mayWrite(path)) || !(await mayWrite(dirname(path)))) return null;
  return `belongs to user ${status.uid}`;
}

function isLiveOwner(entry: object): boolean {
  if (!('pid' in entry && 'start' in entry && 'host' in entry)) return false;
  return entry.host !== hostname() || readProcessStart(Number(entry.pid)) === entry.start;
}

/** Paths left by interrupted runs in a version's folder or its `envs`. */
export async function leftoversIn(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  const patterns = Object.values(LEFTOVERS);
  return names
    .filter((name) => patterns.some((pattern) => pattern.test(name)))
    .map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
