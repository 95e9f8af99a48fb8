import type { Mutant } from './operators.ts';

/** Changes that no user and no program can notice, each with the reason; by text, since lines move. */
const EQUIVALENT: readonly { file: string; was: string; becomes: string; why: string }[] = [
  {
    file: 'src/cli/program.ts',
    was: 'io.stdout.columns ?? 80',
    becomes: 'io.stdout.columns',
    why: 'commander takes 80 columns where it is told none',
  },
  {
    file: 'src/present/paint/elements.ts',
    was: "typeof node === 'object' && node !== null",
    becomes: "(typeof node === 'object') || (node !== null)",
    why: 'null is handled before, and a function or symbol is refused with the same error',
  },
  {
    file: 'src/uv/output.ts',
    was: '/^(\\w+) (\\d+) (?:packages?|files?) in (.+)$/',
    becomes: '/^(\\w+) (\\d+) (?:packages?|files?) in (.+)/',
    why: 'what stands before the end takes the rest of the line, and a line has no line end',
  },
  {
    file: 'src/process/spawn-duplex.ts',
    was: "['pipe', 'pipe', 'pipe']",
    becomes: "['pipe', 'pipe']",
    why: 'a standard stream that is not named is a pipe',
  },
  {
    file: 'src/present/first-screen/quick-host.ts',
    was: '8192',
    becomes: '(8192 * 10)',
    why: 'the flags that are looked for stand in the first bytes, and only those of the first processor are read',
  },
  {
    file: 'src/setup/build/fetch-artefacts.ts',
    was: '1024',
    becomes: '(1024 * 10)',
    why: 'the switch syncs what was not synced before: from which size on is a question of speed alone',
  },
];

/** Why a mutant changes nothing, or null. */
export function reasonOfEquivalence({ file, operator, was, becomes }: Mutant): string | null {
  if (operator === 'boundary' && was.includes('performance.now()'))
    return 'this clock counts parts of a microsecond: that it shows a limit exactly is chance';
  const known = EQUIVALENT.find((each) => each.file === file && each.was === was && each.becomes === becomes);
  return known?.why ?? null;
}
