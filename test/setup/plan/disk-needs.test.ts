import { expect, it } from 'vitest';
import type { PlanRow } from '../../../src/core/events.ts';
import { sharedLayout } from '../../../src/core/layout.ts';
import { diskNeedsOf } from '../../../src/setup/plan/disk-needs.ts';

const MB = 1_000_000;
const row = (id: PlanRow['id'], downloadBytes: number | null, diskBytes: number | null): PlanRow => ({
  id,
  label: id,
  action: 'fetch',
  from: '',
  place: '',
  downloadBytes,
  diskBytes,
  rejected: [],
});
const shared = sharedLayout('/r');
const needsOf = (rows: PlanRow[], modelArchiveBytes: number, env: NodeJS.ProcessEnv = {}) =>
  Object.fromEntries(
    diskNeedsOf({ rows, environmentPath: '/r/envs/1' }, shared, { env, modelArchiveBytes }).map(
      ({ what, path, bytes }) => [what, [path, bytes]],
    ),
  );

const ROWS = [row('packages', 46 * MB, 46 * MB), row('model', 91 * MB, 91 * MB)];
const ENVIRONMENT = row('environment', 0, 170 * MB);

it('files of the model move into their folder and count once', () => {
  const needs = needsOf(ROWS, 0);
  expect(needs['downloads']).toEqual([shared.storeDir, 46 * MB]);
  expect(needs['the model']).toEqual([shared.modelsDir, 91 * MB]);
  expect(needs["the model's archive"]).toEqual([shared.storeDir, 0]);
});

it('an archive of the model lies beside what is taken out of it', () => {
  const needs = needsOf([ROWS[0]!, row('model', 84 * MB, 91 * MB)], 84 * MB);
  expect(needs['downloads']).toEqual([shared.storeDir, 46 * MB]);
  expect(needs['the model']).toEqual([shared.modelsDir, 91 * MB]);
  expect(needs["the model's archive"]).toEqual([shared.storeDir, 84 * MB]);
});

it('no model needs no room for one, and an unknown size stays unknown', () => {
  const needs = needsOf([row('python', null, null), ENVIRONMENT], 0);
  expect(needs['the model']).toEqual([shared.modelsDir, 0]);
  expect(needs['downloads']).toEqual([shared.storeDir, null]);
});

it('packages that are copied, not linked, count twice', () => {
  expect(needsOf([ENVIRONMENT], 0)['unpacked packages']).toEqual([shared.runsDir, 0]);
  const copied = needsOf([ENVIRONMENT], 0, { UV_LINK_MODE: 'copy' });
  expect(copied['unpacked packages']).toEqual([shared.runsDir, 170 * MB]);
});
