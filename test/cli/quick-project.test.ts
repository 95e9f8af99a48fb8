import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveProjectDir } from '../../src/cli/project-dir.ts';
import { quickProject } from '../../src/cli/quick-project.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'ktx-project-'));
  await mkdir(join(top, 'one/two'), { recursive: true });
  await mkdir(join(top, 'other/deep'), { recursive: true });
  await writeFile(join(top, 'one/ktx.yaml'), 'name: orders\n');
});
afterEach(() => rm(top, { recursive: true }));

it.each([
  ['the working folder', 'one', undefined],
  ['a folder above it', 'one/two', undefined],
  ['none', 'other', undefined],
  ['the one that KTX_PROJECT_DIR names', 'other', 'one'],
  ['a folder below a project, named by KTX_PROJECT_DIR: its parents do not count', 'other', 'one/two'],
  ['a folder that does not exist', 'one', 'gone'],
])('finds the project that the program works on: %s', async (_what, cwd, named) => {
  const env = named === undefined ? {} : { KTX_PROJECT_DIR: join(top, named) };
  const dir = await resolveProjectDir({ env, cwd: join(top, cwd) });
  expect(quickProject(join(top, cwd), env).hasProject).toBe(await pathExists(join(dir, 'ktx.yaml')));
});

it.each([
  ['name: orders\n', false],
  ['connections: [{ driver: looker }]\n', true],
])('looks closer at what may ask for a feature: %j', async (text, mayNeedFeature) => {
  await writeFile(join(top, 'one/ktx.yaml'), text);
  expect(quickProject(join(top, 'one'), {}).mayNeedFeature).toBe(mayNeedFeature);
});
