import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { choosePython, foreignMinors, systemPythonFor } from '../../src/python/python-choice.ts';
import { newPythonDir, recordPython } from '../../src/python/unpacked-python.ts';
import { unavailability } from '../../src/shipped/feature-support.ts';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import type { HostPlatform } from '../../src/shipped/target.ts';
import { SetupError } from '../../src/support/errors.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const host: HostPlatform = {
  platform: 'linux',
  arch: 'x64',
  libc: 'gnu',
  glibcVersion: '2.36',
  macosVersion: null,
};
const sha256 = 'a'.repeat(64);
const features = { core: ['b'.repeat(64)], 'local-embeddings': { unavailable: 'no wheel of onnxruntime' } };
const lock: RuntimeLock = {
  schemaVersion: 1,
  python: { version: '3.13.14', build: '20260610', archives: { 'linux-x64-gnu': sha256 } },
  artefacts: { [sha256]: { file: 'cpython.tar.gz', kind: 'python', bytes: 33, unpackedBytes: null } },
  targets: {
    'linux-x64-gnu-cp311': { minimum: { glibc: '2.17' }, features },
    'linux-x64-gnu-cp313': { minimum: { glibc: '2.17' }, features },
    'linux-arm64-gnu-cp313': { minimum: { glibc: '2.40' }, features },
  },
} as RuntimeLock;

async function choose(change: Partial<Parameters<typeof choosePython>[0]> = {}) {
  return choosePython({
    choice: 'auto',
    lock,
    host,
    features: ['core'],
    pythonDir: await temporaryFolder(),
    env: { PATH: '/usr/bin' },
    isStored: async () => false,
    findObstacles: async () => [],
    ...change,
  });
}

describe('auto', () => {
  it('takes an unpacked managed one without any request', async () => {
    const pythonDir = await temporaryFolder();
    const key = 'cpython-3.13.14-linux-x86_64-gnu';
    const unpackedDir = newPythonDir(pythonDir);
    const bin = join(unpackedDir, key, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'python3'), '');
    await recordPython(unpackedDir, { key, archiveSha256: sha256 });
    const findObstacles = async () => {
      throw new Error('nobody is to be asked');
    };
    expect(await choose({ pythonDir, findObstacles })).toMatchObject({
      kind: 'managed',
      presence: 'unpacked',
      unpackedDir,
    });
  });

  it('then one that is in the store, then one that can be fetched', async () => {
    expect(await choose({ isStored: async () => true })).toMatchObject({ presence: 'stored' });
    expect(await choose()).toMatchObject({
      presence: 'fetch',
      target: 'linux-x64-gnu-cp313',
      version: '3.13.14',
    });
  });

  it('then one of the system, named, with the reason', async () => {
    const decision = await choose({ findObstacles: async () => ['mirror: no such host'] });
    expect(decision).toMatchObject({ kind: 'system', rejected: ['mirror: no such host'] });
    expect(decision.notes.join()).toMatch(/Python 3\.13\.14 is not available here.*\/usr\/bin\/python3/);
  });

  it('else an error that names every source and every interpreter', async () => {
    const error = await choose({
      findObstacles: async () => ['mirror: no such host'],
      lock: { ...lock, targets: { 'linux-x64-gnu-cp313': lock.targets['linux-x64-gnu-cp313']! } },
    }).catch((reason: unknown) => reason as SetupError);
    if (!(error instanceof SetupError)) return expect.unreachable('a 3.13 is on this machine');
    expect(error.failureClass).toBe('network');
    expect(error.evidence[0]).toBe('mirror: no such host');
    expect(error.evidence.join()).toMatch(/\/usr\/bin\/python3\S* is Python 3\./);
    expect(error.nextSteps.join()).toContain('--python <path>');
  });
});

it('managed: no fallback', async () => {
  const choice = choose({ choice: 'managed', findObstacles: async () => ['mirror: no such host'] });
  await expect(choice).rejects.toMatchObject({ failureClass: 'network', evidence: ['mirror: no such host'] });
});

