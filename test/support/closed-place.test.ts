import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const CASES = [
  ['closed/new', 'closed'],
  ['closed/new/a/b', 'closed'],
  ['closed/open', 'closed'],
  ['open/closed', 'open/closed'],
  ['open/new', 'open'],
  ['shut/file', 'shut'],
] as const;

it.skipIf(process.platform !== 'linux')('finds what has to be opened for a path', async () => {
  const root = await temporaryFolder();
  await chmod(root, 0o777);
  for (const name of ['closed', 'open', 'shut']) await mkdir(join(root, name));
  await writeFile(join(root, 'closed', 'open'), '');
  await writeFile(join(root, 'open', 'closed'), '');
  await chmod(join(root, 'closed', 'open'), 0o666);
  await chmod(join(root, 'open', 'closed'), 0o444);
  await chmod(join(root, 'closed'), 0o555);
  await chmod(join(root, 'open'), 0o777);
  await chmod(join(root, 'shut'), 0o000);
  const module = JSON.stringify(join(PACKAGE_ROOT, 'src', 'support', 'closed-place.ts'));
  const script = `import(${module}).then(({ closedPlaceFor }) =>
    console.log(JSON.stringify(process.argv.slice(1).map(closedPlaceFor))))`;
  const look = [process.execPath, '-e', script, ...CASES.map(([path]) => join(root, path))];
  // Root can write everywhere.
  const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid', '12345', '--clear-groups'] : [];
  const [program, ...args] = [...asUser, ...look] as [string, ...string[]];
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  for (const name of ['closed', 'shut']) await chmod(join(root, name), 0o755);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(CASES.map(([, expected]) => join(root, expected)));
});
