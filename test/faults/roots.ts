import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import type { RecordedRoot } from '../fixtures/roots/recorded-root.ts';
import { programAs } from './program-as.ts';

/** A root that some version wrote, a version of this program that meets it, and what came of one command. */
export interface RootRow {
  writer: string;
  reader: string;
  verb: string;
  exitCode: number | null;
  /** The first line that was said. */
  said: string;
  problems: string[];
}

/** As builds of ktx wrote them; see `fixtures/roots/record.ts`. */
const RECORDED = ['0.0.1', '0.0.3', '0.0.4', '0.1.0'] as const;
/** The program that this one takes over from: one real `.venv`, no notes, by its documented layout. */
const UPSTREAM = '0.12.0';
/** What is not written yet: the newest root with formats of tomorrow and keys that nobody knows. */
const FUTURE = '9.0.0';
export const WRITERS = [UPSTREAM, ...RECORDED, FUTURE] as const;
export type Writer = (typeof WRITERS)[number];
/** This program under a name that is older than every writer, each of theirs, and newer than all. */
export const READERS = ['0.0.0', ...WRITERS, '99.0.0'] as const;

interface Verb {
  name: string;
  args: readonly string[];
  /** Of the folder of the reader's own version, when it is another one's. */
  exitCode: 0 | 1;
  /** What may be different afterwards, below the root. */
  changes?: RegExp;
  says?: RegExp;
  /** Where what only a newer ktx understands is in the way. */
  blockedBy?: 'settings' | 'daemon';
}

/** Locks and what stands beside them. */
const NOTES = /^uv(?:\/(?:locks|runs|logs)(?:\/.*)?)?$|^$/;
const VERBS: readonly Verb[] = [
  { name: 'status', args: ['admin', 'runtime', 'status'], exitCode: 1, says: /^status: missing$/m },
  { name: 'status --json', args: ['admin', 'runtime', 'status', '--json'], exitCode: 1, says: /"missing"/ },
  { name: 'doctor', args: ['doctor', '--json'], exitCode: 1, says: /"checks"/ },
  { name: 'history', args: ['admin', 'runtime', 'history'], exitCode: 0 },
  { name: 'usage', args: ['admin', 'runtime', 'usage', '--json'], exitCode: 0, says: /"sizeBytes"/ },
  { name: 'network show', args: ['admin', 'network', 'show'], exitCode: 0, blockedBy: 'settings' },
  {
    name: 'network set',
    args: ['admin', 'network', 'set', 'proxy', 'proxy.internal:3128'],
    exitCode: 0,
    changes: /^uv\/network\.json$/,
    blockedBy: 'settings',
  },
  { name: 'setup --dry-run', args: ['setup', '--dry-run', '--offline'], exitCode: 1, says: /--offline/ },
  { name: 'undo', args: ['admin', 'runtime', 'undo', '--yes'], exitCode: 1, says: /no other environment/ },
  { name: 'stop', args: ['admin', 'runtime', 'stop'], exitCode: 0, says: /daemon/, blockedBy: 'daemon' },
  { name: 'prune --dry-run', args: ['admin', 'runtime', 'prune', '--dry-run'], exitCode: 0 },
  {
    name: 'prune --yes',
    args: ['admin', 'runtime', 'prune', '--yes'],
    exitCode: 0,
    changes: /./,
  },
  { name: 'uninstall', args: ['admin', 'runtime', 'uninstall', '--yes'], exitCode: 0, changes: /./ },
];

/** Every reader over every writer, every verb from the root as it was written. */
export async function rootRows(
  options: { writers?: readonly Writer[]; readers?: readonly string[]; onRow?: (row: RootRow) => void } = {},
): Promise<RootRow[]> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-roots-')));
  const rows: RootRow[] = [];
  try {
    for (const reader of options.readers ?? READERS) {
      const launcher = await programAs(home, reader);
      for (const writer of options.writers ?? WRITERS) {
        for (const verb of VERBS) {
          const row = await meet({ home, launcher, reader, writer, verb });
          rows.push(row);
          options.onRow?.(row);
        }
      }
    }
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
  return rows;
}

