import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { roomOf } from './choose.ts';
import type { Copy } from './copy.ts';
import type { NumberedMutant } from './instrument.ts';
import type { Warm } from './warm.ts';
import type { FileResult } from './worker.ts';

const AT_ONCE = 2;

/** A test file, and when it was recorded. */
export type Recorded = FileResult & { atMs: number };

/** What the tests do without a mutant: how long each takes, which mutants it reaches, what fails anyway. */
export interface Baseline {
  files: ReadonlyMap<string, Recorded>;
  /** Test files by mutant. */
  reachedBy: ReadonlyMap<number, ReadonlySet<string>>;
}

/** Runs every test file that is not in the record yet, some at a time, so that an interrupted run goes on. */
export async function record(copy: Copy, warm: Warm, onProgress: (text: string) => void): Promise<Baseline> {
  const path = join(copy.state, 'baseline');
  const known = new Map(readRows<Recorded>(path).map((row) => [row.file, row]));
  const waiting = (await warm.files()).filter((file) => !known.has(file));
  while (waiting.length > 0) {
    const files = waiting.splice(0, AT_ONCE);
    const results = await warm.run('record', { files, isBailing: false }, 240_000);
    if (results === null) throw new Error(`Without a mutant, one of these stands still: ${files.join(' ')}`);
    for (const result of results) {
      const row = { ...result, atMs: Date.now() };
      known.set(row.file, row);
      appendFileSync(path, `${JSON.stringify(row)}\n`);
      for (const failure of row.failures) onProgress(`fails without a mutant: ${row.file} ${failure}`);
    }
    onProgress(`recorded ${known.size}, ${waiting.length} to go`);
  }
  await warm.end();
  return { files: known, reachedBy: readReached(copy) };
}

function readReached(copy: Copy): Map<number, Set<string>> {
  const reachedBy = new Map<number, Set<string>>();
  const path = join(copy.state, 'reached');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  for (const line of lines) {
    const [id, file] = line.split('\t');
    if (file === undefined) continue;
    reachedBy.set(Number(id), (reachedBy.get(Number(id)) ?? new Set()).add(file));
  }
  return reachedBy;
}

/** Rows of a file that only grows. */
export function readRows<Row>(path: string): Row[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
}

/** The test files that reach a mutant, those first that most likely know it: of its name, of its room, the quickest. */
export function nearestFirst(mutant: NumberedMutant, { files, reachedBy }: Baseline): Recorded[] {
  const reaching = [...(reachedBy.get(mutant.id) ?? [])].flatMap((file) => files.get(file) ?? []);
  const name = basename(mutant.file).replace(/\.tsx?$/, '');
  const room = `${roomOf(mutant.file).replace('src/', 'test/')}/`;
  const distance = ({ file }: Recorded) =>
    (basename(file).startsWith(`${name}.`) ? 0 : 1) + (file.startsWith(room) ? 0 : 2);
  return reaching.sort((a, b) => distance(a) - distance(b) || a.durationMs - b.durationMs);
}
