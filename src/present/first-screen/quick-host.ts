import {
  closeSync,
  // biome-ignore lint/style/noRestrictedImports: a bounded read for a hint on the first screen; the plan asks again
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { missingProcessorFlags } from '../../shipped/processor.ts';
import { type HostPlatform, macosVersionOf } from '../../shipped/target.ts';

/** Enough for the flags of the first processor; the kernel generates the text as it is read. */
const CPUINFO_BYTES = 8192;
const LOADER_BYTES = 4096;
const PLIST_BYTES = 4096;

/** The host properties that decide which wheels fit, read in a fraction of a millisecond. */
export function quickHost(): HostPlatform {
  const { platform, arch } = process;
  return {
    platform,
    arch,
    libc: platform === 'linux' ? quickLibc() : null,
    // Not read: every glibc that runs this Node runs every wheel of the lock.
    glibcVersion: null,
    macosVersion:
      platform === 'darwin'
        ? macosVersionOf(startOf('/System/Library/CoreServices/SystemVersion.plist', PLIST_BYTES))
        : null,
    missingProcessorFlags:
      platform === 'linux' && arch === 'x64'
        ? missingProcessorFlags(startOf('/proc/cpuinfo', CPUINFO_BYTES))
        : [],
  };
}

/** From the loader named in the first bytes of the Node binary; a Node report would take two milliseconds. */
function quickLibc(): 'gnu' | 'musl' {
  return startOf(process.execPath, LOADER_BYTES).includes('/ld-musl-') ? 'musl' : 'gnu';
}

/** The first bytes of a file; `''` when it is missing or reading might block. */
export function startOf(path: string, lengthBytes = 512): string {
  // Opening a pipe would block.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return '';
  const handle = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(lengthBytes);
    return bytes.toString('latin1', 0, readSync(handle, bytes));
  } finally {
    closeSync(handle);
  }
}
