// biome-ignore lint/style/noRestrictedImports: reads /proc/self/mountinfo, which the kernel makes
import { access, constants, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { machineFailure } from '../../failure/causes/machine-failure.ts';
import { machineReasonOf, reasonOfCode } from '../../failure/causes/machine-reason.ts';
import { errorCode, errorMessage, SetupError } from '../../support/errors.ts';
import { FREE_SPACE, OTHER_ROOT, setupAgain } from '../../support/remedies.ts';
import { formatBytes, formatBytesOrUnknown } from '../../support/text/format.ts';
import { DISK_HEADROOM_BYTES } from './headroom.ts';

/** Data to be written. `null` bytes: unknown. */
export interface DiskNeed {
  what: string;
  path: string;
  bytes: number | null;
}

/** A volume and everything to be written to it. */
export interface VolumeBudget {
  /** The first of the paths on it. */
  path: string;
  freeBytes: number | null;
  needs: readonly DiskNeed[];
}

/** Free bytes of the volume that a path is or will be on; `null` when unknown, which is not zero. */
export async function freeBytesAt(path: string): Promise<number | null> {
  try {
    const { blocks, bavail, bsize } = await statfs(await nearestExisting(path));
    // File systems without blocks (FUSE, /proc) report zero.
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return null;
  }
}

/** Groups needs by the volume that they lie on: folders may be mounts and links. */
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
 * Checks the known sizes even when others are unknown.
 * @throws SetupError of class disk, with the numbers of each volume that is too small, before the first byte
 * is fetched.
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
  return known === 0 ? 0 : known + DISK_HEADROOM_BYTES;
}

function budgetLines(budget: VolumeBudget): string[] {
  const needed = budget.needs
    .filter(({ bytes }) => bytes !== 0)
    .map(({ what, bytes }) => `${formatBytesOrUnknown(bytes)} for ${what}`);
  return [
    `volume of ${budget.path}: ${formatBytesOrUnknown(budget.freeBytes)} free`,
    `needed there: ${[...needed, `${formatBytes(DISK_HEADROOM_BYTES)} of headroom`].join(', ')}`,
  ];
}

/** Turns a disk-full error into one with the volume and the bytes; returns any other error unchanged. */
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
 * Linux: a volume may be mounted `noexec`. uv, the interpreter and the daemon are all on it.
 * @throws SetupError naming the mount.
 */
export async function assertExecutableVolume(path: string): Promise<void> {
  const mount = await noexecMountOf(path);
  if (mount !== null) throw noExecution(path, mount);
}

/** Explains a program that could not be started because of its mount; returns any other error unchanged. */
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

/** The mount that a real path is on. Format: proc_pid_mountinfo(5), with space and backslash in octal. Pure. */
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
    // Of two mounts on one mount point, the later hides the earlier.
    if (isAbove && mountPoint.length >= (found?.mountPoint.length ?? 0)) {
      found = { mountPoint, options: options.split(',') };
    }
  }
  return found;
}

/** The path itself, or its nearest existing parent. */
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
 * Checks that a folder can be created or written before anything is fetched. Node's `mkdir` reports ENOENT
 * for a read-only file system, which is misleading.
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
    // Another run removed it in the meantime: check its parent.
    if (errorCode(error) === 'ENOENT' && status !== null) return assertWritableFolder(path);
    throw machineFailure(reasonOfCode(errorCode(error)) ?? 'no-permission', {
      path: current,
      evidence: [`the runtime needs the folder ${path}`],
      cause: error,
    });
  }
}
