import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { DOCTOR_CHECKS } from '../../src/doctor/all-checks.ts';
import { runChecks } from '../../src/doctor/run-checks.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

it('a program that the manifest names outside of the version is not started', async () => {
  const root = await temporaryFolder();
  const runtimeRoot = join(root, 'runtime');
  const bin = join(root, 'elsewhere', 'envs', 'aaaaaaaa', 'bin');
  const python = { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
  const trace = join(root, 'was-run');
  for (const path of Object.values(python)) await writeScript(path, `#!/bin/sh\ntouch '${trace}'\n`);
  await writeRuntime(runtimeRoot, '0.3.0', { python });
  const checks = await runChecks({ cliVersion: '0.3.0', runtimeRoot, env: { PATH: '/usr/bin:/bin' } });
  expect(await pathExists(trace)).toBe(false);
  const found = (id: string) => checks.find((entry) => entry.id === id);
  const detail = expect.stringContaining(`Python executable lies outside of ${join(runtimeRoot, '0.3.0')}`);
  expect(found('runtime')).toMatchObject({ status: 'fail', detail, repairs: ['rebuild-environment'] });
  for (const id of ['interpreter', 'environment', 'daemon']) expect(found(id)?.status).toBe('skipped');
});

it('tells each result as an event as soon as it is there, and runs what is offline and the daemon', async () => {
  const events: SetupEvent[] = [];
  const checks = await runChecks({
    cliVersion: '0.3.0',
    runtimeRoot: join(await temporaryFolder(), 'runtime'),
    env: { PATH: '/usr/bin:/bin' },
    onEvent: (event) => events.push(event),
  });
  expect(checks.map(({ id }) => id)).toEqual(
    DOCTOR_CHECKS.filter(({ id, cost }) => cost === 'offline' || id === 'daemon').map(({ id }) => id),
  );
  expect(checks.some(({ id }) => id === 'daemon')).toBe(true);
  const told = events.map((event) => (event.type === 'check' ? event.check : event.type));
  expect(told).toHaveLength(checks.length);
  expect(told).toEqual(expect.arrayContaining(checks));
});
