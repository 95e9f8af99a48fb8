import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NumberedMutant } from './instrument.ts';
import { type Mutant, mutantsOf } from './operators.ts';

export interface Selection {
  /** Only files whose path begins so; empty for all. */
  paths: string[];
  /** Only what differs from the branch that this one follows. */
  isChangedOnly: boolean;
  count: number;
  seed: number;
}

/** A room with few lines is asked as well. */
const LEAST_OF_A_ROOM = 4;

/** `src/doctor` of `src/doctor/checks/uv.ts`. */
export function roomOf(file: string): string {
  const [top, room] = file.split('/');
  return top === 'screens' ? 'screens' : room!.includes('.') ? top! : `${top}/${room}`;
}

/** Every mutant of these files, numbered in the order of their places. */
export function allMutants(
  root: string,
  selection: Pick<Selection, 'paths' | 'isChangedOnly'>,
): NumberedMutant[] {
  return filesOf(root, selection)
    .flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')))
    .map((mutant, index) => ({ ...mutant, id: index + 1 }));
}

/** Some of them, in proportion to what could be changed in each room, the same for the same seed. */
export function drawMutants(
  pool: readonly NumberedMutant[],
  { count, seed }: Pick<Selection, 'count' | 'seed'>,
): NumberedMutant[] {
  const random = randomNumbers(seed);
  return [...Map.groupBy(pool, ({ file }) => roomOf(file)).values()].flatMap((all) => {
    const share = Math.max(LEAST_OF_A_ROOM, Math.round((count * all.length) / pool.length));
    return draw(all, Math.min(share, all.length), random);
  });
}

/** A change that somebody names: what stands there once, and what takes its place. */
export type GivenMutant = Pick<Mutant, 'file' | 'was' | 'becomes'> & { isStatement?: boolean };

/** @throws when the text does not stand in the file exactly once. */
export function givenMutants(root: string, given: readonly GivenMutant[]): NumberedMutant[] {
  return given.map(({ file, was, becomes, isStatement = false }, index) => {
    const parts = readFileSync(join(root, file), 'utf8').split(was);
    if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times: ${was}`);
    const start = parts[0]!.length;
    const line = parts[0]!.split('\n').length;
    const place = { file, line, start, end: start + was.length };
    return { id: index + 1, operator: 'given', was, becomes, isStatement, ...place };
  });
}

function filesOf(
  root: string,
  { paths, isChangedOnly }: Pick<Selection, 'paths' | 'isChangedOnly'>,
): string[] {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  const all = git('ls-files', '--cached', '--others', '--exclude-standard', 'src', 'screens');
  const changed = isChangedOnly ? new Set(git('diff', '--name-only', baseOf(git))) : null;
  const untracked = new Set(git('ls-files', '--others', '--exclude-standard'));
  return [...new Set(all)]
    .filter((file) => /\.tsx?$/.test(file))
    .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
    .filter((file) => changed === null || changed.has(file) || untracked.has(file))
    .sort();
}

function baseOf(git: (...args: string[]) => string[]): string {
  try {
    return git('merge-base', 'HEAD', '@{upstream}')[0]!;
  } catch {
    return 'HEAD';
  }
}

function draw<Item>(from: readonly Item[], count: number, random: () => number): Item[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)[0]!);
}

/** Numbers from 0 to 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