export function rootLine({ writer, reader, verb, exitCode, said, problems }: RootRow): string {
  const cells = [`${reader} over ${writer}`.padEnd(20), verb.padEnd(16), String(exitCode).padEnd(3), said];
  return [`${problems.length === 0 ? 'ok  ' : 'BAD '} ${cells.join(' ')}`, ...problems].join('\n       ');
}

/** How the verbs did, a line each. */
export function rootTable(rows: readonly RootRow[]): string {
  const older = (row: RootRow) => compare(row.reader, row.writer) < 0;
  const share = (some: readonly RootRow[]) =>
    `${some.filter(({ problems }) => problems.length === 0).length} of ${some.length}`;
  const lines = [...new Set(rows.map(({ verb }) => verb))].map((verb) => {
    const own = rows.filter((row) => row.verb === verb);
    const [back, same, ahead] = [
      own.filter(older),
      own.filter((row) => row.reader === row.writer),
      own.filter((row) => !older(row) && row.reader !== row.writer),
    ];
    return `${verb.padEnd(18)}older over newer ${share(back)}, the same ${share(same)}, newer over older ${share(ahead)}`;
  });
  return [...lines, `${'all'.padEnd(18)}${share(rows)}`].join('\n');
}

async function meet(given: {
  home: string;
  launcher: string;
  reader: string;
  writer: Writer;
  verb: Verb;
}): Promise<RootRow> {
  const { home, launcher, reader, writer, verb } = given;
  const root = join(home, 'runtime');
  const project = join(home, 'project');
  await materialise(writer, root, project);
  const env = plainEnvironment(home, { KTX_RUNTIME_ROOT: root, PIP_NO_INDEX: '1' });
  const before = treeOf(root);
  const result = await runProgram(verb.args, { env, cwd: project, launcher });
  const text = `${result.stdout}${result.stderr}`;
  const problems = judged(given, result.exitCode, text);
  problems.push(...lostBy(given, before, treeOf(root)));
  if (verb.name === 'network set' && !isFuture(writer)) problems.push(...(await settingsOf(root)));
  const [said = ''] = text.split('\n').filter((line) => /\w/.test(line));
  return { writer, reader, verb: verb.name, exitCode: result.exitCode, said: said.slice(0, 110), problems };
}

/** What is wrong with its words and exit code. */
function judged(
  { reader, writer, verb }: { reader: string; writer: Writer; verb: Verb },
  exitCode: number | null,
  text: string,
): string[] {
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(`${problem}: ${text.slice(0, 500)}`);
  };
  check(!/ZodError|"code": "|invalid_type|\n {4}at /.test(text), 'raw words');
  const isBlocked = isFuture(writer) && verb.blockedBy !== undefined;
  if (isBlocked) {
    check(exitCode === 1, `exit ${exitCode}`);
    check(/written by a newer ktx, 9\.0\.0/.test(text), 'does not say who wrote it');
    return problems;
  }
  if (reader !== writer) {
    // What stays, and why, is no complete uninstall.
    const expected = verb.name === 'uninstall' && isFuture(writer) ? 1 : verb.exitCode;
    check(exitCode === expected, `exit ${exitCode}`);
    check(verb.says?.test(text) !== false || isFuture(writer), 'does not say it');
    if (verb.name.startsWith('prune --dry'))
      check(text.includes(`/${writer}\n`) !== isFuture(writer), 'lists the wrong versions');
    return problems;
  }
  // Its own folder: the manifest is its own, or of a build that it does not understand.
  if (verb.name.startsWith('status'))
    check(
      isFuture(writer) ? /newer ktx, 9\.0\.0/.test(text) : /\bready\b/.test(text),
      'does not know its own runtime',
    );
  if (verb.name === 'undo' && !isFuture(writer) && writer !== UPSTREAM)
    check(/import|does not work|cannot|environment/.test(text), 'says nothing of the other environment');
  return problems;
}

