import { basename } from 'node:path';
import type { SetupEventBody } from '../../core/events.ts';
import { makeFolder } from '../../support/fs/atomic-file.ts';
import type { UvRunner } from '../../uv/runner.ts';
import { learnInterpreter, makeVirtualEnvironment } from './build.ts';
import type { InstallRun, Skeleton } from './install-run.ts';

/** Records the environment's folder in the journal, then creates it. */
export async function beginEnvironment({ journal, plan }: InstallRun): Promise<void> {
  journal.write({ making: 'environment', name: basename(plan.environmentDir) });
  await makeFolder(plan.environmentDir);
}

/**
 * Creates the environment without packages while they are still being fetched. uv's output goes to the log at
 * once; its events are held back until their step has started.
 * @param runnerOf a uv runner with its events.
 * @returns `null` when the interpreter is not there yet, or uv chooses it.
 */
export async function beginSkeleton(
  run: InstallRun,
  runnerOf: (emit: (event: SetupEventBody) => void) => UvRunner,
): Promise<Skeleton | null> {
  if (run.plan.locked?.python.kind !== 'system' || run.tools.exec) return null;
  await beginEnvironment(run);
  const held: SetupEventBody[] = [];
  let tell = (event: SetupEventBody): void => void held.push(event);
  const uv = runnerOf((event) => tell(event));
  const making = makeVirtualEnvironment(run, null, uv).then(() => learnInterpreter(run, uv));
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
