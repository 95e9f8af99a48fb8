import { describe, expect, it } from 'vitest';
import { sharedLayout } from '../../../src/core/layout.ts';
import { generateRequirements } from '../../../src/setup/build/requirements.ts';
import { diskNeedsOf } from '../../../src/setup/plan/disk-needs.ts';
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

describe('every row', () => {
  const locked = facts.locked!;
  const managed = locked.python as Extract<typeof locked.python, { kind: 'managed' }>;
  const rowsOf = (change: Partial<typeof locked>, more: Partial<PlanFacts> = {}) =>
    Object.fromEntries(
      summarisePlan({ ...facts, ...more, locked: { ...locked, ...change } }).rows.map(({ id, ...row }) => [
        id,
        row,
      ]),
    );

  it('says what is done, from where, and what it takes', () => {
    expect(rowsOf({})).toEqual({
      uv: {
        label: 'uv 0.11.21',
        action: 'fetch',
        from: 'your package index',
        place: 'pypi.example',
        downloadBytes: 25,
        diskBytes: 85,
        rejected: ['mirror: no such host'],
      },
      python: {
        label: 'Python 3.13.14',
        action: 'fetch',
        from: 'official builds',
        place: 'mirror.example',
        downloadBytes: 33,
        diskBytes: 133,
        rejected: [],
      },
      packages: {
        label: '2 packages',
        action: 'fetch',
        from: 'your package index',
        place: 'pypi.example',
        downloadBytes: 10,
        diskBytes: 10,
        rejected: [],
      },
      environment: {
        label: 'environment',
        action: 'make',
        from: '',
        place: '/r/0.3.0/envs/7f3c',
        downloadBytes: 0,
        diskBytes: 45,
        rejected: [],
      },
    });
  });

  it('uv that is here takes nothing', () => {
    const { uv } = rowsOf({}, { uv: { ...facts.uv, artefact: null } });
    expect(uv).toMatchObject({ action: 'here', downloadBytes: 0, diskBytes: 0 });
  });

  it.each([
    ['unpacked', { action: 'here', downloadBytes: 0, diskBytes: 0 }],
    ['stored', { action: 'here', downloadBytes: 0, diskBytes: 100 }],
    ['fetch', { action: 'fetch', downloadBytes: 33, diskBytes: 133 }],
  ] as const)('a managed Python that is there as %s', (presence, row) => {
    const plan = summarisePlan({ ...facts, locked: { ...locked, python: { ...managed, presence } } });
    expect(plan.rows[1]).toMatchObject(row);
    expect(plan.fileCount).toBe(presence === 'fetch' ? 3 : 2);
    expect(plan.python).toEqual({ kind: 'managed', version: '3.13.14', path: null });
  });

  it('a Python of the system says what it is and what lost', () => {
    const python = {
      kind: 'system',
      version: '3.11.2',
      path: '/usr/bin/python3',
      target: 'linux-x64-gnu-cp311',
      notes: [],
      rejected: ['mirror: no such host'],
    } as const;
    const plan = summarisePlan({
      ...facts,
      locked: { ...locked, python: { ...python, notes: [], rejected: [...python.rejected] } },
    });
    expect(plan.rows[1]).toMatchObject({
      action: 'here',
      downloadBytes: 0,
      diskBytes: 0,
      rejected: python.rejected,
    });
    expect(plan).toMatchObject({
      target: 'linux-x64-gnu-cp311',
      python: { kind: 'system', version: '3.11.2', path: '/usr/bin/python3' },
      fileCount: 2,
    });
  });

  it('packages that are all here', () => {
    expect(rowsOf({ missingWheels: [] })['packages']).toMatchObject({
      action: 'here',
      downloadBytes: 0,
      diskBytes: 0,
    });
    expect(rowsOf({ wheels: [artefact({})] })['packages']).toMatchObject({ label: '1 package' });
  });

  it('a model to fetch, and one that is here', () => {
    const model = {
      label: 'embedding model',
      toFetch: [artefact({ kind: 'model', sizeBytes: 7 }), artefact({ kind: 'model', sizeBytes: 8 })],
      diskBytes: 15,
      origin: { from: 'model hub', place: 'hub.example' },
      rejected: ['hub: 403'],
    };
    const row = {
      label: 'embedding model',
      action: 'fetch',
      from: 'model hub',
      place: 'hub.example',
      downloadBytes: 15,
      diskBytes: 15,
      rejected: ['hub: 403'],
    };
    const plan = summarisePlan({ ...facts, locked: { ...locked, model } });
    expect(plan.rows.map(({ id }) => id)).toEqual(['uv', 'python', 'packages', 'model', 'environment']);
    expect(rowsOf({ model })['model']).toEqual(row);
    expect(plan).toMatchObject({ fileCount: 5, downloadBytes: 83 });
    const here = rowsOf({ model: { ...model, toFetch: [], diskBytes: 0 } })['model'];
    expect(here).toEqual({ ...row, action: 'here', downloadBytes: 0, diskBytes: 0 });
  });

  it('uv without a known size is fetched, and not counted', () => {
    const uv = { ...facts.uv, artefact: artefact({ sizeBytes: null }) };
    const plan = summarisePlan({ ...facts, uv });
    expect(plan.rows[0]).toMatchObject({ action: 'fetch', downloadBytes: null, diskBytes: null });
    expect(plan.fileCount).toBe(2);
  });

  it('of a wheel without a lock promises nothing', () => {
    const plan = summarisePlan({ ...facts, locked: null, notes: ['a note'] });
    const unknown = { place: '', downloadBytes: null, diskBytes: null, rejected: [] };
    expect(plan).toEqual({
      features: ['core'],
      target: 'as uv resolves it',
      python: { kind: 'managed', version: '3.13', path: null },
      rows: [
        expect.objectContaining({ id: 'uv' }),
        { id: 'python', label: 'Python 3.13', action: 'fetch', from: 'as uv finds it', ...unknown },
        { id: 'packages', label: 'packages', action: 'fetch', from: 'as uv resolves them', ...unknown },
        {
          id: 'environment',
          label: 'environment',
          action: 'make',
          from: '',
          place: '/r/0.3.0/envs/7f3c',
          downloadBytes: 0,
          diskBytes: null,
          rejected: [],
        },
      ],
      hosts: ['mirror.example', 'pypi.example'],
      hasOpenHosts: true,
      fileCount: null,
      downloadBytes: null,
      diskBytes: null,
      freeBytes: 1000,
      environmentPath: '/r/0.3.0/envs/7f3c',
      notes: ['a note'],
    });
  });
});

