import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { allMutants, drawMutants, givenMutants, roomOf, type Selection } from './choose.ts';
import { type Copy, copyAt, makeCopy, refreshTests } from './copy.ts';
import { reasonOfEquivalence } from './equivalent.ts';
import type { NumberedMutant } from './instrument.ts';
import { type Baseline, nearestFirst, type Recorded, readRows, record } from './record.ts';
import { isKilled, type Row, tableOf } from './table.ts';
import { Warm } from './warm.ts';

const USAGE = `npm run test:mutants -- [options]
  changes one thing at a time and says what no test notices; goes on where an interrupted run of the same choice ended

  --file PATH       files whose path begins so; may be repeated (default: files that differ from the upstream branch)
  --all             all files
  --count N         mutants (default 100)
  --seed N          which ones (default 1)
  --project NAMES   of vitest (default unit,main)
  --seconds N       tests that take longer together, without a mutant, are not tried on it (default 90)
  --into FOLDER     the copy and its results (default ktx-mutants in the folder for temporary files)
  --given FILE      these: a JSON list of { file, was, becomes, isStatement }, to see whether a guard is held
  --resume          the rest of the run in that folder, with its sources, whatever has changed since
  --again           those that were alive, with the tests as they are now
  --draw            other ones (--seed, --count) from the copy that is there, with its sources and its record
  --table           only the table of what is there
`;

/** From here on, every test imports some of them. */
const MANY_FILES = 50;

const { values } = parseArgs({
  options: {
    file: { type: 'string', multiple: true, default: [] },
    all: { type: 'boolean', default: false },
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    project: { type: 'string', default: 'unit,main' },
    seconds: { type: 'string', default: '90' },
    into: { type: 'string', default: join(tmpdir(), 'ktx-mutants') },
    given: { type: 'string' },
    resume: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const selection: Selection = {
  paths: values.file,
  isChangedOnly: !values.all && values.file.length === 0,
  count: Number(values.count),
  seed: Number(values.seed),
};
const { mutants, copy } = prepare();
const resultsPath = join(copy.state, 'results');
if (!values.table) await tryAll();
const rows = new Map(readRows<Row>(resultsPath).map((row) => [row.id, row]));
const table = tableOf(mutants, rows);
console.log(table.text);
process.exitCode = table.share < 92 ? 1 : 0;

function prepare(): { mutants: NumberedMutant[]; copy: Copy } {
  const known = copyAt(values.into);
  const stored = storedMutants(known, 'mutants.json');
  if (stored !== null && (values.resume || values.again || values.table))
    return { mutants: stored, copy: known };
  if (values.given !== undefined) {
    const given = givenMutants(PACKAGE_ROOT, JSON.parse(readFileSync(values.given, 'utf8')));
    return chosen(given, given, known);
  }
  const inCopy = values.draw ? storedMutants(known, 'pool.json') : null;
  const pool = inCopy ?? allMutants(PACKAGE_ROOT, selection);
  if (pool.length === 0) console.log('Nothing was changed; --all takes all files.');
  return chosen(drawMutants(pool, selection), pool, known);
}

/** Every mutant of the pool is in the copy, so that another draw needs no other one. */
function chosen(mutants: NumberedMutant[], pool: NumberedMutant[], known: Copy) {
  const isSame = JSON.stringify(storedMutants(known, 'pool.json')) === JSON.stringify(pool);
  const copy = isSame ? known : makeCopy(PACKAGE_ROOT, values.into, pool);
  writeFileSync(join(copy.state, 'mutants.json'), JSON.stringify(mutants));
  return { mutants, copy };
}

function storedMutants({ state }: Copy, name: string): NumberedMutant[] | null {
  const path = join(state, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as NumberedMutant[]) : null;
}

async function tryAll(): Promise<void> {
  refreshTests(PACKAGE_ROOT, copy);
  if (values.again || values.draw) forgetChangedTests();
  const changed = new Set(mutants.map(({ file }) => file));
  const warm = new Warm(copy, values.project, changed.size > MANY_FILES ? [] : [...changed]);
  try {
    const baseline = await record(copy, warm, console.log);
    const known = new Map(readRows<Row>(resultsPath).map((row) => [row.id, row]));
    for (const mutant of inTurns(mutants)) {
      const earlier = known.get(mutant.id);
      if (earlier !== undefined && (isKilled(earlier) || !isKnownBetter(mutant, earlier, baseline))) continue;
      if (reasonOfEquivalence(mutant) !== null) continue;
      const row = { ...(await tryMutant(mutant, baseline, warm)), atMs: Date.now() };
      appendFileSync(resultsPath, `${JSON.stringify(row)}\n`);
      const { file, line, operator, was, becomes } = mutant;
      const words = `${row.verdict.padEnd(9)} ${mutant.id} ${file}:${line} ${operator}: ${brief(was)} -> ${brief(becomes)}`;
      console.log(`${words}  [${row.by}]`);
    }
  } finally {
    await warm.end();
  }
}

/** One of each room after the other, so that a part of a run says something of all. */
function inTurns(all: readonly NumberedMutant[]): NumberedMutant[] {
  const rooms = [...Map.groupBy(all, ({ file }) => roomOf(file)).values()];
  const turns = rooms.flatMap((own) =>
    own.map((mutant, index) => ({ mutant, turn: (index + 1) / own.length })),
  );
  return turns.sort((a, b) => a.turn - b.turn).map(({ mutant }) => mutant);
}

/** The tests that know it best first, then more of them at a time. */
async function tryMutant(mutant: NumberedMutant, baseline: Baseline, warm: Warm): Promise<Omit<Row, 'atMs'>> {
  const { id } = mutant;
  const tests = nearestFirst(mutant, baseline);
  if (tests.length === 0) return { id, verdict: 'unreached', by: '' };
  let spentMs = 0;
  let tried = 0;
  for (let size = 2; tests.length > 0 && spentMs < Number(values.seconds) * 1000; size *= 3) {
    const batch = tests.splice(0, size);
    const expectedMs = batch.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const files = batch.map(({ file }) => file);
    const results = await warm.run(String(id), { files, isBailing: true }, expectedMs);
    if (results === null) return { id, verdict: 'stopped', by: files.join(' ') };
    for (const { file, failures } of results) {
      const anyway = baseline.files.get(file)?.failures.map(nameOf) ?? [];
      const killer = failures.find((each) => !anyway.includes(nameOf(each)));
      if (killer !== undefined) return { id, verdict: 'killed', by: `${file}: ${killer}`.slice(0, 300) };
    }
    spentMs += expectedMs;
    tried += files.length;
  }
  return { id, verdict: 'alive', by: `${tried} test files, ${tests.length} not tried` };
}

/** Whether a test that reaches it is newer than its verdict. */
function isKnownBetter(mutant: NumberedMutant, { atMs }: Row, baseline: Baseline): boolean {
  return nearestFirst(mutant, baseline).some((test) => test.atMs > atMs);
}

function nameOf(failure: string): string {
  return failure.split(': ')[0]!;
}

function brief(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}

/** A test that is new or was changed since it was recorded is recorded again. */
function forgetChangedTests(): void {
  const path = join(copy.state, 'baseline');
  if (!existsSync(path)) return;
  const kept = readRows<Recorded>(path).filter(({ file, atMs }) => changedMs(file) < atMs);
  writeFileSync(path, kept.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function changedMs(file: string): number {
  const path = join(PACKAGE_ROOT, file);
  return existsSync(path) ? statSync(path).mtimeMs : Number.POSITIVE_INFINITY;
}
