import { spawnSync } from 'node:child_process';
import {
  copyFile,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import {
  type EmbeddingsRuntime,
  installEmbeddings,
  post,
  REFERENCE_ITEMS,
  wrongVectors,
} from '../fixtures/embeddings-runtime.ts';
import { runProgram } from '../fixtures/program.ts';

/** One file of a runtime root that was deleted or cut to half its size, and what came of it. */
export interface DamageRow {
  file: string;
  damage: 'deleted' | 'cut';
  /** Who says so first. */
  noticedBy: 'status' | 'status --deep' | 'nobody';
  /** The first command that was printed, and run as printed. */
  remedy: string | null;
  /** What should not be: called ready but does not work, or not mended by the remedy. */
  problems: string[];
}

/** What every run of ktx writes by itself. */
const RECORDS = /^uv\/(?:locks|runs|logs|daemons)\//;

/**
 * Damages single files of an installed runtime with local embeddings, one at a time. Half of them are drawn from all files,
 * half from those outside of `site-packages`, which are fewer and matter more.
 */
export async function damageRows(options: {
  count: number;
  random: () => number;
  onRow?: (row: DamageRow) => void;
}): Promise<DamageRow[]> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-damages-')));
  const rows: DamageRow[] = [];
  try {
    const runtime = await installEmbeddings(home);
    if (runtime.setup.exitCode !== 0) throw new Error(`${runtime.setup.stdout}${runtime.setup.stderr}`);
    const root = join(home, '.ktx', 'runtime');
    const pristine = join(home, 'pristine');
    await rename(root, pristine);
    const files = (await filesBelow(pristine)).filter((file) => !RECORDS.test(file));
    const few = files.filter((file) => !file.includes('/site-packages/'));
    for (let index = 0; index < options.count; index++) {
      const drawn = index % 2 === 0 ? files : few;
      const file = drawn[Math.floor(options.random() * drawn.length)]!;
      const damage = options.random() < 0.5 ? 'deleted' : 'cut';
      await restore(pristine, root);
      await inflict(join(root, file), damage);
      const row = await judge(runtime, { file, damage, noticedBy: 'nobody', remedy: null, problems: [] });
      await runtime.endDaemons();
      rows.push(row);
      options.onRow?.(row);
    }
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
  return rows;
}

export function damageTable(rows: readonly DamageRow[]): string {
  const by = (noticedBy: DamageRow['noticedBy']) => rows.filter((row) => row.noticedBy === noticedBy).length;
  const wrong = rows.filter(({ problems }) => problems.length > 0);
  return [
    `${rows.length} damages: ${by('status')} noticed by status, ${by('status --deep')} by status --deep, ${by('nobody')} without effect; wrong ${wrong.length}`,
    ...wrong.map(damageLine),
  ].join('\n');
}

export function damageLine({ file, damage, noticedBy, remedy, problems }: DamageRow): string {
  const mended = remedy === null ? '' : `, ${remedy}`;
  return [`${damage} ${file}: noticed by ${noticedBy}${mended}`, ...problems.map((text) => `  ${text}`)].join(
    '\n',
  );
}

async function judge(runtime: EmbeddingsRuntime, row: DamageRow): Promise<DamageRow> {
  const quick = await ask(runtime, []);
  const deep = quick.isGood ? await ask(runtime, ['--deep']) : null;
  const bad = quick.isGood ? deep : quick;
  if (bad === null || bad.isGood) return { ...row, problems: await failuresOf(runtime) };
  const noticedBy = bad === quick ? 'status' : 'status --deep';
  const remedy = /^ +Fix: .*?\b[Rr]un: ktx (.+)$/m.exec(bad.text)?.[1] ?? null;
  if (remedy === null) return { ...row, noticedBy, problems: [`no command is printed: ${bad.text}`] };
  const { exitCode, stdout, stderr } = await runProgram(remedy.split(' '), placeOf(runtime));
  const problems = exitCode === 0 ? [] : [`the remedy ends with ${exitCode}: ${stdout}${stderr}`];
  const after = await ask(runtime, ['--deep']);
  if (!after.isGood) problems.push(`after the remedy status --deep says: ${after.text}`);
  problems.push(...(await failuresOf(runtime)));
  return { ...row, noticedBy, remedy: `ktx ${remedy}`, problems };
}

async function ask(runtime: EmbeddingsRuntime, flags: readonly string[]) {
  const { exitCode, stdout, stderr } = await runProgram(
    ['admin', 'runtime', 'status', ...flags],
    placeOf(runtime),
  );
  const text = `${stdout}${stderr}`;
  return { text, isGood: exitCode === 0 && !/^FAIL /m.test(text) };
}

/** Whether a daemon starts, analyses a statement and computes the vectors that it should. */
async function failuresOf(runtime: EmbeddingsRuntime): Promise<string[]> {
  try {
    const { url } = await runtime.start();
    const sql = 'select a.id from shop.orders a join shop.customers b on a.id = b.id';
    const analysis = await post(url, '/sql/analyze-batch', {
      dialect: 'postgres',
      items: [{ id: 'one', sql }],
    });
    const tables = analysis.body.results?.one?.tables_touched?.length;
    const texts = REFERENCE_ITEMS.slice(0, 2);
    const bulk = await post(url, '/embeddings/compute-bulk', { texts: texts.map(({ text }) => text) });
    return [
      ...(tables === 2 ? [] : [`the statement: ${JSON.stringify(analysis.body)}`]),
      ...wrongVectors(texts, bulk.body.embeddings),
    ];
  } catch (error) {
    return [String(error)];
  }
}

function placeOf({ env, projectDir }: EmbeddingsRuntime) {
  return { env, cwd: projectDir };
}

/** Names of one file each for what is only read; copies of what ktx writes in place. */
async function restore(pristine: string, root: string): Promise<void> {
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
  const { status, stderr } = spawnSync('cp', ['-al', pristine, root], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  for (const file of await filesBelow(root, { isShallow: true })) {
    const path = join(root, file);
    await rm(path);
    await copyFile(join(pristine, file), path);
  }
  await rm(join(root, 'uv', 'locks'), { recursive: true, force: true });
  await cp(join(pristine, 'uv', 'locks'), join(root, 'uv', 'locks'), { recursive: true });
}

async function inflict(path: string, damage: DamageRow['damage']): Promise<void> {
  const content = damage === 'cut' ? await readFile(path) : null;
  const { mode } = await lstat(path);
  await rm(path);
  if (content !== null) await writeFile(path, content.subarray(0, content.length >> 1), { mode });
}

/** Files and links, by their path below the folder. */
async function filesBelow(folder: string, { isShallow = false } = {}): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory() && (!isShallow || entry.isFile()))
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((file) => !isShallow || file.split('/').length <= 2)
    .sort();
}
