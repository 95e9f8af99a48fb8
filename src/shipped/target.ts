import { readRegularText } from '../support/fs/regular-file.ts';
import type { RuntimeLock, SystemMinimum } from './lock.ts';
import { readMissingProcessorFlags } from './processor.ts';

/** The properties of this machine that decide which wheels and which Python fit. */
export interface HostPlatform {
  platform: NodeJS.Platform;
  arch: string;
  libc: 'gnu' | 'musl' | null;
  /** `2.36`; `null` off Linux, on musl, or when Node does not say. */
  glibcVersion: string | null;
  /** `14.5`; `null` off macOS. */
  macosVersion: string | null;
  /** Instructions that `local-embeddings` needs and this processor lacks, by their names in /proc/cpuinfo. */
  missingProcessorFlags?: readonly string[];
}

/** Inspects the running machine. No network, no child processes. */
export async function detectHost(): Promise<HostPlatform> {
  const { platform, arch } = process;
  const glibcVersion = platform === 'linux' ? runningGlibcVersion() : null;
  return {
    platform,
    arch,
    libc: platform === 'linux' ? (glibcVersion === null ? 'musl' : 'gnu') : null,
    glibcVersion,
    macosVersion: platform === 'darwin' ? await readMacosVersion() : null,
    missingProcessorFlags: await readMissingProcessorFlags(platform, arch),
  };
}

function runningGlibcVersion(): string | null {
  // Not in the types of this Node.
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  // Otherwise the report resolves the machine's network interfaces, which takes seconds on some hosts.
  report.excludeNetwork = true;
  const header = (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header;
  return header?.glibcVersionRuntime ?? null;
}

async function readMacosVersion(): Promise<string | null> {
  const plist = await readRegularText('/System/Library/CoreServices/SystemVersion.plist', {
    maxBytes: 1024 * 1024,
  }).catch(() => '');
  return macosVersionOf(plist);
}

/** `14.5` from the text of SystemVersion.plist. */
export function macosVersionOf(plist: string): string | null {
  return /<key>ProductVersion<\/key>\s*<string>([\d.]+)<\/string>/.exec(plist)?.[1] ?? null;
}

/**
 * `linux-x64-gnu`, `darwin-arm64`, `win32-x64`: keys of `lock.python.archives` and prefixes of target keys.
 */
export function platformKey(host: Pick<HostPlatform, 'platform' | 'arch' | 'libc'>): string {
  return [host.platform, host.arch, host.libc].filter(Boolean).join('-');
}

/** `linux-x64-gnu-cp313`. */
export function targetKey(
  host: Pick<HostPlatform, 'platform' | 'arch' | 'libc'>,
  pythonVersion: string,
): string {
  const [major, minor] = pythonVersion.split('.');
  return `${platformKey(host)}-cp${major}${minor}`;
}

/** Python minor versions (`3.11`) that the lock has wheels for on this platform, newest first. */
export function lockedMinors(lock: RuntimeLock, host: HostPlatform): string[] {
  const stem = `${platformKey(host)}-cp3`;
  return Object.keys(lock.targets)
    .filter((key) => key.startsWith(stem) && /^\d+$/.test(key.slice(stem.length)))
    .map((key) => Number(key.slice(stem.length)))
    .sort((a, b) => b - a)
    .map((minor) => `3.${minor}`);
}

/** Why this machine is too old for the target's wheels, or `null`. The sentence names both versions. */
export function unmetMinimum(minimum: SystemMinimum, host: HostPlatform): string | null {
  if (minimum.glibc && host.glibcVersion && compareVersions(host.glibcVersion, minimum.glibc) < 0) {
    return `needs glibc ${minimum.glibc} or newer; this system has ${host.glibcVersion}`;
  }
  if (minimum.macos && host.macosVersion && compareVersions(host.macosVersion, minimum.macos) < 0) {
    return `needs macOS ${minimum.macos} or newer; this is ${host.macosVersion}`;
  }
  return null;
}

/** Compares dotted numbers; missing parts count as 0. Returns a number as a comparator does. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
