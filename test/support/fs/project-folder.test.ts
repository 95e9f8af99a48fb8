import { spawnSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeDaemonStateDir } from '../../../src/daemon/state.ts';
import { recordSetupStep } from '../../../src/project/setup-progress.ts';
import { makeProjectFolder } from '../../../src/support/fs/project-folder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const untracked = (project: string) => {
  const { stdout, error } = spawnSync('git', ['status', '--porcelain', '-uall'], {
    cwd: project,
    encoding: 'utf8',
  });
  if (error) throw error;
  return stdout;
};

it.each([
  ['the state of a daemon', (project: string) => makeDaemonStateDir(join(project, '.ktx', 'runtime'))],
  ['the progress of a setup', (project: string) => recordSetupStep(project, 'runtime')],
])('git sees nothing of %s', async (_name, write) => {
  const project = await temporaryFolder();
  spawnSync('git', ['init', '-q'], { cwd: project });
  await write(project);
  await writeFile(join(project, '.ktx', 'daemon.json'), '{}');
  expect(untracked(project)).toBe('');
});

it('keeps existing content, and creates nothing through a link', async () => {
  const project = await temporaryFolder();
  await mkdir(join(project, '.ktx'));
  await writeFile(join(project, '.ktx', '.gitignore'), '!setup\n');
  await makeProjectFolder(project);
  expect(await readFile(join(project, '.ktx', '.gitignore'), 'utf8')).toBe('!setup\n');
  const cloned = await temporaryFolder();
  await symlink(project, join(cloned, '.ktx'));
  await expect(makeProjectFolder(cloned)).rejects.toThrow('is a symbolic link');
});
