import { posix, win32 } from 'node:path';

/** What decides where a bundle may lie. */
export interface PlaceFacts {
  platform: NodeJS.Platform;
  /** Where the command was started. */
  cwd: string;
  /** The folder of this program. */
  programFolder: string;
  /** `/proc/self/mountinfo` on Linux, else empty. */
  mountInfo: string;
  /** Names in `/Volumes` on macOS, else empty. */
  volumes: readonly string[];
}

/** Where the systems mount what somebody plugs in. */
const MEDIA = /^\/(?:media|mnt|run\/media)\//;

/** A file system on another machine may hang on the first look; so may one that is mounted by looking. */
const REMOTE = /^(?:nfs|cifs|smb|9p|afs|ceph|gluster|lustre|autofs|davfs|fuse\.)/i;

/** More media than this are not looked at. */
const MAX_MEDIA = 16;

/** The folders where a bundle is looked for, the nearest first, each once. Pure. */
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

/** Whether a file's name is one that bundles are given: `….bundle`, `….ktx`, or the first part of one. */
export function isBundleName(name: string): boolean {
  return /^[^.].*\.(?:bundle|ktx)(?:\.001)?$/i.test(name);
}
