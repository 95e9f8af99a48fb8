import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { managedUvPath } from '../../src/uv/location.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const STATUS = ['admin', 'runtime', 'status'];
/** The whole program answers a line with an option that the quick file does not know. */
const WHOLE = ['--project-dir', '.', ...STATUS];

async function machine(): Promise<{ cwd: string; root: string; env: NodeJS.ProcessEnv }> {
  const home = await temporaryFolder();
  const cwd = join(home, 'project');
  await mkdir(cwd);
  return { cwd, root: join(home, 'root'), env: plainEnvironment(home, { KTX_RUNTIME_ROOT: '../root' }) };
}

it.each([
  ['nothing installed', async () => {}],
  [
    'a uv that nobody verified, and a manifest of nothing',
    async (root: string) => {
      const uvPath = managedUvPath({ runtimeRoot: root });
      await mkdir(dirname(uvPath), { recursive: true });
      await writeFile(uvPath, '#!/bin/sh\necho uv 0.11.21\n');
      await chmod(uvPath, 0o755);
      await mkdir(join(root, '0.1.0'));
      await writeFile(join(root, '0.1.0', 'manifest.json'), '{}');
    },
  ],
] as const)('says what the whole program says: %s', async (_, prepare) => {
  const { cwd, root, env } = await machine();
  await prepare(root);
  for (const more of [[], ['--json']]) {
    const quick = await runProgram([...STATUS, ...more], { cwd, env });
    expect(quick).toEqual(await runProgram([...WHOLE, ...more], { cwd, env }));
    expect(quick.exitCode).toBe(1);
    expect(quick.stdout).toContain(join(root, '0.1.0'));
    expect(quick.stdout).not.toContain('left out');
  }
});

it('leaves a deep look to the whole program', async () => {
  const { cwd, env } = await machine();
  const { stdout } = await runProgram([...STATUS, '--deep', '--json'], { cwd, env });
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'missing' });
});

it('stays small', async () => {
  const { size } = await stat(join(PACKAGE_ROOT, 'dist', 'quick-status.cjs'));
  expect(size).toBeLessThan(120_000);
});
