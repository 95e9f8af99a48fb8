import { access, constants, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { machineReasonOf } from '../../failure/causes/machine-reason.ts';
import { inspectFolders } from '../../runtime/trusted-folders.ts';
import { errorCode, errorMessage, isAbsence } from '../../support/errors.ts';
import { because, type Check, fail, type Outcome, pass, warn } from './check.ts';
import type { CheckSurroundings } from './context.ts';

/** The folders of a runtime, parents first. */
export function runtimeFolders({ layout, shared }: Pick<CheckSurroundings, 'layout' | 'shared'>): string[] {
  const { root, ...below } = shared;
  return [
    layout.runtimeRoot,
    root,
    ...Object.values(below),
    layout.versionDir,
    join(layout.versionDir, 'envs'),
  ];
}

/** What is there instead of a folder: a file, a pipe, a broken link. `null` when nothing is. */
export async function findObstacle(
  folders: readonly string[],
): Promise<{ path: string; what: string } | null> {
  for (const path of folders) {
    try {
      if (!(await stat(path)).isDirectory()) return { path, what: 'is not a folder' };
    } catch (error) {
      const isLink = (await lstat(path).catch(() => null))?.isSymbolicLink() === true;
      if (isLink) return { path, what: `is a link that leads nowhere (${errorCode(error) ?? 'no target'})` };
    }
  }
  return null;
}

/** The first folder that this user cannot list, with the system's error. */
async function findUnreadable(folders: readonly string[]): Promise<{ path: string; error: unknown } | null> {
  for (const path of folders) {
    try {
      await readdir(path);
    } catch (error) {
      if (!isAbsence(error)) return { path, error };
    }
  }
  return null;
}

export const FOLDER_CHECKS: readonly Check[] = [
  {
    id: 'folders',
    group: 'Runtime',
    label: 'Runtime folders',
    why: 'Programs run from these folders, so no other user may be able to put files there.',
    cost: 'offline',
    dependsOn: [],
    async run(context): Promise<Outcome> {
      const { layout } = context;
      const folders = runtimeFolders(context);
      const obstacle = await findObstacle(folders);
      if (obstacle !== null)
        return because('file-in-the-way', fail(`${obstacle.path} ${obstacle.what}`, ['clear-obstacle']));
      const { distrust, groupShared, openAbove } = await inspectFolders(layout.runtimeRoot, [
        layout.versionDir,
      ]);
      if (distrust !== null) return fail(distrust.message, ['mend-permissions'], distrust.nextSteps[0]);
      const unreadable = await findUnreadable(folders);
      if (unreadable !== null)
        return {
          ...fail(`${unreadable.path} cannot be read: ${errorMessage(unreadable.error)}`, [
            'mend-permissions',
          ]),
          cause: machineReasonOf(unreadable.error)?.reason,
        };
      if ((await stat(layout.runtimeRoot).catch(() => null)) === null)
        return pass(`${layout.runtimeRoot} does not exist yet`);
      const problem = await writeProblem(folders);
      if (problem !== null) return problem;
      if (openAbove !== null) return pass(`every user of this machine can write to ${openAbove}`);
      return pass(groupShared === null ? layout.runtimeRoot : `${groupShared} is shared with a group`);
    },
  },
];

/** A read-only runtime still works; it cannot be repaired or updated. */
async function writeProblem(folders: readonly string[]): Promise<Outcome | null> {
  for (const path of folders) {
    try {
      await access(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (isAbsence(error)) continue;
      if (errorCode(error) === 'EROFS')
        return because(
          'read-only',
          warn(
            `The file system of ${path} is read-only: the runtime cannot be updated or repaired`,
            [],
            'Mount it writable',
          ),
        );
      const isOwn = (await stat(path)).uid === process.geteuid?.();
      return because(
        'no-permission',
        warn(`This user cannot write to ${path}`, isOwn ? ['mend-permissions'] : []),
      );
    }
  }
  return null;
}
