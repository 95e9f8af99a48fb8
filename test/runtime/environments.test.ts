import { mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnvironments, tidyEnvironments } from '../../src/runtime/environments.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { watchRemovals } from '../fixtures/watch-removals.ts';

const A = 'aaaaaaaa';
const B = 'bbbbbbbb';
const C = 'cccccccc';

/** `{ aaaaaaaa: null }` is a finished environment without predecessor, `undefined` an unfinished one. */
async function versionDir(active: string | null, environments: Record<string, string | null | undefined>) {
  const dir = join(await temporaryFolder(), '0.3.0');
  for (const [id, previous] of Object.entries(environments)) {
    await mkdir(join(dir, 'envs', id, 'bin'), { recursive: true });
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
      ['finished, but never taken over: nothing names it', null, { [A]: null }, null, [A]],
    ];
  it.each(cases)('%s', async (_name, active, environments, other, unneeded) => {
    const overview = await readEnvironments(await versionDir(active, environments));
    expect(overview.other).toBe(other);
    expect([...overview.unneeded].sort()).toEqual(unneeded);
  });

  it.each(['{', '{"schemaVersion":2}'])(
    'a manifest that cannot be read (%s) lets every finished one stay',
    async (text) => {
      const dir = await versionDir(A, { [A]: null, [B]: A, [C]: undefined });
      await writeFile(join(dir, 'manifest.json'), text);
      expect((await readEnvironments(dir)).unneeded).toEqual([C]);
    },
  );

  it('a manifest that names another place lets them stay too, an adopted .venv does not', async () => {
    const elsewhere = await versionDir(null, { [A]: null });
    await writeFile(join(elsewhere, 'manifest.json'), JSON.stringify(manifest('/opt/other', '../x')));
    expect((await readEnvironments(elsewhere)).unneeded).toEqual([]);
    const adopted = await versionDir('.venv', { [A]: undefined });
    expect((await readEnvironments(adopted)).unneeded).toEqual([A]);
    const finished = await versionDir('.venv', { [A]: null });
    expect((await readEnvironments(finished)).unneeded).toEqual([A]);
  });

  it('an environment whose own file speaks of another one counts as unfinished', async () => {
    const dir = await versionDir(B, { [A]: null, [B]: A });
    const copied = { ...manifest(dir, C), previous: null };
    await writeFile(join(dir, 'envs', A, 'environment.json'), JSON.stringify(copied));
    expect((await readEnvironments(dir)).other).toBeNull();
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

  it('goes through no link in place of the folder of environments', async () => {
    const elsewhere = await temporaryFolder();
    await mkdir(join(elsewhere, C));
    const dir = await versionDir(null, {});
    await symlink(elsewhere, join(dir, 'envs'));
    expect(await tidyEnvironments(dir, nobody)).toEqual({ removed: [], problems: [] });
    expect(await readdir(elsewhere)).toEqual([C]);
  });

  it('takes a folder whose name only looks like what an interrupted run leaves for somebody else’s', async () => {
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

  it('what it removes has lost its name before, so that a cut leaves nothing that looks like an environment', async () => {
    const dir = await versionDir(B, { [B]: null, [C]: undefined });
    const removed = watchRemovals();
    await tidyEnvironments(dir, nobody);
    expect(removed).toEqual([expect.stringMatching(/envs\/cccccccc\.[0-9a-f]{8}\.removed$/)]);
  });

  it('what cannot be removed is returned and stops nothing', async () => {
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
