import { expect, it } from 'vitest';
import { generateRequirements } from '../../../src/setup/build/requirements.ts';
import { type PlanFacts, summarisePlan } from '../../../src/setup/plan/plan-summary.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';

const artefact = (change: Partial<Artefact>): Artefact => ({
  sha256: 'a'.repeat(64),
  file: 'x-1-py3-none-any.whl',
  kind: 'wheel',
  sizeBytes: 10,
  unpackedBytes: 30,
  ...change,
});

const facts: PlanFacts = {
  features: ['core'],
  environmentPath: '/r/0.3.0/envs/7f3c',
  freeBytes: 1000,
  uv: {
    version: '0.11.21',
    artefact: artefact({ sizeBytes: 25, unpackedBytes: 60 }),
    origin: { from: 'your package index', place: 'pypi.example' },
    rejected: ['mirror: no such host'],
  },
  locked: {
    python: {
      kind: 'managed',
      version: '3.13.14',
      target: 'linux-x64-gnu-cp313',
      archive: artefact({ kind: 'python', sizeBytes: 33, unpackedBytes: 100 }),
      presence: 'fetch',
      unpackedDir: null,
      notes: [],
    },
    pythonOrigin: { from: 'official builds', place: 'mirror.example' },
    wheels: [artefact({}), artefact({ sizeBytes: 5, unpackedBytes: 15 })],
    missingWheels: [artefact({})],
    wheelOrigin: { from: 'your package index', place: 'pypi.example' },
    model: null,
  },
  requiresPython: '3.13',
  hosts: ['pypi.example', 'mirror.example', 'pypi.example'],
  notes: [],
};

it('sums what is fetched and what it takes on the disk', () => {
  const plan = summarisePlan(facts);
  expect(plan.downloadBytes).toBe(25 + 33 + 10);
  // uv and Python unpacked with their kept archives, the kept wheel, the environment.
  expect(plan.diskBytes).toBe(60 + 25 + 100 + 33 + 10 + 45);
  expect(plan.fileCount).toBe(3);
  expect(plan.hosts).toEqual(['mirror.example', 'pypi.example']);
  expect(plan.rows.map(({ id, action }) => [id, action])).toEqual([
    ['uv', 'fetch'],
    ['python', 'fetch'],
    ['packages', 'fetch'],
    ['environment', 'make'],
  ]);
});

it('uv that is unpacked from the store is here, and takes room', () => {
  const kept = { ...facts.uv, artefact: artefact({ sizeBytes: 0, unpackedBytes: 60 }) };
  const [row] = summarisePlan({ ...facts, uv: kept }).rows;
  expect(row).toMatchObject({ action: 'here', downloadBytes: 0, diskBytes: 60 });
});

it('unknown is not zero', () => {
  const python = { ...facts.locked!.python, archive: artefact({ kind: 'python', sizeBytes: null }) };
  const plan = summarisePlan({ ...facts, locked: { ...facts.locked!, python: python as never } });
  expect(plan.downloadBytes).toBeNull();
});

it('a foreign wheel has a plan that promises no sizes', () => {
  const plan = summarisePlan({ ...facts, locked: null });
  expect(plan).toMatchObject({ downloadBytes: null, diskBytes: null, fileCount: null, hasOpenHosts: true });
  expect(summarisePlan(facts)).not.toHaveProperty('hasOpenHosts');
});

it('requirements name every byte, with addresses that survive spaces, commas and letters', () => {
  const text = generateRequirements({
    lockedRequirements: 'idna==3.20 \\\n    --hash=sha256:aa\n',
    artefactPaths: ['/r é, 漢/store/aa/idna.whl', '/r é, 漢/store/aa/other.whl'],
    distribution: 'kaelio-ktx',
    extras: ['local-embeddings'],
    wheelPath: '/a b/kaelio_ktx.whl',
    wheelSha256: 'ff',
  });
  expect(text).toBe(
    [
      '--no-index',
      '--find-links file:///r%20%C3%A9,%20%E6%BC%A2/store/aa',
      'kaelio-ktx[local-embeddings] @ file:///a%20b/kaelio_ktx.whl --hash=sha256:ff',
      'idna==3.20 \\',
      '    --hash=sha256:aa',
      '',
    ].join('\n'),
  );
});