/** What is gone or different, beyond what the command is for. */
function lostBy(
  { reader, writer, verb }: { reader: string; writer: Writer; verb: Verb },
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const isSpared = (path: string) => isFuture(writer) && path.startsWith(`${writer}/`);
  const isOwn = (path: string) => path.startsWith(`${reader}/`);
  const lost = [...before].flatMap(([path, state]) => {
    if (after.get(path) === state || NOTES.test(path)) return [];
    const isRemoval = verb.name === 'prune --yes' || verb.name === 'uninstall';
    if (isRemoval && !isSpared(path) && !(verb.name === 'prune --yes' && isOwn(path))) return [];
    if (!isRemoval && verb.changes?.test(path)) return [];
    return [`${after.has(path) ? 'changed' : 'lost'} ${path}`];
  });
  if (
    verb.name === 'uninstall' &&
    !isFuture(writer) &&
    [...after.keys()].some((path) => path.startsWith(`${writer}/`))
  )
    lost.push(`left ${[...after.keys()].filter((path) => path.startsWith(`${writer}/`)).join(', ')}`);
  return lost.slice(0, 5);
}

/** The settings that were there, and keys of whoever, are there still. */
async function settingsOf(root: string): Promise<string[]> {
  const file = JSON.parse(await readFile(join(root, 'uv', 'network.json'), 'utf8'));
  const isWhole =
    file.settings.proxy !== undefined && file.settings['no-proxy'] === 'localhost' && file.added === 1;
  return isWhole ? [] : [`the settings are ${JSON.stringify(file)}`];
}

const isFuture = (writer: string) => writer === FUTURE;
const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });

/** Puts a root and a project in their places as the writer left them. */
async function materialise(writer: Writer, root: string, project: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
  await rm(project, { recursive: true, force: true });
  const recorded = await recordedRoot(writer);
  const here = (text: string) => text.replaceAll('@ROOT@', root).replaceAll('@PROJECT@', project);
  for (const path of recorded.folders) await mkdir(join(root, path), { recursive: true });
  for (const [path, { mode, text }] of Object.entries(recorded.files)) {
    const place = join(root, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, path.endsWith('sizes.json') ? sizesHere(text, recorded) : here(text), { mode });
    await chmod(place, mode);
  }
  for (const [path, target] of Object.entries(recorded.links)) await symlink(here(target), join(root, path));
  await mkdir(join(project, '.ktx', 'runtime'), { recursive: true });
  await writeFile(join(project, 'ktx.yaml'), '');
  await writeFile(join(project, '.ktx', 'runtime', 'daemon.json'), here(recorded.daemon));
}

/** Of the files that were kept. */
function sizesHere(text: string, { files }: RecordedRoot): string {
  const record = JSON.parse(text);
  const kept = Object.keys(record.files).filter((path) => files[path] !== undefined);
  return JSON.stringify({
    ...record,
    files: Object.fromEntries(kept.map((path) => [path, Buffer.byteLength(files[path]!.text)])),
  });
}

async function recordedRoot(writer: Writer): Promise<RecordedRoot> {
  if (writer === UPSTREAM) return upstreamRoot();
  const base = isFuture(writer) ? '0.1.0' : writer;
  const text = await readFile(join(PACKAGE_ROOT, 'test', 'fixtures', 'roots', `${base}.json`), 'utf8');
  const recorded: RecordedRoot = JSON.parse(isFuture(writer) ? asOfTomorrow(text, base) : text);
  const settings = recorded.files['uv/network.json'];
  if (settings && !isFuture(writer))
    settings.text = JSON.stringify({ ...JSON.parse(settings.text), added: 1 });
  return isFuture(writer) ? ofTomorrow(recorded) : recorded;
}

