import { mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnvironments, tidyEnvironments } from '../../src/runtime/environments.ts';
import { appendHistory } from '../../src/runtime/history.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { watchRemovals } from '../fixtures/watch-removals.ts';

const A = 'aaaaaaaa';
const B = 'bbbbbbbb';
const C = 'cccccccc';

/** `{ aaaaaaaa: null }` is a finished environment without a predecessor, `undefined` an unfinished one. */
async function versionDir(active: string | null, environments: Record<string, string | null | undefined>) {
  const dir = join(await temporaryFolder(), '0.3.0');
  for (const [id, previous] of Object.entries(environments)) {
    await mkdir(join(dir, 'envs', id, 'bin'), { recursive: true });
    await writeFile(join(dir, 'envs', id, 'bin', 'python'), '');
    if (previous === undefined) continue;
    await writeFile(
      join(dir, 'envs', id, 'environment.json'),
      JSON.stringify({ ...manifest(dir, id), previous }),
    );
  }
  await mkdir(dir, { recursive: true });
  if (active !== null) await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest(dir, active)));
  return dir;
}

function manifest(dir: string, id: string) {
  const bin = id === '.venv' ? join(dir, '.venv', 'bin') : join(dir, 'envs', id, 'bin');
  return {
    schemaVersion: 1,
    cliVersion: '0.3.0',
    installedAt: '2026-01-01T00:00:00.000Z',
    asset: {
      schemaVersion: 1,
      distributionName: 'kaelio-ktx',
      normalizedName: 'kaelio_ktx',
      version: '0.1.0',
      wheel: { file: 'x.whl', sha256: 'a'.repeat(64), bytes: 1 },
    },
    features: ['core'],
    python: { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') },
    installLog: join(dir, 'install.log'),
  };
}

const nobody = async () => false;

describe('what a newer ktx wrote', () => {
  it('its environments stay where the manifest is of this version', async () => {
    const dir = await versionDir(B, { [A]: null, [B]: A, [C]: B });
    const record = { ...manifest(dir, C), schemaVersion: 2, previous: B };
    await writeFile(join(dir, 'envs', C, 'environment.json'), JSON.stringify(record));
    await tidyEnvironments(dir, nobody);
    expect((await readdir(join(dir, 'envs'))).sort()).toEqual([A, B, C]);
  });

  it('nothing goes where the manifest is its own', async () => {
    const dir = await versionDir(null, { [A]: null, [B]: A, [C]: undefined });
    await writeFile(join(dir, 'manifest.json'), '{"schemaVersion":2,"cliVersion":"9.1.0"}');
    await tidyEnvironments(dir, nobody);
    expect((await readdir(join(dir, 'envs'))).sort()).toEqual([A, B, C]);
  });
});

describe('which environments are needed', () => {
  const cases: [string, string | null, Record<string, string | null | undefined>, string | null, string[]][] =
    [
      ['the first one', A, { [A]: null }, null, []],
      ['an update: the one before stays', B, { [A]: null, [B]: A }, A, []],
      ['two updates: the oldest goes', C, { [A]: null, [B]: A, [C]: B }, B, [A]],
      ['after an undo the way leads forward', A, { [A]: null, [B]: A }, B, []],
      ['an update after an undo: what was undone goes', C, { [A]: null, [B]: A, [C]: A }, A, [B]],
      ['unfinished ones go', B, { [A]: null, [B]: A, [C]: undefined }, A, [C]],
      ['a predecessor that is not there any more', B, { [B]: A }, null, []],
      ['finished, but never taken over: it may still be gone to', null, { [A]: null }, A, []],
    ];
  it.each(cases)('%s', async (_name, active, environments, other, unneeded) => {
    const overview = await readEnvironments(await versionDir(active, environments));
    expect(overview.other).toBe(other);
    expect([...overview.unneeded].sort()).toEqual(unneeded);
  });

  it.each(['{', '[]'])('a manifest that cannot be read (%s) lets every finished one stay', async (text) => {
    const dir = await versionDir(A, { [A]: null, [B]: A, [C]: undefined });
    await writeFile(join(dir, 'manifest.json'), text);
    expect((await readEnvironments(dir)).unneeded).toEqual([C]);
  });

  it('a manifest that names another place, or an adopted .venv, lets the finished ones stay', async () => {
    const elsewhere = await versionDir(null, { [A]: null });
    await writeFile(join(elsewhere, 'manifest.json'), JSON.stringify(manifest('/opt/other', '../x')));
    expect((await readEnvironments(elsewhere)).unneeded).toEqual([]);
    const adopted = await versionDir('.venv', { [A]: undefined });
    expect((await readEnvironments(adopted)).unneeded).toEqual([A]);
    const finished = await versionDir('.venv', { [A]: null });
    expect((await readEnvironments(finished)).unneeded).toEqual([]);
  });

  it('an environment whose record names another one counts as unfinished', async () => {
    const dir = await versionDir(B, { [A]: null, [B]: A });
    const copied = { ...manifest(dir, C), previous: null };
    await writeFile(join(dir, 'envs', A, 'environment.json'), JSON.stringify(copied));
    expect((await readEnvironments(dir)).other).toBeNull();
  });
});

/** Recorded switches, oldest first: `A>B` means that B replaced A, and undo goes back to A. */
async function wrote(dir: string, ...switches: string[]) {
  for (const text of switches) {
    const [back, to] = text.split('>') as [string, string];
    const wheel = { version: '0.1.0', sha256: 'a'.repeat(64) };
    const facts = { features: ['core'], wheel, lock: null, action: 'install', reason: 'asked' };
    await appendHistory(dir, { ...facts, to, back: back || null, replaced: back || null });
  }
}

describe('undo goes where the record says', () => {
  const three = { [A]: null, [B]: A, [C]: A };
  const cases: [string, string, Record<string, string | null | undefined>, string[], string, string[]][] = [
    ['the one before', C, three, [`>${A}`, `${A}>${B}`, `${B}>${C}`], B, [A]],
    [
      'not another one that names the same',
      A,
      three,
      [`>${A}`, `${A}>${B}`, `${B}>${A}`, `${A}>${C}`, `${C}>${A}`],
      C,
      [B],
    ],
    ['the newest install, not the first of the folder', A, three, [`${A}>${C}`, `${C}>${A}`], C, [B]],
    [
      'a switch that was cut off before it happened does not count',
      A,
      three,
      [`${A}>${B}`, `${B}>${A}`, `${A}>${C}`],
      B,
      [C],
    ],
    [
      'the one before that, when it is gone',
      C,
      { [A]: null, [C]: B },
      [`>${A}`, `${A}>${B}`, `${B}>${C}`],
      A,
      [],
    ],
    [
      'an install of a ktx that wrote nothing: its own record',
      C,
      { [A]: null, [B]: null, [C]: B },
      [`>${A}`],
      B,
      [A],
    ],
  ];
  it.each(cases)('%s', async (_name, active, environments, switches, other, unneeded) => {
    const dir = await versionDir(active, environments);
    await wrote(dir, ...switches);
    const overview = await readEnvironments(dir);
    expect(overview.other).toBe(other);
    expect([...overview.unneeded]).toEqual(unneeded);
  });

  it.each([
    ['the manifest is gone', (dir: string) => rm(join(dir, 'manifest.json'))],
    ['the manifest is empty', (dir: string) => writeFile(join(dir, 'manifest.json'), '')],
    [
      'the manifest is of a newer ktx',
      (dir: string) => writeFile(join(dir, 'manifest.json'), '{"schemaVersion":2}'),
    ],
    ['the active environment is gone', (dir: string) => rm(join(dir, 'envs', C), { recursive: true })],
  ])('what is finished can be reached when %s', async (_name, lose) => {
    const dir = await versionDir(C, three);
    await wrote(dir, `>${A}`, `${A}>${B}`, `${B}>${C}`);
    await lose(dir);
    const { other, others, unneeded } = await readEnvironments(dir);
    expect(unneeded).toEqual([]);
    expect(other).toBe(others.length === 3 ? C : B);
  });

  it('a damaged one is no way back while another one is whole', async () => {
    const dir = await versionDir(C, three);
    await wrote(dir, `>${A}`, `${A}>${B}`, `${B}>${C}`);
    await rm(join(dir, 'envs', B, 'bin', 'python'));
    expect(await readEnvironments(dir)).toMatchObject({ other: A, others: [A, B], unneeded: [B] });
  });
});

describe('tidying', () => {
  it('removes what is not needed and what interrupted runs left; unknown names stay', async () => {
    const dir = await versionDir(B, { [A]: null, [B]: A, [C]: undefined });
    for (const name of [`${C}.12345678.removed`, 'mine', 'not-hex-']) await mkdir(join(dir, 'envs', name));
    await writeFile(join(dir, 'manifest.json.123.deadbeef.tmp'), '{');
    await writeFile(join(dir, 'notes.txt'), '');
    const { problems } = await tidyEnvironments(dir, nobody);
    expect(problems).toEqual([]);
    expect((await readdir(join(dir, 'envs'))).sort()).toEqual([A, B, 'mine', 'not-hex-']);
    expect((await readdir(dir)).sort()).toEqual(['.venv', 'envs', 'manifest.json', 'notes.txt']);
    expect(await readlink(join(dir, '.venv'))).toBe(join('envs', B));
  });

  it('follows no link in place of the environments folder', async () => {
    const elsewhere = await temporaryFolder();
    await mkdir(join(elsewhere, C));
    const dir = await versionDir(null, {});
    await symlink(elsewhere, join(dir, 'envs'));
    expect(await tidyEnvironments(dir, nobody)).toEqual({ removed: [], problems: [] });
    expect(await readdir(elsewhere)).toEqual([C]);
  });

  it('leaves a folder alone whose name only resembles the remains of an interrupted run', async () => {
    const dir = await versionDir(B, { [B]: null });
    const names = ['.venv.20240101', 'notes.json.1.deadbeef.tmp'];
    for (const name of names) await mkdir(join(dir, name));
    await symlink(join('envs', B), join(dir, '.venv.deadbeef'));
    await tidyEnvironments(dir, nobody);
    expect((await readdir(dir)).sort()).toEqual(['.venv', ...names, 'envs', 'manifest.json'].sort());
  });

  it('a manifest that names an environment which is not here lets the finished ones stay', async () => {
    const dir = await versionDir(C, { [A]: null, [B]: A });
    await tidyEnvironments(dir, nobody);
    expect((await readdir(join(dir, 'envs'))).sort()).toEqual([A, B]);
    expect(await readdir(dir)).not.toContain('.venv');
  });

  it('keeps what is in use', async () => {
    const dir = await versionDir(B, { [B]: null, [C]: undefined });
    await tidyEnvironments(dir, async (path) => path.endsWith(C));
    expect(await readdir(join(dir, 'envs'))).toContain(C);
  });

  it('keeps an adopted .venv while something runs from it, and makes it a link afterwards', async () => {
    const dir = await versionDir(B, { [B]: null });
    await mkdir(join(dir, '.venv', 'bin'), { recursive: true });
    await tidyEnvironments(dir, async (path) => path.endsWith('.venv'));
    expect(await readdir(join(dir, '.venv'))).toEqual(['bin']);
    await tidyEnvironments(dir, nobody);
    expect(await readlink(join(dir, '.venv'))).toBe(join('envs', B));
  });

  it('renames before removing, so that an interruption leaves nothing that looks like an environment', async () => {
    const dir = await versionDir(B, { [B]: null, [C]: undefined });
    const removed = watchRemovals();
    await tidyEnvironments(dir, nobody);
    expect(removed).toEqual([expect.stringMatching(/envs\/cccccccc\.[0-9a-f]{8}\.removed$/)]);
  });

  it('returns what cannot be removed, and continues', async () => {
    const dir = await versionDir(C, { [A]: undefined, [B]: undefined, [C]: null });
    watchRemovals((path) => {
      if (path.includes(A)) throw new Error('EBUSY: resource busy');
    });
    const { problems } = await tidyEnvironments(dir, nobody);
    expect(problems.length).toBeGreaterThan(0);
    for (const text of problems) expect(text).toMatch(/aaaaaaaa.* could not be removed: EBUSY/);
    expect(await readdir(join(dir, 'envs'))).not.toContain(B);
  });

  it('twice does nothing the second time', async () => {
    const dir = await versionDir(B, { [A]: null, [B]: A, [C]: undefined });
    await tidyEnvironments(dir, nobody);
    expect(await tidyEnvironments(dir, nobody)).toEqual({ removed: [], problems: [] });
  });
});
