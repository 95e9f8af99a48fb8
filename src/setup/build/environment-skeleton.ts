import { basename } from 'node:path';
import type { SetupEventBody } from '../../core/events.ts';
import { makeFolder } from '../../support/fs/atomic-file.ts';
import type { UvRunner } from '../../uv/runner.ts';
import { makeVirtualEnvironment } from './build.ts';
import type { InstallRun, Skeleton } from './install-run.ts';

/** The folder of the environment, written down first. */
export async function beginEnvironment({ journal, plan }: InstallRun): Promise<void> {
  journal.write({ making: 'environment', name: basename(plan.environmentDir) });
  await makeFolder(plan.environmentDir);
}

/**
 * Makes the environment without its packages, while those still arrive. The log has what uv says as it comes; events come when the
 * step that they belong to has begun.
 * @param runnerOf a runner of uv with its events.
 * @returns `null` where the interpreter is not there yet, or is chosen by uv.
 */
export async function beginSkeleton(
  run: InstallRun,
  runnerOf: (emit: (event: SetupEventBody) => void) => UvRunner,
): Promise<Skeleton | null> {
  if (run.plan.locked?.python.kind !== 'system' || run.tools.exec) return null;
  await beginEnvironment(run);
  const held: SetupEventBody[] = [];
  let tell = (event: SetupEventBody): void => void held.push(event);
  const making = makeVirtualEnvironment(
    run,
    null,
    runnerOf((event) => tell(event)),
  );
  const settled = making.catch(() => {});
  return {
    settled,
    finish() {
      tell = run.emit;
      for (const event of held) run.emit(event);
      return making;
    },
  };
}
