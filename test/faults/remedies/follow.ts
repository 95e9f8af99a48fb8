import { execFile } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LAUNCHER } from '../../fixtures/program.ts';
import { openZoo, type ZooWorld } from '../zoo.ts';
import type { ZooPaths } from '../zoo-state.ts';
import { type RemedySite, remedySites } from './sites.ts';

/** A machine with a runtime, somebody at its shell, and what they have set there. */
export interface Box {
  home: string;
  project: string;
  paths: ZooPaths;
  /** Of the shell; a person may change it. */
  env: NodeJS.ProcessEnv;
  /** Lines that the shell was given before, such as limits. */
  before: string;
  /** Whom everything belongs to and who types; absent: this user. */
  uid?: number | undefined;
  /** Words before the shell, such as those that enter a namespace. */
  under: readonly string[];
  sh(command: string): Promise<Said>;
  /** For what goes on after a step, such as a server or a mount. */
  cleanups: (() => unknown)[];
}

export interface Said {
  exitCode: number;
  text: string;
}

/** One remedy, in a state that prints it. */
export interface RemedyRow {
  /** The key of its place in the sources. */
  remedy: string;
  state: string;
  feature?: 'core' | 'local-embeddings';
  uid?: number;
  /** Makes the state. What it returns puts the machine right again. */
  damage?: (box: Box) => unknown;
  /** The command that prints the remedy. */
  fails: string;
  /** The command does its work, and says what could be done beside. */
  isNotice?: true;
  /** What stands for the tokens of the printed command. */
  values?: Readonly<Record<string, string | ((box: Box) => string)>>;
  /** What the label asks a person to do. */
  byHand?: (box: Box) => unknown;
  /** The failed command again, after a remedy that is none of ktx's own; default: `fails`. */
  again?: string | null;
  /** What shows that all works; default: `ktx admin runtime status --deep`, or the setup that was run. */
  works?: string | null;
  /** What is promised of a remedy that mends nothing: it shows something. */
  shows?: RegExp;
}

export interface FollowedRow {
  remedy: string;
  state: string;
  /** What was run, as it was printed; `null`: a person did it. */
  command: string | null;
  problems: string[];
}

