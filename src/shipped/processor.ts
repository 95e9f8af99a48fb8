import { readRegularText } from '../support/fs/regular-file.ts';

/**
 * Flags in /proc/cpuinfo that x86-64-v2 adds to the x86-64 baseline. The wheels of numpy and onnxruntime
 * require them. Source: the x86-64 psABI, table of micro-architecture levels. Linux calls SSE3 `pni`.
 */
export const V2_FLAGS = ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3'] as const;

/** A few kilobytes per processor. */
const MAX_CPUINFO_BYTES = 16 * 1024 * 1024;

/**
 * The x86-64-v2 flags that this Linux processor lacks; empty when it has all of them or does not report any.
 */
export function missingProcessorFlags(cpuinfo: string): string[] {
  const flags = /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1];
  if (flags === undefined) return [];
  const present = new Set(flags.split(/\s+/));
  return V2_FLAGS.filter((flag) => !present.has(flag));
}

/** `missingProcessorFlags` of this machine; empty except on Linux x64. */
export async function readMissingProcessorFlags(
  platform: NodeJS.Platform,
  arch: string,
  path = '/proc/cpuinfo',
): Promise<readonly string[]> {
  if (platform !== 'linux' || arch !== 'x64') return [];
  return missingProcessorFlags(await readRegularText(path, { maxBytes: MAX_CPUINFO_BYTES }).catch(() => ''));
}