it('system: the managed one is not looked at', async () => {
  const decision = await choose({ choice: 'system', isStored: async () => true });
  expect(decision).toMatchObject({ kind: 'system', rejected: [], notes: [] });
});

it('a path: that one or an error that says why', async () => {
  expect(await choose({ choice: { path: '/usr/bin/python3' } })).toMatchObject({ kind: 'system' });
  const error = await choose({ choice: { path: '/bin/sh' } }).catch((reason: SetupError) => reason);
  expect(error).toMatchObject({ failureClass: 'platform', evidence: ['--python /bin/sh'] });
  expect((error as SetupError).remedies.map(({ label }) => label)).toEqual([
    expect.stringMatching(/^Use one of Python 3\.\d+(?:, 3\.\d+)*$/),
    'Let ktx choose one',
  ]);
});

it('a platform or feature that is not locked is refused by name', async () => {
  const musl = { ...host, libc: 'musl' as const, glibcVersion: null };
  await expect(choose({ host: musl })).rejects.toThrow('core cannot be installed on linux-x64-musl.');
  await expect(choose({ features: ['core', 'local-embeddings'] })).rejects.toMatchObject({
    evidence: expect.arrayContaining(['Python 3.13: no wheel of onnxruntime']),
    nextSteps: ['Install without embeddings: ktx setup --feature core'],
  });
});

it('a Python that is too new for embeddings is named with the reason, and core is offered', async () => {
  const embeddings = { minimum: { glibc: '2.17' }, artefacts: ['b'.repeat(64)] };
  const targets = {
    'linux-x64-gnu-cp311': lock.targets['linux-x64-gnu-cp311']!,
    'linux-x64-gnu-cp313': {
      minimum: { glibc: '2.17' },
      features: { core: ['b'.repeat(64)], 'local-embeddings': embeddings },
    },
  };
  const wanted = { choice: 'system', lock: { ...lock, targets } } as const;
  const error = await choose({ ...wanted, features: ['core', 'local-embeddings'] }).catch((reason) => reason);
  if (!(error instanceof SetupError)) return expect.unreachable('a 3.13 is on this machine');
  expect(error.evidence.join()).toMatch(/python3\S* is Python 3\.11\.\d+; no wheel of onnxruntime/);
  expect(error.nextSteps[0]).toBe('Install without embeddings: ktx setup --feature core');
});

it('each interpreter that was passed over is named with the reason', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'python3'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
  const decision = await choose({ choice: 'system', env: { PATH: `${folder}:/usr/bin` } });
  expect(decision).toMatchObject({
    kind: 'system',
    rejected: expect.arrayContaining([`${join(folder, 'python3')} does not run: it ended with exit code 7`]),
  });
});

it('another name of the chosen interpreter is not one that was passed over', async () => {
  const found = await choose({ choice: 'system' });
  if (found.kind !== 'system') return expect.unreachable('a Python is on this machine');
  const folder = await temporaryFolder();
  // As a version manager's shims have it: each name leads to another link.
  for (const name of ['python3', 'python']) {
    await symlink(found.path, join(folder, `${name}-linked`));
    const shim = `#!/bin/sh\nexec '${join(folder, `${name}-linked`)}' "$@"\n`;
    await writeFile(join(folder, name), shim, { mode: 0o755 });
  }
  const decision = await choose({ choice: 'system', env: { PATH: folder } });
  expect(decision).toMatchObject({ kind: 'system', version: found.version });
  const { rejected = [] } = decision as { rejected?: string[] };
  expect(rejected.filter((text) => text.includes(`is Python ${found.version} and fits`))).toEqual([]);
});

it('unavailability says which minimum is not met', () => {
  const arm = { ...host, arch: 'arm64' };
  expect(unavailability(lock, arm, '3.13', ['core'])).toBe('needs glibc 2.40 or newer; this system has 2.36');
  expect(unavailability(lock, host, '3.13', ['core'])).toBeNull();
  expect(unavailability(lock, host, '3.12', ['core'])).toContain('nothing is locked');
});