describe('what a plan needs on the disk', () => {
  const shared = sharedLayout('/r');
  const needs = (env: NodeJS.ProcessEnv, summary = summarisePlan(facts)) =>
    diskNeedsOf(summary, shared, { env, modelArchiveBytes: 9 }).map(({ what, path, bytes }) => [
      what,
      path,
      bytes,
    ]);
  it('is named by place', () => {
    expect(needs({})).toEqual([
      ['the environment', '/r/0.3.0/envs/7f3c', 45],
      ['downloads', shared.storeDir, 68],
      ['uv', shared.root, 85],
      ['Python', shared.pythonDir, 133],
      ['the model', shared.modelsDir, 0],
      ["the model's archive", shared.storeDir, 9],
      ['unpacked packages', shared.runsDir, 0],
    ]);
    expect(needs({ UV_LINK_MODE: 'hardlink' }).at(-1)).toEqual(['unpacked packages', shared.runsDir, 0]);
    expect(needs({ UV_LINK_MODE: 'copy' }).at(-1)).toEqual(['unpacked packages', shared.runsDir, 45]);
  });
  it('without rows is not known', () => {
    const none = { ...summarisePlan(facts), rows: [] };
    expect(needs({}, none).map(([, , bytes]) => bytes)).toEqual([null, 0, null, null, 0, 9, 0]);
  });
  it('counts a model in its folder, not as a download', () => {
    const row = {
      ...summarisePlan(facts).rows[0]!,
      id: 'model' as const,
      downloadBytes: 100,
      diskBytes: 100,
    };
    const summary = { ...summarisePlan(facts), rows: [row] };
    expect(
      needs({}, summary)
        .slice(1, 5)
        .map(([, , bytes]) => bytes),
    ).toEqual([0, null, null, 100]);
  });
});
