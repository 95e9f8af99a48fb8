import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { type ManagedPythonRuntimeLayout, managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { type KernelDoctorOptions, runKernelDoctor } from '../../src/doctor/kernel-doctor.ts';
import {
  ANALYSIS_CHECK,
  EMBEDDING_CHECK,
  type Expected,
  IMPORT_CHECK,
  KERNEL_CHECK,
  pythonVersionOf,
  type SessionCheck,
  VERSIONS_CHECK,
} from '../../src/doctor/session-checks.ts';
import type { KernelExecuteResult, KernelStartOptions } from '../../src/kernel/types.ts';
import { REFERENCE_VECTOR } from '../../src/proof/reference-vector.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { writeAsset, writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const EXPECTED: Expected = {
  prefix: '/env',
  wheelName: () => 'kaelio-ktx',
  wheelVersion: () => '0.1.0',
  packagesFor: () => null,
};

const judge = (check: SessionCheck, value: unknown, expected: Partial<Expected> = {}) =>
  check.judge(value, { ...EXPECTED, ...expected }, { pythonVersion: '3.13.1' });

describe('what a session answers', () => {
  test('the interpreter of the environment, or of another', () => {
    const answer = { version: '3.13.1', executable: '/env/bin/python', prefix: '/env' };
    expect(judge(KERNEL_CHECK, answer)).toBe('Python 3.13.1 (/env/bin/python)');
    expect(pythonVersionOf(answer)).toBe('3.13.1');
    expect(() => judge(KERNEL_CHECK, { ...answer, prefix: '/other' })).toThrow(
      'The interpreter belongs to another environment: sys.prefix is /other',
    );
  });

  test('the module and its version', () => {
    expect(judge(IMPORT_CHECK, { module: 'ktx_daemon', version: '0.1.0' })).toBe('ktx_daemon 0.1.0');
  });

  const OWN = { name: 'Kaelio_ktx', version: '0.1.0' };
  const SIX = { name: 'six', version: '1' };
  test.each([
    ['without a lock only the wheel', [OWN, SIX], null, 'kaelio-ktx 0.1.0'],
    [
      'as locked',
      [OWN, { name: 'SIX', version: '1' }],
      [['six', '1']],
      'kaelio-ktx 0.1.0 and 1 packages as locked',
    ],
  ] as const)('packages: %s', (_, found, locked, detail) => {
    expect(judge(VERSIONS_CHECK, found, { packagesFor: () => locked && new Map(locked) })).toBe(detail);
  });

  test.each([
    ['the wheel is missing', [SIX], 'kaelio-ktx is missing, the manifest says 0.1.0'],
    ['the wheel is another', [{ ...OWN, version: '0.0.9' }], 'kaelio-ktx is 0.0.9, the manifest says 0.1.0'],
    ['one is missing', [OWN], 'six 1 is missing'],
    ['one is of another version', [OWN, { ...SIX, version: '2' }], 'six is 2 instead of 1'],
    ['one is there twice', [OWN, SIX, SIX], 'six is there twice'],
    ['one is too many', [OWN, SIX, { name: 'a', version: '3' }], 'a 3 is not in the lock'],
    [
      'five are told',
      [OWN, SIX, ...['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, version: '1' }))],
      'a 1 is not in the lock; b 1 is not in the lock; c 1 is not in the lock; d 1 is not in the lock; e 1 is not in the lock',
    ],
    [
      'more are counted',
      [OWN, ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, version: '1' }))],
      'a 1 is not in the lock; b 1 is not in the lock; c 1 is not in the lock; d 1 is not in the lock; e 1 is not in the lock; 2 more',
    ],
  ])('packages: %s', (_, found, message) => {
    const packagesFor = () => new Map([['six', '1']]);
    expect(() => judge(VERSIONS_CHECK, found, { packagesFor })).toThrow(new Error(message));
  });

  const TABLES = [
    { db: 'sales', name: 'orders' },
    { db: 'sales', name: 'customers' },
  ];
  test('the tables of a statement', () => {
    expect(judge(ANALYSIS_CHECK, { tables: TABLES, error: null, ms: 12.6 })).toBe('13 ms');
  });
  test.each([
    ['an error', { tables: TABLES, error: 'no dialect', ms: 1 }, 'no dialect'],
    [
      'other tables',
      { tables: [TABLES[0], { db: null, name: 'recent' }], error: null, ms: 1 },
      'Found recent, sales.orders instead of sales.customers, sales.orders',
    ],
    [
      'no table',
      { tables: [], error: null, ms: 1 },
      'Found no table instead of sales.customers, sales.orders',
    ],
  ])('a statement that gives %s', (_, value, message) => {
    expect(() => judge(ANALYSIS_CHECK, value)).toThrow(new Error(message));
  });

  const moved = (by: number) => REFERENCE_VECTOR.map((number, index) => (index === 7 ? number + by : number));
  test.each([0, 9e-6, -9e-6])('a vector %d off its reference is the same', (by) => {
    expect(judge(EMBEDDING_CHECK, { vector: moved(by), ms: 12.4 })).toBe(
      'all-MiniLM-L6-v2, 384 dimensions, 12 ms',
    );
  });
  test.each([
    ['too far', moved(2e-5), /^The vector differs from its reference by 0\.000020$/],
    ['too short', REFERENCE_VECTOR.slice(1), /^The vector has 383 numbers instead of 384$/],
    ['with text', ['nan', ...REFERENCE_VECTOR.slice(1)], /^The vector has a number that is none$/],
  ])('a vector that is %s', (_, vector, message) => {
    expect(() => judge(EMBEDDING_CHECK, { vector, ms: 1 })).toThrow(message);
  });
});

