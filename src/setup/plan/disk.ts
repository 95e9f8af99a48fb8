// biome-ignore lint/style/noRestrictedImports: reads /proc/self/mountinfo, which the kernel makes
import { access, constants, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { machineFailure } from '../../failure/causes/machine-failure.ts';
import { machineReasonOf, reasonOfCode } from '../../failure/causes/machine-reason.ts';
import { errorCode, errorMessage, SetupError } from '../../support/errors.ts';
import { FREE_SPACE, OTHER_ROOT, setupAgain } from '../../support/remedies.ts';
import { formatBytes, formatBytesOrUnknown } from '../../support/text/format.ts';

/** Room that an install leaves: logs, bytecode, the file system's own needs. */
const HEADROOM_BYTES = 50_000_000;

/** Something that is going to be written. `null` bytes: nobody knows how much. */
export interface DiskNeed {
  what: string;
  path: string;
  bytes: number | null;
}

/** One volume and all that is going to be written to it. */
export interface VolumeBudget {
  /** The first of the paths that lie on it. */
  path: string;
  freeBytes: number | null;
  needs: readonly DiskNeed[];
}

/** Free bytes of the volume that a path is or will be on; `null` when the system does not say. Unknown is not zero. */
export async function freeBytesAt(path: string): Promise<number | null> {
  try {
    const { blocks, bavail, bsize } = await statfs(await nearestExisting(path));
    // File systems without blocks (FUSE, /proc) have no number to say.
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return null;
  }
}

/** Each need counted on the volume where it lies: folders may be mounts and links. */
export async function volumeBudgets(needs: readonly DiskNeed[]): Promise<VolumeBudget[]> {
  const byDevice = new Map<string, DiskNeed[]>();
  for (const need of needs) {
    const device = await nearestExisting(need.path).then(
      async (path) => String((await stat(path)).dev),
      () => need.path,
    );
    byDevice.set(device, [...(byDevice.get(device) ?? []), need]);
  }
  return Promise.all(
    [...byDevice.values()].map(async (there) => {
      const { path } = there[0]!;
      return { path, freeBytes: await freeBytesAt(path), needs: there };
    }),
  );
}

/**
 * What is known to be needed counts, even where other sizes are unknown.
 * @throws SetupError of class disk, with the numbers of each volume that is too small, before the first byte is fetched.
 */
export function assertDiskSpace(budgets: readonly VolumeBudget[]): void {
  const tooSmall = budgets.filter(
    (budget) => budget.freeBytes !== null && neededBytes(budget) > budget.freeBytes,
  );
  const [first] = tooSmall;
  if (!first) return;
  throw new SetupError(
    `Not enough space: ${formatBytes(neededBytes(first))} needed, ${formatBytes(first.freeBytes ?? 0)} free on the volume of ${first.path}.`,
    {
      failureClass: 'disk',
      causeId: 'disk-full',
      evidence: tooSmall.flatMap(budgetLines),
      remedies: [FREE_SPACE, OTHER_ROOT, setupAgain('Try anyway', ['--ignore-disk'])],
    },
  );
}

function neededBytes({ needs }: VolumeBudget): number {
  const known = needs.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return known === 0 ? 0 : known + HEADROOM_BYTES;
}

function budgetLines(budget: VolumeBudget): string[] {
  const needed = budget.needs
    .filter(({ bytes }) => bytes !== 0)
    .map(({ what, bytes }) => `${formatBytesOrUnknown(bytes)} for ${what}`);
  return [
    `volume of ${budget.path}: ${formatBytesOrUnknown(budget.freeBytes)} free`,
    `needed there: ${[...needed, `${formatBytes(HEADROOM_BYTES)} of headroom`].join(', ')}`,
  ];
}

/** Words for an error that means a full disk, with the volume and the bytes; any other error as it is. */
export async function explainFullDisk(error: unknown, needs: readonly DiskNeed[]): Promise<unknown> {
  const reason = machineReasonOf(error)?.reason;
  if (reason !== 'disk-full' && reason !== 'quota' && reason !== 'file-too-large') return error;
  const budgets = await volumeBudgets(needs);
  const [fullest] = [...budgets].sort((a, b) => (a.freeBytes ?? Infinity) - (b.freeBytes ?? Infinity));
  const where = fullest
    ? `the volume of ${fullest.path} (${formatBytesOrUnknown(fullest.freeBytes)} free)`
    : errorMessage(error);
  return machineFailure(reason, { where, evidence: budgets.flatMap(budgetLines), cause: error });
}

/**
 * Linux: a volume may be mounted so that no program on it is started. uv, the interpreter and the daemon all lie there.
 * @throws SetupError naming the mount.
 */
export async function assertExecutableVolume(path: string): Promise<void> {
  const mount = await noexecMountOf(path);
  if (mount !== null) throw noExecution(path, mount);
}

/** Words for a program that could not be started because of its volume; any other error as it is. */
export async function explainNoExecution(error: unknown, path: string): Promise<unknown> {
  const mount = await noexecMountOf(path);
  return mount === null ? error : noExecution(path, mount);
}

function noExecution(path: string, mount: string): SetupError {
  return machineFailure('noexec', {
    title: `Programs cannot be started from ${path}: ${mount} is mounted noexec.`,
    path: mount,
    evidence: [`mount point ${mount}, option noexec`],
  });
}

async function noexecMountOf(path: string): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const [mounts, real] = await Promise.all([
    readFile('/proc/self/mountinfo', 'utf8').catch(() => ''),
    nearestExisting(path).then(
      (existing) => realpath(existing),
      () => path,
    ),
  ]);
  const mount = mountOf(mounts, real);
  return mount?.options.includes('noexec') ? mount.mountPoint : null;
}