const MINUTE_MS = 60_000;
/** What follows a label. */
const COMMAND = /: ((?:\(?(?:ktx|chmod|chown|mv|mount|ip|ulimit)\b|[A-Z_]+=\S).*)$/;
const SITES = new Map(remedySites().map((site) => [site.key, site]));

/** Follows every row once. Rows that need the same runtime share it. */
export async function followedRemedies(
  rows: readonly RemedyRow[],
  onRow: (row: FollowedRow) => void,
): Promise<FollowedRow[]> {
  const followed: FollowedRow[] = [];
  for (const feature of ['core', 'local-embeddings'] as const) {
    const wanted = rows.filter((row) => (row.feature ?? 'core') === feature);
    if (wanted.length === 0) continue;
    const world = await openZoo(feature);
    try {
      const bin = join(world.home, 'bin');
      await mkdir(bin);
      await symlink(LAUNCHER, join(bin, 'ktx'));
      await symlink(process.execPath, join(bin, 'node'));
      for (const row of wanted) {
        const one = await follow(world, row);
        followed.push(one);
        onRow(one);
      }
    } finally {
      await world.remove();
    }
  }
  return followed;
}

export function followedLine({ remedy, state, command, problems }: FollowedRow): string {
  const how = command ?? 'by hand';
  const head = `${problems.length === 0 ? 'ok  ' : 'BAD '} ${remedy}  [${state}]  ${how}`;
  return [head, ...problems].join('\n       ');
}

async function follow(world: ZooWorld, row: RemedyRow): Promise<FollowedRow> {
  const followed: FollowedRow = { remedy: row.remedy, state: row.state, command: null, problems: [] };
  const site = SITES.get(row.remedy);
  if (site === undefined) return { ...followed, problems: ['no such remedy in the sources'] };
  await world.reset();
  await writeFile(join(world.home, 'project', 'ktx.yaml'), '');
  const box = boxOf(world, row.uid);
  try {
    await give(box, row.uid);
    const cleanup = await row.damage?.(box);
    if (typeof cleanup === 'function') box.cleanups.push(cleanup as () => unknown);
    followed.command = await followIn(box, row, site, followed.problems);
  } catch (error) {
    followed.problems.push(String(error));
  } finally {
    for (const cleanup of box.cleanups.reverse()) await cleanup();
    await give(box, process.getuid?.());
    for (const name of ['other', 'elsewhere'])
      await rm(join(box.home, name), { recursive: true, force: true });
  }
  return followed;
}

/** @returns the printed command, or `null` where a person has to do it. */
async function followIn(
  box: Box,
  row: RemedyRow,
  site: RemedySite,
  problems: string[],
): Promise<string | null> {
  const failed = await box.sh(row.fails);
  const mustFail = row.isNotice !== true;
  if (mustFail && failed.exitCode === 0) problems.push(`does not fail: ${tail(failed)}`);
  const printed = printedCommand(failed.text, site);
  if (printed === undefined) {
    problems.push(`does not print it: ${tail(failed)}`);
    return null;
  }
  await row.byHand?.(box);
  if (printed !== null) {
    const filled = filledIn(printed, row, box);
    if (/<[\w:-]+>/.test(filled)) problems.push(`no value is known for ${filled}`);
    const done = await box.sh(withConsent(filled));
    if (done.exitCode !== 0) problems.push(`${filled}: ${tail(done)}`);
    if (row.shows !== undefined && !row.shows.test(done.text))
      problems.push(`does not show it: ${tail(done)}`);
  } else if (row.byHand === undefined) problems.push('nobody did it');
  if (row.shows !== undefined) return printed;
  const isNextAttempt = printed !== null && /ktx setup|admin runtime (?:install|start)/.test(printed);
  const again = row.again === undefined ? row.fails : row.again;
  const isAgain = again !== null && !isNextAttempt && row.isNotice !== true;
  if (isAgain) {
    const tried = await box.sh(filledIn(again, row, box));
    if (tried.exitCode !== 0) problems.push(`once more: ${tail(tried)}`);
  }
  // A setup that ended well has proved the runtime itself.
  const isProved = /ktx setup/.test(isAgain ? again : (printed ?? ''));
  const works = row.works === undefined ? (isProved ? null : 'ktx admin runtime status --deep') : row.works;
  if (works === null) return printed;
  const proof = await box.sh(filledIn(works, row, box));
  if (proof.exitCode !== 0 || /^FAIL /m.test(proof.text)) problems.push(`afterwards: ${tail(proof)}`);
  return printed;
}

/** `undefined`: nowhere in the text; `null`: no command goes with it. */
function printedCommand(text: string, { pattern }: RemedySite): string | null | undefined {
  const line = text.split('\n').find((each) => pattern.test(each));
  if (line === undefined) return undefined;
  const from = pattern.exec(line)!;
  const after = line.slice(from.index + from[0].length);
  const command = COMMAND.exec(after)?.[1];
  if (command !== undefined) return command;
  // A sentence with a command in it.
  const own = line.slice(from.index).match(/\bktx (?:setup|doctor|admin|embed|bundle)[^.`(]*/g);
  return own === null ||
    !/[Rr]un|[Rr]etry|then|Restore|Undo|Fix|Stop|found by|one:|it:/.test(line.slice(from.index))
    ? null
    : own.at(-1)!.trim();
}

function filledIn(command: string, row: RemedyRow, box: Box): string {
  let filled = command;
  for (const [token, value] of Object.entries(row.values ?? {}))
    filled = filled.replaceAll(token, typeof value === 'string' ? value : value(box));
  return filled;
}

/** At a terminal somebody presses enter. */
function withConsent(command: string): string {
  return command.replace(
    /\bktx (?:setup|admin runtime (?:undo|uninstall|prune)|doctor --(?:fix|undo))\b(?!.*--(?:yes|dry-run))/,
    '$& --yes',
  );
}

function boxOf(world: ZooWorld, uid: number | undefined): Box {
  const box: Box = {
    home: world.home,
    project: join(world.home, 'project'),
    paths: world.paths,
    env: { ...world.env, PATH: `${join(world.home, 'bin')}:${world.env['PATH']}` },
    before: '',
    under: [],
    uid,
    cleanups: [],
    sh(command) {
      const user = String(uid);
      const line = ['bash', '-c', `${box.before}\n${command}`];
      const [first, ...rest] = (
        uid === undefined
          ? [...box.under, ...line]
          : ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', ...line]
      ) as [string, ...string[]];
      return new Promise((resolve) => {
        const options = { env: box.env, cwd: box.project, maxBuffer: 64 << 20, timeout: 10 * MINUTE_MS };
        execFile(first, rest, options, (error, stdout, stderr) =>
          resolve({
            exitCode: error === null ? 0 : Number(error.code ?? 1) || 1,
            text: `${stdout}${stderr}`,
          }),
        ).stdin?.end();
      });
    },
  };
  return box;
}

async function give({ home, project, paths }: Box, to: number | undefined): Promise<void> {
  if (to === undefined) return;
  for (const args of [
    [String(to), home],
    ['-Rh', String(to), project],
    ['-Rh', String(to), paths.root],
  ])
    await new Promise<void>((resolve) => execFile('chown', args, () => resolve()));
}

function tail({ exitCode, text }: Said): string {
  return `exit ${exitCode}: ${text.trim().slice(-700)}`;
}
