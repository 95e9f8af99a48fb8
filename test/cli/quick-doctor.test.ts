import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DoctorReport } from '../../src/doctor/report-schema.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** The whole program answers a line with an option that the quick one does not know. */
const WHOLE = ['--offline'];

async function machine(): Promise<{ cwd: string; env: NodeJS.ProcessEnv }> {
  const home = await temporaryFolder();
  const cwd = join(home, 'project', 'below');
  await mkdir(cwd, { recursive: true });
  await writeFile(join(home, 'project', 'ktx.yaml'), '');
  return { cwd, env: plainEnvironment(home, { KTX_RUNTIME_ROOT: '../../root' }) };
}

const withoutDurations = (text: string) =>
  (JSON.parse(text) as DoctorReport).checks.map(({ durationMs: _, ...check }) =>
    // The moment of the look, and how much is free right then.
    ['clock', 'space', 'inodes', 'temporary'].includes(check.id) ? { ...check, detail: '' } : check,
  );

it.each([
  ['nothing installed', async () => {}],
  [
    'damaged',
    async (root: string) => {
      await mkdir(join(root, 'uv'), { recursive: true });
      await writeFile(join(root, 'uv', 'network.json'), '{');
      await mkdir(join(root, '0.1.0', 'manifest.json'), { recursive: true });
      await writeFile(join(root, '..', 'project', '.ktx'), '');
    },
  ],
] as const)('says what the whole program says: %s', async (_, damage) => {
  const { cwd, env } = await machine();
  await damage(join(cwd, '..', '..', 'root'));
  const [quick, whole] = await Promise.all(
    [[], WHOLE].map((more) => runProgram(['doctor', '--json', ...more], { cwd, env })),
  );
  expect(withoutDurations(quick!.stdout)).toEqual(withoutDurations(whole!.stdout));
  expect(quick!.exitCode).toBe(whole!.exitCode);
  expect(quick!.stdout).not.toContain('left out');
});

it('leaves to the whole program what stops it before the first check', async () => {
  const { cwd, env } = await machine();
  const { exitCode, stdout, stderr } = await runProgram(['doctor', '--json'], {
    cwd,
    env: { ...env, KTX_PROJECT_DIR: '' },
  });
  expect([exitCode, stderr]).toEqual([1, 'KTX_PROJECT_DIR must not be empty\n']);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'failure', failure: { cause: 'usage' } });
});

it('stays small', async () => {
  const { size } = await stat(join(PACKAGE_ROOT, 'dist', 'quick-doctor.cjs'));
  expect(size).toBeLessThan(300_000);
});
