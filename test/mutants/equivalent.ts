import type { Mutant } from './operators.ts';

/** Changes that no user and no program can notice, each with the reason; by text, since lines move. */
const EQUIVALENT: readonly { file: string; was: string; becomes: string; why: string }[] = [];

/** Why a mutant changes nothing, or null. */
export function reasonOfEquivalence({ file, was, becomes }: Mutant): string | null {
  const known = EQUIVALENT.find((each) => each.file === file && each.was === was && each.becomes === becomes);
  return known?.why ?? null;
}
