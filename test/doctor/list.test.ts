import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTables } from '../../scripts/doctor-docs.mjs';
import { DOCTOR_CHECKS } from '../../src/doctor/all-checks.ts';
import { CHECK_COSTS, CHECK_GROUPS, REPAIR_IDS } from '../../src/doctor/checks/check.ts';
import { composeRepairs } from '../../src/doctor/offered-repairs.ts';
import { REPAIRS } from '../../src/doctor/repairs/list.ts';
import { withDependencies } from '../../src/doctor/schedule.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { DEMO_DETAILS, demoResults } from '../pty/demo-doctor.ts';

const ids = DOCTOR_CHECKS.map(({ id }) => id);

describe('the list of checks', () => {
  it('has each id once, and no check waits for itself', () => {
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, dependsOn } of DOCTOR_CHECKS) {
      for (const below of dependsOn) expect(ids).toContain(below);
      const all = withDependencies(DOCTOR_CHECKS, dependsOn).map((check) => check.id);
      expect(all).not.toContain(id);
    }
  });

  it('shows each group in one piece, in the order of the groups', () => {
    const groups = DOCTOR_CHECKS.map(({ group }) => group).filter(
      (group, index, all) => group !== all[index - 1],
    );
    expect(groups).toEqual(CHECK_GROUPS.filter((group) => groups.includes(group)));
  });

  it('says of each why it matters', () => {
    for (const { id, why, cost } of DOCTOR_CHECKS) {
      expect([id, why]).toEqual([id, expect.stringMatching(/^\S.*\.$/)]);
      expect(CHECK_COSTS).toContain(cost);
    }
  });

  it('needs no network and no hashing for what runs by default', () => {
    const byId = new Map(DOCTOR_CHECKS.map((check) => [check.id, check]));
    for (const { cost, dependsOn } of DOCTOR_CHECKS)
      if (cost === 'offline') for (const id of dependsOn) expect(byId.get(id)?.cost).toBe('offline');
  });

  it('is what docs/doctor.md says; node scripts/doctor-docs.mjs writes it', async () => {
    const text = await readFile(join(PACKAGE_ROOT, 'docs', 'doctor.md'), 'utf8');
    expect(withTables(text)).toBe(text);
  });
});

it('is what the demo shows, check by check', () => {
  expect(Object.keys(DEMO_DETAILS).sort()).toEqual([...ids].sort());
  expect(demoResults().map(({ id }) => id)).toEqual(
    DOCTOR_CHECKS.filter(({ cost }) => cost === 'offline').map(({ id }) => id),
  );
  const broken = demoResults({ isBroken: true });
  expect(broken.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual(['interpreter']);
  expect(broken.find(({ id }) => id === 'environment')?.status).toBe('skipped');
});

describe('the list of repairs', () => {
  it('has one for each id', () => expect(REPAIRS.map(({ id }) => id)).toEqual(REPAIR_IDS));

  it.each([
    [
      ['rebuild-environment', 'mend-permissions'],
      ['mend-permissions', 'rebuild-environment'],
    ],
    [['rewrite-manifest', 'rebuild-environment', 'restore-previous'], ['rebuild-environment']],
    [['rewrite-manifest', 'restore-previous'], ['restore-previous']],
    [
      ['rebuild-environment', 'replace-uv', 'replace-uv'],
      ['replace-uv', 'rebuild-environment'],
    ],
    [[], []],
  ] as const)('%j become %j', (wanted, expected) => expect(composeRepairs(wanted)).toEqual(expected));
});