function asOfTomorrow(text: string, base: string): string {
  return text.replaceAll(`"${base}/`, `"${FUTURE}/`).replaceAll(`@ROOT@/${base}/`, `@ROOT@/${FUTURE}/`);
}

/** Every record in a format of tomorrow, with its writer's name. */
function ofTomorrow(recorded: RecordedRoot): RecordedRoot {
  const next = (text: string) => {
    const { schemaVersion: _, ...fields } = JSON.parse(text);
    const named = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        /^(?:cliVersion|version|writtenBy)$/.test(key) ? FUTURE : value,
      ]),
    );
    return JSON.stringify({ schemaVersion: 2, writtenBy: FUTURE, ...named, added: { by: 'tomorrow' } });
  };
  const files = Object.entries(recorded.files).map(([path, file]) =>
    path.endsWith('.json') && file.text !== '' && !path.endsWith('sizes.json')
      ? [path, { ...file, text: next(file.text) }]
      : [path, file],
  );
  // Its process lives, so that nobody may take its record away.
  const daemon = next(recorded.daemon).replace(/"pid":\d+/, `"pid":${process.pid}`);
  return { ...recorded, files: Object.fromEntries(files), daemon };
}

function upstreamRoot(): RecordedRoot {
  const at = (path: string) => `${UPSTREAM}/.venv/${path}`;
  const manifest = {
    schemaVersion: 1,
    cliVersion: UPSTREAM,
    installedAt: '2026-05-04T08:00:00.000Z',
    asset: {
      schemaVersion: 1,
      distributionName: 'kaelio-ktx',
      normalizedName: 'kaelio_ktx',
      version: UPSTREAM,
      wheel: { file: `kaelio_ktx-${UPSTREAM}-py3-none-any.whl`, sha256: 'a'.repeat(64), bytes: 1000 },
    },
    features: ['core'],
    python: { executable: `@ROOT@/${at('bin/python')}`, daemonExecutable: `@ROOT@/${at('bin/ktx-daemon')}` },
    installLog: `@ROOT@/${UPSTREAM}/install.log`,
  };
  const text = (value: string, mode = 0o644) => ({ mode, text: value });
  return {
    daemon: JSON.stringify({
      schemaVersion: 1,
      pid: 4_000_000,
      host: '127.0.0.1',
      port: 8765,
      version: UPSTREAM,
      features: ['core'],
      startedAt: '2026-05-04T08:00:00.000Z',
      stdoutLog: '@PROJECT@/.ktx/runtime/daemon.stdout.log',
      stderrLog: '@PROJECT@/.ktx/runtime/daemon.stderr.log',
    }),
    files: {
      [`${UPSTREAM}/manifest.json`]: text(JSON.stringify(manifest, null, 2)),
      [`${UPSTREAM}/install.log`]: text('$ uv --version\nuv 0.11.21\n'),
      [at('pyvenv.cfg')]: text('home = /usr/bin\nversion_info = 3.13.5\n'),
      [at('bin/ktx-daemon')]: text('', 0o755),
      'uv/0.11.21/uv': text('', 0o755),
      'uv/network.json': text('{"schemaVersion":1,"settings":{"no-proxy":"localhost"},"added":1}'),
    },
    links: { [at('bin/python')]: '/usr/bin/python3' },
    folders: [],
  };
}

/** Every entry by its path, with what it is and what it holds. */
function treeOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: string): void => {
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch {
      return;
    }
    for (const name of names) {
      const path = join(folder, name);
      const status = lstatSync(path);
      const key = relative(root, path);
      if (status.isDirectory()) walk(path);
      else if (status.isSymbolicLink()) found.set(key, readlinkSync(path));
      else found.set(key, createHash('sha256').update(readFileSync(path)).digest('hex'));
    }
  };
  walk(root);
  return found;
}