/** The mount that a real path is on. Format: proc_pid_mountinfo(5), with space and backslash as octal numbers. Pure. */
export function mountOf(
  mountinfo: string,
  path: string,
): { mountPoint: string; options: readonly string[] } | null {
  let found: { mountPoint: string; options: readonly string[] } | null = null;
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const [point, options] = [fields[4], fields[5]];
    if (point === undefined || options === undefined) continue;
    const mountPoint = point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = path === mountPoint || path.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`);
    // Of two at the same place the later one hides the earlier.
    if (isAbove && mountPoint.length >= (found?.mountPoint.length ?? 0)) {
      found = { mountPoint, options: options.split(',') };
    }
  }
  return found;
}

/** The path itself, or the folder nearest above it that is there. */
async function nearestExisting(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    try {
      await stat(current);
      return current;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || dirname(current) === current) throw error;
    }
  }
}

/**
 * Looks whether a folder can be made or written, before anything is fetched. Node's own `mkdir` says ENOENT for a
 * read-only file system, which helps nobody.
 * @throws SetupError: a file in the way, no permission, a read-only file system.
 */
export async function assertWritableFolder(path: string): Promise<void> {
  let current = path;
  let status = await stat(current).catch(() => null);
  while (status === null && dirname(current) !== current) {
    current = dirname(current);
    status = await stat(current).catch(() => null);
  }
  if (status !== null && !status.isDirectory()) {
    throw machineFailure('file-in-the-way', {
      path: current,
      title: `A file is where a folder should be: ${current}`,
      evidence: [`the runtime needs the folder ${path}`],
    });
  }
  try {
    await access(current, constants.W_OK | constants.X_OK);
  } catch (error) {
    // Another run has removed it since it was seen: what is above it decides.
    if (errorCode(error) === 'ENOENT' && status !== null) return assertWritableFolder(path);
    throw machineFailure(reasonOfCode(errorCode(error)) ?? 'no-permission', {
      path: current,
      evidence: [`the runtime needs the folder ${path}`],
      cause: error,
    });
  }
}
