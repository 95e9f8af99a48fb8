import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { tightPidsLimit } from '../../../src/failure/causes/pids-limit.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it.each<[string, string, Record<string, string>, number | null]>([
  ['version 2', '0::/app\n', { 'app/pids.max': '40\n' }, 40],
  ['version 2 in a container', '0::/../../x\n', { 'pids.max': '64\n' }, 64],
  ['version 1', '9:pids:/docker/x\n1:name=systemd:/\n', { 'pids/docker/x/pids.max': '100\n' }, 100],
  ['version 1 in a container', '9:pids:/docker/x\n', { 'pids/pids.max': '20\n' }, 20],
  ['no limit', '0::/app\n', { 'app/pids.max': 'max\n' }, null],
  ['a limit that an install does not meet', '0::/app\n', { 'app/pids.max': '2048\n' }, null],
  ['the highest that is tight', '0::/app\n', { 'app/pids.max': '256\n' }, 256],
  ['the lowest that is not', '0::/app\n', { 'app/pids.max': '257\n' }, null],
  ['the tighter one of two', '0::/app\n', { 'app/pids.max': '90\n', 'pids.max': '30\n' }, 30],
  ['no number', '0::/app\n', { 'app/pids.max': '40 x\n', 'pids.max': 'x 40\n' }, null],
  ['no number beside a limit', '0::/app\n', { 'app/pids.max': '40 x\n', 'pids.max': '30\n' }, 30],
  ['words beside a limit', '0::/app\n', { 'app/pids.max': 'x 40\n', 'pids.max': '30\n' }, 30],
  ['another controller', '3:cpu:/app\n', { 'app/pids.max': '40\n', 'pids.max': '40\n' }, null],
  ['a line that is none', 'x0::/app\n', { 'app/pids.max': '40\n' }, null],
  ['no groups', '', {}, null],
  ['no groups, and a limit', '', { 'pids.max': '40\n' }, null],
])('%s', async (_, own, files, expected) => {
  const root = await temporaryFolder();
  const all = {
    'proc/self/cgroup': own,
    ...Object.fromEntries(Object.entries(files).map(([k, v]) => [`cg/${k}`, v])),
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  expect(tightPidsLimit(join(root, 'proc'), join(root, 'cg'))).toBe(expected);
});