it('a feature may ask for a newer system than its target', () => {
  const wheels = { minimum: { glibc: '2.28' }, artefacts: ['b'.repeat(64), 'c'.repeat(64)] };
  const targets = {
    'linux-x64-gnu-cp313': {
      minimum: { glibc: '2.17' },
      features: { core: ['b'.repeat(64)], 'local-embeddings': wheels },
    },
  };
  const both = ['core', 'local-embeddings'] as const;
  const old = { ...host, glibcVersion: '2.26' };
  expect(unavailability({ ...lock, targets }, old, '3.13', ['core'])).toBeNull();
  expect(unavailability({ ...lock, targets }, old, '3.13', both)).toBe(
    'needs glibc 2.28 or newer; this system has 2.26',
  );
  expect(unavailability({ ...lock, targets }, host, '3.13', both)).toBeNull();
});

describe('where no interpreter of this machine fits', () => {
  const features399 = {
    core: ['b'.repeat(64)],
    'local-embeddings': { unavailable: 'no wheel of onnxruntime' },
  };
  const rare: RuntimeLock = {
    ...lock,
    python: { ...lock.python, version: '3.99.1' },
    targets: {
      'linux-x64-gnu-cp399': { minimum: { glibc: '2.17' }, features: features399 },
      'linux-x64-gnu-cp398': { minimum: { glibc: '2.17' }, features: features399 },
    },
  } as RuntimeLock;
  const failure = async (change: Parameters<typeof choose>[0]) => {
    const error = await choose({ lock: rare, env: { PATH: await temporaryFolder() }, ...change }).catch(
      (reason: unknown) => reason,
    );
    if (!(error instanceof SetupError)) return expect.unreachable('it was chosen');
    const { message, failureClass, evidence, nextSteps } = error;
    return { message, failureClass, evidence: evidence.filter((line) => !line.startsWith('/')), nextSteps };
  };
  const byHand = [
    "Install Python 3.98, 3.99 with your system's package manager, then run: ktx setup",
    'Name an interpreter: ktx setup --python <path>',
    expect.stringContaining('UV_PYTHON_INSTALL_MIRROR=<url>'),
  ];

  it('the slow source of the managed one is waited for', async () => {
    const asked: boolean[] = [];
    const findObstacles = async (_archive: unknown, isPatient: boolean) => {
      asked.push(isPatient);
      return isPatient ? [] : ['mirror is slow'];
    };
    const found = await choose({ lock: rare, findObstacles });
    expect(found).toEqual({
      kind: 'managed',
      version: '3.99.1',
      target: 'linux-x64-gnu-cp399',
      archive: { sha256, file: 'cpython.tar.gz', kind: 'python', sizeBytes: 33, unpackedBytes: null },
      presence: 'fetch',
      unpackedDir: null,
      notes: [],
    });
    expect(asked).toEqual([false, true]);
  });

  it('all that was tried is named', async () => {
    expect(await failure({ findObstacles: async () => ['mirror: no such host'] })).toEqual({
      message: 'No Python for the runtime: none can be fetched and none on this machine fits.',
      failureClass: 'network',
      evidence: ['mirror: no such host'],
      nextSteps: byHand,
    });
  });

  it('the network is not blamed for what was never asked', async () => {
    expect(await failure({ choice: 'system' })).toMatchObject({ failureClass: 'platform', evidence: [] });
    const noArchive = { ...rare, python: { ...rare.python, archives: {} } };
    expect(await failure({ lock: noArchive })).toMatchObject({ failureClass: 'platform', nextSteps: byHand });
    const otherMinor = { ...rare, python: { ...rare.python, version: '3.90.1' } };
    expect(await failure({ lock: otherMinor })).toMatchObject({ failureClass: 'platform' });
  });

  it('managed: what the lock has, and what could be done', async () => {
    const nextSteps = [
      expect.stringContaining('--python system'),
      expect.stringContaining('UV_PYTHON_INSTALL_MIRROR'),
    ];
    const message = 'Python 3.99.1 for linux-x64-gnu cannot be fetched.';
    expect(
      await failure({
        choice: 'managed',
        findObstacles: async (_archive, isPatient) => [`patient: ${isPatient}`],
      }),
    ).toEqual({ message, failureClass: 'network', evidence: ['patient: true'], nextSteps });
    expect(
      await failure({ choice: 'managed', lock: { ...rare, python: { ...rare.python, archives: {} } } }),
    ).toEqual({
      message,
      failureClass: 'platform',
      evidence: ['the lock names no archive for linux-x64-gnu'],
      nextSteps,
    });
  });

  it('a version that is not supported is refused by name', async () => {
    expect(await failure({ choice: { version: '3.90' } })).toEqual({
      message: 'Python 3.90 cannot be used for the runtime.',
      failureClass: 'platform',
      evidence: ['no packages are locked for Python 3.90 on linux-x64-gnu'],
      nextSteps: [
        'Use Python 3.99 or 3.98: ktx setup --python 3.99',
        'Let ktx choose one: ktx setup --python auto',
      ],
    });
    const only = {
      ...rare,
      targets: {
        'linux-x64-gnu-cp399': { minimum: { glibc: '2.17' }, features: { core: ['b'.repeat(64)] } },
        'linux-x64-gnu-cp398': { minimum: { glibc: '2.99' }, features: { core: ['b'.repeat(64)] } },
      },
    } as unknown as RuntimeLock;
    expect(await failure({ choice: { version: '3.98.1' }, lock: only })).toMatchObject({
      evidence: ['core: needs glibc 2.99 or newer; this system has 2.36'],
      nextSteps: ['Use Python 3.99: ktx setup --python 3.99', 'Let ktx choose one: ktx setup --python auto'],
    });
  });

  it.each([
    ['3.99', true],
    ['3.99.1', true],
    ['3.99.10', false],
    ['3.99.2', false],
  ])('the managed 3.99.1 is what was meant by %s: %s', async (version, isWanted) => {
    const found = await choose({ lock: rare, choice: { version } }).catch((error: SetupError) => error);
    expect('kind' in (found as object)).toBe(isWanted);
  });

  it('a platform without any lock says so, and offers nothing', async () => {
    const musl = { ...host, libc: 'musl' as const, glibcVersion: null };
    expect(await failure({ host: musl })).toEqual({
      message: 'core cannot be installed on linux-x64-musl.',
      failureClass: 'platform',
      evidence: ['no packages are locked for linux-x64-musl'],
      nextSteps: [],
    });
    expect(await failure({ features: ['core', 'local-embeddings'] })).toEqual({
      message: 'core and local-embeddings cannot be installed on linux-x64-gnu.',
      failureClass: 'platform',
      evidence: ['Python 3.99: no wheel of onnxruntime', 'Python 3.98: no wheel of onnxruntime'],
      nextSteps: ['Install without embeddings: ktx setup --feature core'],
    });
  });

  it('for a wheel without a lock names the same', async () => {
    const search = { minors: ['3.99'], host, env: { PATH: await temporaryFolder() } };
    const error = await systemPythonFor('system', ['offline'], search).catch((reason: SetupError) => reason);
    expect(error).toMatchObject({ failureClass: 'network', evidence: expect.arrayContaining(['offline']) });
    const atPath = systemPythonFor({ path: '/usr/bin/python3' }, [], search);
    await expect(atPath).rejects.toThrow(
      /^The Python at \/usr\/bin\/python3 cannot be used: it is Python 3\.\d+\.\d+; /,
    );
  });
});

it.each([
  ['>=3.11', '3.11', ['3.13', '3.12', '3.14', '3.11', '3.15']],
  ['>=3.11,<3.13', '3.11', ['3.12', '3.11']],
  ['>=3.11, < 3.14', '3.11', ['3.13', '3.12', '3.11']],
  ['>=3.13', '3.13', ['3.13', '3.14', '3.15']],
  ['>=3.11', '3.12', ['3.12']],
  ['>=3.11', '3.99', []],
])('a wheel that wants %s, asked for with %s, may have %j', (specifier, request, expected) => {
  // Later ones that a lock may come to have do not matter here.
  const found = foreignMinors(specifier, request).filter((minor) => Number(minor.slice(2)) <= 15);
  expect(found).toEqual(expected);
});
