import { posix, win32 } from 'node:path';

/** What determines where to look for bundles. */
export interface PlaceFacts {
  platform: NodeJS.Platform;
  /** The working directory. */
  cwd: string;
  /** The folder of this program. */
  programFolder: string;
  /** `/proc/self/mountinfo` on Linux, otherwise empty. */
  mountInfo: string;
  /** Names in `/Volumes` on macOS, otherwise empty. */
  volumes: readonly string[];
}

/** Where operating systems mount removable media. */
const MEDIA = /^\/(?:media|mnt|run\/media)\//;

/** A network file system may hang on first access; so may one that is mounted on access. */
const REMOTE = /^(?:nfs|cifs|smb|9p|afs|ceph|gluster|lustre|autofs|davfs|fuse\.)/i;

/** At most this many media are searched. */
const MAX_MEDIA = 16;

/** The folders to search for bundles, nearest first, without duplicates. Pure. */
export function nearbyPlaces(facts: PlaceFacts): string[] {
  const { dirname } = facts.platform === 'win32' ? win32 : posix;
  const { cwd, programFolder } = facts;
  return [...new Set([cwd, dirname(programFolder), programFolder, ...mediaOf(facts).slice(0, MAX_MEDIA)])];
}

function mediaOf({ platform, mountInfo, volumes }: PlaceFacts): string[] {
  if (platform === 'win32') return [...'DEFGHIJKLMNOP'].map((letter) => `${letter}:\\`);
  if (platform === 'darwin') return volumes.map((name) => posix.join('/Volumes', name));
  return mountInfo.split('\n').flatMap((line) => {
    // Format: proc_pid_mountinfo(5).
    const [place, type] = [line.split(' ')[4], / - (\S+)/.exec(line)?.[1]];
    if (place === undefined || type === undefined || REMOTE.test(type)) return [];
    const path = place.replace(/\\([0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    return path === '/mnt' || MEDIA.test(path) ? [path] : [];
  });
}

/** Whether a file is named like a bundle: `….bundle`, `….ktx`, or the first part of one. */
export function isBundleName(name: string): boolean {
  return /^[^.].*\.(?:bundle|ktx)(?:\.001)?$/i.test(name);
}
