import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { processesFrom } from '../../src/runtime/environments-in-use.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

let root: string;
beforeEach(async () => {
  root = await temporaryFolder();
  await mkdir(join(root, 'env', 'bin'), { recursive: true });
  await symlink(join(root, 'env'), join(root, 'link'));
});

/** Which of these command lines run a program of this folder. */
async function running(folder: string, ...commands: string[]): Promise<string[]> {
  const list = async () => commands.map((command, at) => ({ pid: at + 1, command }));
  return (await processesFrom(join(root, folder), list)).map(({ command }) => command.replaceAll(root, ''));
}
const at = (text: string) => text.replace(/(?<=^| )\//g, `${root}/`);

it.each([
  ['an interpreter', '/env/bin/python'],
  ['a script of its interpreter', '/usr/python /env/bin/ktx-daemon'],
  ['an interpreter by a link to the folder', '/link/bin/python'],
])('%s counts, for the folder and for a link to it', async (_, command) => {
  for (const folder of ['env', 'link']) expect(await running(folder, at(command))).toEqual([command]);
});

it.each([
  ['an argument', '/usr/editor x /env/bin/python'],
  ['a folder with a longer name', '/environment/bin/python'],
  ['a relative path', 'env/bin/python'],
  ['the folder itself', '/env'],
])('%s does not', async (_, command) => {
  expect(await running('env', command.startsWith('/') ? at(command) : command)).toEqual([]);
});
