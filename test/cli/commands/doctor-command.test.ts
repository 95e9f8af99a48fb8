import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import type { CheckStatus } from '../../../src/core/events.ts';
import { DOCTOR_CHECKS } from '../../../src/doctor/all-checks.ts';
import { doctorExitCode } from '../../../src/doctor/doctor.ts';
import { doctorReportSchema } from '../../../src/doctor/report-schema.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function run(...argv: string[]) {
  const { io, printed } = capturedIo();
  const folder = await temporaryFolder();
  const runtimeRoot = join(folder, 'runtime');
  const env = { HOME: folder, KTX_RUNTIME_ROOT: runtimeRoot, PATH: '/usr/bin:/bin' };
  const exitCode = await main(['doctor', ...argv], io, { env, cwd: folder, isStdinTty: false });
  return { exitCode, ...printed, made: await readdir(folder) };
}

it('prints one document that its schema describes, and makes nothing', async () => {
  const { exitCode, stdout, stderr, made } = await run('--json');
  expect([exitCode, stderr, made]).toEqual([1, '', []]);
  const report = doctorReportSchema.parse(JSON.parse(stdout));
  expect(report.exitCode).toBe(1);
  expect(report.checks.map(({ id }) => id)).toEqual(
    DOCTOR_CHECKS.filter(({ cost }) => cost === 'offline').map(({ id }) => id),
  );
  const failed = report.checks.filter(({ status }) => status === 'fail');
  expect(failed.map(({ id, repairs }) => [id, repairs?.[0]])).toEqual([
    ['uv', 'replace-uv'],
    ['runtime', 'rebuild-environment'],
  ]);
});

it('prints a JSON Schema', async () => {
  const { exitCode, stdout } = await run('--print-schema');
  expect([exitCode, JSON.parse(stdout).properties.checks.type]).toEqual([0, 'array']);
});

it('looks at one check and what it needs', async () => {
  const { exitCode, stdout } = await run('--json', '--check', 'platform');
  const report = doctorReportSchema.parse(JSON.parse(stdout));
  expect(report.checks.map(({ id }) => id)).toEqual(['asset', 'platform']);
  expect(exitCode).toBe(0);
});

it('names a similar check for one that does not exist', async () => {
  const { exitCode, stderr } = await run('--check', 'platfrom');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('There is no check "platfrom".');
  expect(stderr).toContain('platform');
});

it('lists every check and repair', async () => {
  const { exitCode, stdout } = await run('--list');
  expect(exitCode).toBe(0);
  for (const { id } of DOCTOR_CHECKS) expect(stdout).toMatch(new RegExp(`^${id} .*: `, 'm'));
  expect(stdout).toContain('rebuild-environment');
});

it('shows what a repair would touch, and does nothing without --yes', async () => {
  const { exitCode, stdout, stderr, made } = await run('--fix', 'stop-daemon');
  expect([exitCode, made]).toEqual([1, []]);
  expect(stdout).toContain('Stop the old daemon (stop-daemon)');
  expect(stderr).toBe('Refusing to fix without --yes.\n');
});

it('prints a plan as one JSON document', async () => {
  const { exitCode, stdout, stderr } = await run('--fix', 'stop-daemon', '--json');
  expect([exitCode, stderr]).toEqual([1, 'Refusing to fix without --yes.\n']);
  expect(JSON.parse(stdout)).toMatchObject({ plan: [{ id: 'stop-daemon', worksOffline: true }] });
});

it('refuses a repair that does not exist', async () => {
  const { exitCode, stderr } = await run('--fix', 'everything', '--yes');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('There is no repair "everything".');
});

it.each([
  [['pass', 'warn', 'skipped'], 0],
  [['pass', 'could-not-check', 'warn'], 3],
  [['could-not-check', 'fail'], 1],
  [[], 0],
] as const)('%j end with exit code %i', (statuses: readonly CheckStatus[], expected) => {
  const result = { id: '', group: '', label: '', detail: '', durationMs: 0 };
  expect(doctorExitCode(statuses.map((status) => ({ ...result, status })))).toBe(expected);
});
