import { describe, expect, it } from 'vitest';
import { unavailability } from '../../src/shipped/feature-support.ts';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import { missingProcessorFlags, readMissingProcessorFlags, V2_FLAGS } from '../../src/shipped/processor.ts';

/** Flags as Linux shows them under the processor models of QEMU. */
const KVM64 =
  'fpu de pse tsc msr pae mce cx8 apic sep mtrr mmx fxsr sse sse2 syscall nx lm cpuid pni cx16 hypervisor';
const X86_64_V2 = `${KVM64} ssse3 sse4_1 sse4_2 popcnt lahf_lm`;
const cpuinfo = (flags: string) =>
  `processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: ${flags}\nbugs\t\t:\n`;

describe('missingProcessorFlags', () => {
  it.each([
    ['a kvm64', cpuinfo(KVM64), ['lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']],
    ['an x86-64-v2', cpuinfo(X86_64_V2), []],
    ['a file without flags', 'processor\t: 0\nBogoMIPS\t: 50.00\n', []],
    ['no file', '', []],
    [
      'flags of which ours are parts',
      cpuinfo(`${KVM64} xssse3 sse4_1x popcnt_`),
      ['lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3'],
    ],
  ])('%s', (_, text, missing) => {
    expect(missingProcessorFlags(text)).toEqual(missing);
  });

  it.each([
    ['darwin', 'x64'],
    ['linux', 'arm64'],
    ['win32', 'x64'],
  ] as const)('asks nothing of %s on %s', async (platform, arch) => {
    expect(await readMissingProcessorFlags(platform, arch)).toEqual([]);
  });
});

describe('a processor without x86-64-v2', () => {
  const lock = {
    targets: { 'linux-x64-gnu-cp313': { minimum: {}, features: { core: [], 'local-embeddings': [] } } },
    artefacts: {},
  } as unknown as RuntimeLock;
  const host = {
    platform: 'linux',
    arch: 'x64',
    libc: 'gnu',
    glibcVersion: '2.36',
    macosVersion: null,
    missingProcessorFlags: ['ssse3', 'popcnt'],
  } as const;

  it('cannot have local-embeddings, and is told why before anything is fetched', () => {
    expect(unavailability(lock, host, '3.13', ['core', 'local-embeddings'])).toBe(
      "needs a processor with x86-64-v2; this one lacks ssse3, popcnt. In a virtual machine, choose the host's processor type",
    );
  });

  it('has core', () => {
    expect(unavailability(lock, host, '3.13', ['core'])).toBe(null);
  });

  it('a complete one has both', () => {
    const complete = { ...host, missingProcessorFlags: missingProcessorFlags(cpuinfo(V2_FLAGS.join(' '))) };
    expect(unavailability(lock, complete, '3.13', ['core', 'local-embeddings'])).toBe(null);
  });
});
