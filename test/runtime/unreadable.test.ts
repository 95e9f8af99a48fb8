import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** Root may read everything: what this user may not is told by the test. */
const closed = vi.hoisted(() => new Map<string, number>());
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const access = async (path: string, mode: number) => {
    const refused = closed.get(path) ?? 0;
    if ((mode & refused) !== 0) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    return real.access(path, mode);
  };
  return { ...real, access };
});
const { describeInvalidManifest, describeUnreadable } = await import('../../src/runtime/unreadable.ts');

const READ = 4;
const ENTER = 1;
let root: string;
let path: string;
beforeEach(async () => {
  closed.clear();
  root = join(await temporaryFolder(), 'a b', 'runtime');
  path = join(root, '0.3.0', 'manifest.json');
  await mkdir(join(root, '0.3.0'), { recursive: true });
  await writeFile(path, '{}');
});

describe('what this user may not read', () => {
  const words = async (where: string, command: string) => {
    const { uid, mode } = await stat(where);
    return `${where} belongs to uid ${uid} and its mode is ${(mode & 0o7777).toString(8)}, so this user may not read it. Its owner can share it: ${command}`;
  };

  test.each<[string, () => string, number, boolean]>([
    ['the file', () => path, READ, false],
    ['a folder that cannot be listed', () => join(root, '0.3.0'), READ, false],
    ['a folder that cannot be entered', () => join(root, '0.3.0'), ENTER, false],
    ['the root that cannot be listed', () => root, READ, false],
    ['a folder above that cannot be entered', () => join(root, '..'), ENTER, true],
  ])('%s', async (_, where, mode, isAbove) => {
    closed.set(where(), mode);
    await chmod(where(), 0o750);
    const command = isAbove ? `chmod a+x '${where()}'` : `chmod -R a+rX '${root}'`;
    expect(await describeUnreadable(path, root)).toBe(await words(where(), command));
  });

  it('is the topmost of several', async () => {
    closed.set(path, READ);
    closed.set(root, READ);
    expect(await describeUnreadable(path, root)).toMatch(new RegExp(`^${root} belongs`));
  });

  it('is nothing where all can be read, where a file is missing, or where a folder above is only not listed', async () => {
    expect(await describeUnreadable(path, root)).toBeNull();
    expect(await describeUnreadable(join(root, 'none', 'x'), root)).toBeNull();
    closed.set(join(root, '..'), READ);
    expect(await describeUnreadable(path, root)).toBeNull();
  });
});

describe('a manifest that cannot be used', () => {
  test.each<[string, string, RegExp]>([
    ['half a file', '{', /^Runtime manifest is invalid: .*JSON/],
    ['nothing of one', '{"schemaVersion":1}', /^Runtime manifest is invalid: /],
  ])('%s', async (_, text, expected) => {
    await writeFile(path, text);
    const { readInstalledManifest } = await import('../../src/runtime/manifest.ts');
    const error = await readInstalledManifest(path).catch((reason: unknown) => reason);
    expect(await describeInvalidManifest(path, error)).toMatch(expected);
  });

  it('one of a newer ktx names it, as far as it is known', async () => {
    await writeFile(path, '{"schemaVersion":2,"cliVersion":"9.0.0"}');
    const words = 'Runtime manifest is invalid: it was written by a newer ktx';
    const last = ' (its schemaVersion is not 1)';
    expect(await describeInvalidManifest(path, new Error('x'))).toMatch(
      /by a newer ktx, .*9\.0\.0.* \(its schemaVersion is not 1\)$/,
    );
    await writeFile(path, '{"schemaVersion":2}');
    expect(await describeInvalidManifest(path, new Error('x'))).toBe(words + last);
  });
});
