import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DISK_BYTES = 768 * 1024 * 1024;

/** How `redirect_dir` of an overlay is set: with `off` the kernel renames no folder of a lower layer (EXDEV). */
export type Overlay = 'off' | 'on' | null;

/** An ext4 file system on a loop device, of which images can be taken as a power cut would leave it. */
export interface LoopDisk {
  /** Where it is used: the file system itself, or an overlay whose layers are on it. */
  readonly folder: string;
  /** Keeps what was written so far, as the state that `restart` goes back to. */
  keep(): Promise<void>;
  /** Puts back what was kept. With an overlay it becomes the lower layer, as an image of a container is. */
  restart(overlay: Overlay): Promise<void>;
  /**
   * Copies what has reached the device, and nothing that is only in the file system's cache. The caller holds still whoever
   * writes; what the kernel itself writes back meanwhile makes it start again, so that the image is of one instant.
   */
  takeImage(): Promise<string>;
  /** Lines of a shell that put an image in the place of the disk. */
  mountLines(image: string): string[];
  remove(): Promise<void>;
}

/** Why no loop device can be mounted here, or `null`. */
export async function loopDiskObstacle(): Promise<string | null> {
  if (process.platform !== 'linux') return 'loop devices are a feature of Linux';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const home = await mkdtemp(join(tmpdir(), 'ktx-loop-'));
  try {
    const disk = await makeLoopDisk(home);
    await disk.remove();
    return null;
  } catch (error) {
    return String(error).trim();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Makes the disk in a folder of the caller's: `disk` is where it is used. */
export async function makeLoopDisk(home: string): Promise<LoopDisk> {
  const folder = join(home, 'disk');
  const layers = join(home, 'layers');
  let count = 0;
  const newPath = () => join(home, `disk.image.${++count}`);
  let backing = newPath();
  let kept = '';
  let device = '';
  let overlay: Overlay = null;
  const handle = await open(backing, 'w');
  await handle.truncate(DISK_BYTES);
  await handle.close();
  // Nothing is left to be initialised in the background: it would write while an image is taken.
  await run('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', backing]);
  await mkdir(folder, { recursive: true });
  await mkdir(layers);

  const mountArgs = () => {
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(layers, name));
    if (overlay === null) return ['--bind', lower!, folder];
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work},redirect_dir=${overlay}`;
    return ['-t', 'overlay', 'overlay', '-o', options, folder];
  };
  const attach = async () => {
    const { stdout } = await run('losetup', ['--find', '--show', backing]);
    device = stdout.trim();
    await run('mount', [device, layers]);
    for (const name of ['lower', 'upper', 'work']) await mkdir(join(layers, name), { recursive: true });
    await run('mount', mountArgs());
  };
  // Lazily: a mount namespace that somebody made meanwhile has a copy of the mount, and with it the device and the file.
  const detach = async () => {
    await run('umount', ['-l', folder]);
    await run('umount', ['-l', layers]);
    await run('losetup', ['-d', device]);
    await rm(backing);
  };
  const takeImage = async () => {
    const image = newPath();
    const statPath = join('/sys/block', device.replace(/^\/dev\//, ''), 'stat');
    for (;;) {
      const before = await writesOf(statPath);
      await run('cp', ['--sparse=always', backing, image]);
      if (before !== null && before === (await writesOf(statPath))) return image;
      await delay(20);
    }
  };
  await attach();
  return {
    folder,
    takeImage,
    async keep() {
      await run('sync', ['-f', layers]);
      kept = await takeImage();
    },
    async restart(wanted) {
      await detach();
      backing = newPath();
      await run('cp', ['--sparse=always', kept, backing]);
      overlay = wanted;
      await attach();
      await run('sync', ['-f', layers]);
    },
    mountLines: (image) => [
      // The next run may be taking its disk down at this moment.
      `umount '${folder}' 2>/dev/null || true`,
      `umount '${layers}' 2>/dev/null || true`,
      `mount -o loop '${image}' '${layers}'`,
      `mount ${mountArgs()
        .map((arg) => `'${arg}'`)
        .join(' ')}`,
    ],
    remove: detach,
  };
}

/** How much was written so far; `null` while a request is under way. Fields: Documentation/block/stat.rst of Linux. */
async function writesOf(statPath: string): Promise<string | null> {
  const fields = (await readFile(statPath, 'utf8')).trim().split(/\s+/);
  return fields[8] === '0' ? `${fields[4]} ${fields[6]}` : null;
}