type Answer = Partial<KernelExecuteResult> & {
  json?: unknown;
  other?: boolean;
  chunks?: string[];
  rejects?: string;
};

/** A runtime with our wheel, and a session that answers by the id of the check. */
async function session(answers: Record<string, Answer>, change: { proof?: object; locked?: boolean } = {}) {
  const root = await temporaryFolder();
  const assetDir = await writeAsset(join(root, 'asset'));
  if (change.locked) {
    const { cp } = await import('node:fs/promises');
    const { PACKAGE_ROOT } = await import('../../src/support/package-root.ts');
    await cp(join(PACKAGE_ROOT, 'assets', 'python'), assetDir, {
      recursive: true,
      filter: (path) => !path.includes('assets/python/wheel'),
    });
  }
  const runtimeRoot = join(root, 'runtime');
  const manifest = await writeRuntime(runtimeRoot, '0.3.0');
  if (change.proof) {
    const asset = {
      ...manifest.asset,
      proof: change.proof,
      distributionName: 'Acme.Tool',
      normalizedName: 'acme_tool',
    };
    await writeFile(join(runtimeRoot, '0.3.0', 'manifest.json'), JSON.stringify({ ...manifest, asset }));
  }
  const layout: ManagedPythonRuntimeLayout = managedPythonRuntimeLayout({
    cliVersion: '0.3.0',
    runtimeRoot,
    assetDir,
    env: {},
    homeDir: root,
  });
  await mkdir(layout.venvDir, { recursive: true });
  const asked: { id: string; timeoutMs: number | undefined }[] = [];
  const started: KernelStartOptions[] = [];
  let hasEnded = false;
  const idOf = (code: string) =>
    /def ktx_(\w+)\(/.exec(code)?.[1] ?? (code.includes('sys.prefix') ? 'kernel' : 'unknown');
  const startKernel = async (options: KernelStartOptions) => {
    started.push(options);
    return {
      execute: async (
        code: string,
        options: Parameters<import('../../src/kernel/python-kernel.ts').PythonKernel['execute']>[1] = {},
      ) => {
        const id = idOf(code);
        asked.push({ id, timeoutMs: options.timeoutMs });
        const { json, chunks = [], rejects, other, ...result } = answers[id] ?? {};
        if (rejects) throw new Error(rejects);
        for (const chunk of chunks) await options.onChunk?.(chunk);
        if (other) await options.onDisplay?.({ type: 'text', data: '5' } as never);
        if (json !== undefined) await options.onDisplay?.({ type: 'json', data: json } as never);
        return {
          status: 'ok',
          cancelled: false,
          timedOut: false,
          stdinRequested: false,
          ...result,
        } as KernelExecuteResult;
      },
      shutdown: async () => {
        hasEnded = true;
        return { confirmed: true };
      },
    };
  };
  const examine = (options: Partial<KernelDoctorOptions> = {}) =>
    runKernelDoctor({
      layout,
      features: ['core'],
      cliVersion: '0.3.0',
      startKernel: startKernel as never,
      ...options,
    });
  return { examine, layout, asked, started, hasEnded: () => hasEnded };
}

const kernel = (prefix: string): Answer => ({ json: { version: '3.13.1', executable: '/py', prefix } });
const HEALTHY: Record<string, Answer> = {
  import: { json: { module: 'ktx_daemon', version: '0.1.0' } },
  versions: { json: [{ name: 'kaelio-ktx', version: '0.1.0' }] },
};

/** The answers of a healthy session, once the environment is known. */
async function healthy(more: Record<string, Answer> = {}, change: Parameters<typeof session>[1] = {}) {
  const answers: Record<string, Answer> = { ...HEALTHY, ...more };
  const world = await session(answers, change);
  answers['kernel'] ??= kernel(world.layout.venvDir);
  return world;
}

describe('one session for all checks', () => {
  it('asks one after the other, each with its time, writes no bytecode and ends', async () => {
    const { examine, asked, started, layout, hasEnded } = await healthy();
    const before = Date.now();
    expect(await examine()).toEqual([
      { id: 'kernel', label: 'Python session', status: 'pass', detail: 'Python 3.13.1 (/py)' },
      { id: 'import', label: 'ktx Python package', status: 'pass', detail: 'ktx_daemon 0.1.0' },
      { id: 'versions', label: 'Package versions', status: 'pass', detail: 'kaelio-ktx 0.1.0' },
    ]);
    expect(asked).toEqual([
      { id: 'kernel', timeoutMs: 10_000 },
      { id: 'import', timeoutMs: 30_000 },
      { id: 'versions', timeoutMs: 10_000 },
    ]);
    const [{ deadlineMs, ...options }] = started as [KernelStartOptions];
    expect(options).toEqual({
      pythonPath: layout.pythonPath,
      cwd: layout.versionDir,
      env: { PYTHONDONTWRITEBYTECODE: '1', KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir(layout.runtimeRoot) },
      signal: undefined,
    });
    expect(deadlineMs! - before).toBeGreaterThanOrEqual(10_000);
    expect(deadlineMs! - before).toBeLessThan(60_000);
    expect(hasEnded()).toBe(true);
  });

  it('a locked runtime also analyses SQL, and computes a vector where it can', async () => {
    const { examine, asked } = await healthy(
      { analysis: { json: { tables: [], error: 'x', ms: 1 } }, embedding: { json: { vector: [], ms: 1 } } },
      { locked: true },
    );
    const found = await examine({ features: ['local-embeddings'], timeouts: { analysis: 7 } });
    expect(asked.map(({ id }) => id)).toEqual(['kernel', 'import', 'versions', 'analysis', 'embedding']);
    expect(asked.slice(3).map(({ timeoutMs }) => timeoutMs)).toEqual([7, 120_000]);
    // The other packages of the lock are not installed here.
    expect(found[2]).toMatchObject({
      status: 'fail',
      detail: expect.stringMatching(/ is missing; .* more$/),
    });
    expect(found[3]).toEqual({
      id: 'analysis',
      label: 'SQL analysis',
      status: 'fail',
      detail: 'x',
      fix: 'Run: ktx setup --force',
    });
    expect(found[4]).toMatchObject({ fix: 'Run: ktx setup --force --feature local-embeddings' });
    asked.splice(0);
    await examine({ features: ['core'] });
    expect(asked.map(({ id }) => id)).toEqual(['kernel', 'import', 'versions', 'analysis']);
  });

  it("another program's wheel is asked for its version alone", async () => {
    const { examine } = await healthy(
      { versions: { json: [{ name: 'acme_tool', version: '0.1.0' }] } },
      { proof: { imports: ['acme'], serves: false } },
    );
    const found = await examine();
    expect(found.map(({ id, detail }) => [id, detail])).toEqual([
      ['kernel', 'Python 3.13.1 (/py)'],
      ['versions', 'acme-tool 0.1.0'],
    ]);
  });

  it('without a manifest says so at the check that needs it', async () => {
    const { examine, layout } = await healthy();
    const { rm } = await import('node:fs/promises');
    await rm(layout.manifestPath);
    expect((await examine())[2]).toMatchObject({
      status: 'fail',
      detail: `No runtime is installed: ${layout.manifestPath} is missing`,
    });
    await writeFile(layout.manifestPath, '{');
    expect((await examine())[2]).toMatchObject({ status: 'fail', detail: expect.stringContaining('JSON') });
  });

  test.each<[string, Answer, string]>([
    ['that gives nothing', {}, 'ktx Python package returned no result'],
    ['that gives something else', { other: true }, 'ktx Python package returned no result'],
    ['of another form', { json: { module: 1 } }, 'ktx Python package returned no result'],
    ['that takes too long', { timedOut: true }, 'Timed out after 30 s'],
    [
      'that kills the session',
      { kernelKilled: true, chunks: ['first\n', 'noise\n[kernel] ended by SIGSEGV\n'] },
      'ended by SIGSEGV',
    ],
    [
      'that raises',
      { error: { name: 'ImportError', value: 'no sqlglot' } } as Answer,
      'ImportError: no sqlglot',
    ],
    ['that cannot be sent', { rejects: 'Python kernel is not running' }, 'Python kernel is not running'],
  ])('an answer %s ends the run, since nothing else could be asked', async (_, answer, detail) => {
    const { examine, hasEnded } = await healthy({ import: answer });
    expect((await examine()).slice(1)).toEqual([
      { id: 'import', label: 'ktx Python package', status: 'fail', detail, fix: 'Run: ktx setup --force' },
    ]);
    expect(hasEnded()).toBe(true);
  });

  it('goes on after a failure that says nothing of the others', async () => {
    const { examine } = await healthy({ versions: { json: [] }, analysis: {} }, { locked: true });
    expect((await examine()).map(({ id, status }) => [id, status])).toEqual([
      ['kernel', 'pass'],
      ['import', 'pass'],
      ['versions', 'fail'],
      ['analysis', 'fail'],
    ]);
  });

  test.each([
    ['does not start', new Error('no such interpreter'), 'no such interpreter'],
    [
      'does not start in time',
      Object.assign(new Error('late'), { name: 'TimeoutError' }),
      'Timed out after 0.5 s',
    ],
  ])('a session that %s is the only finding', async (_, error, detail) => {
    const { examine } = await healthy();
    const startKernel = async () => {
      throw error;
    };
    expect(await examine({ startKernel, timeouts: { kernel: 500 } })).toEqual([
      { id: 'kernel', label: 'Python session', status: 'fail', detail, fix: 'Run: ktx setup --force' },
    ]);
  });

  it('a cancelled run is no finding, and its session ends', async () => {
    const { examine, started } = await healthy();
    await expect(examine({ signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
    expect(started).toEqual([]);
    const stop = new AbortController();
    const failing = async () => {
      stop.abort();
      throw new Error('ended');
    };
    await expect(examine({ signal: stop.signal, startKernel: failing })).rejects.toThrow(CancelledError);
    const later = new AbortController();
    const world = await healthy({
      import: {
        get json() {
          later.abort();
          return undefined;
        },
      },
    });
    await expect(world.examine({ signal: later.signal })).rejects.toThrow(CancelledError);
    expect(world.hasEnded()).toBe(true);
  });
});
