import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { missingProcessorFlags } from '../../src/shipped/processor.ts';
import { reasonOfEquivalence } from './equivalent.ts';

const PLACE = { line: 1, operator: 'x', start: 0, end: 1, isStatement: false };
const reason = (file: string, was: string, becomes: string) =>
  reasonOfEquivalence({ ...PLACE, file, was, becomes });

describe('a change that nobody can notice', () => {
  it('is known by its file and both texts', () => {
    const change = ["['pipe', 'pipe', 'pipe']", "['pipe', 'pipe']"] as const;
    expect(reason('src/process/spawn-duplex.ts', ...change)).toMatch(/is a pipe$/);
    expect(reason('src/process/run-process.ts', ...change)).toBeNull();
    expect(reason('src/process/spawn-duplex.ts', change[1], change[0])).toBeNull();
  });

  it('is one instant of a clock, and no other limit', () => {
    const boundary = (was: string) =>
      reasonOfEquivalence({ ...PLACE, operator: 'boundary', file: 'src/x.ts', was, becomes: '' });
    expect(boundary('performance.now() >= deadline')).toMatch(/chance$/);
    expect(boundary('waitedMs >= LIMIT_MS')).toBeNull();
    expect(reason('src/x.ts', 'performance.now() >= deadline', '')).toBeNull();
  });

  it('a standard stream that is not named is a pipe', async () => {
    const child = spawn(process.execPath, ['--version'], { stdio: ['pipe', 'pipe'] });
    expect(child.stdio.slice(0, 3)).not.toContain(null);
    await once(child, 'exit');
  });

  it('more of cpuinfo says the same of the first processor', () => {
    const first = 'processor\t: 0\nflags\t\t: fpu sse4_2 popcnt\n\n';
    const others = 'processor\t: 1\nflags\t\t: fpu\n\n'.repeat(4000);
    expect(missingProcessorFlags(first + others)).toEqual(missingProcessorFlags(first));
  });
});
