import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type KtxRuntimeArgs,
  type KtxRuntimeDeps,
  runKtxRuntime,
} from '../../../src/cli/commands/runtime-command.ts';
import { managedPythonRuntimeLayout } from '../../../src/core/layout.ts';
import * as proveModule from '../../../src/doctor/prove-runtime.ts';
import type { ManagedPythonRuntimeDoctorCheck } from '../../../src/doctor/runtime-checks.ts';
import type { ManagedPythonRuntimeStatus } from '../../../src/runtime/status.ts';
import { CancelledError, SetupError } from '../../../src/support/errors.ts';
import { REBUILD } from '../../../src/support/remedies.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { holdAccess } from '../../fixtures/hold-access.ts';
import { PATIENT } from '../../fixtures/patient.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

vi.mock('../../../src/doctor/prove-runtime.ts', { spy: true });

const cliVersion = '0.3.0';
const CHECKS: ManagedPythonRuntimeDoctorCheck[] = [
  { id: 'uv', label: 'uv', status: 'pass', detail: 'uv 0.11.21 (managed: /r/uv)' },
  {
    id: 'asset',
    label: 'Bundled Python wheel',
    status: 'fail',
    detail: 'checksum mismatch',
    fix: 'Run: npm run assets:build',
  },
];

async function run(args: KtxRuntimeArgs, deps: KtxRuntimeDeps) {
  const { io, printed } = capturedIo();
  const exitCode = await runKtxRuntime(args, io, deps);
  return { exitCode, ...printed };
}

async function installed() {
  const runtimeRoot = await temporaryFolder();
  const manifest = await writeRuntime(runtimeRoot, cliVersion, { features: ['core', 'local-embeddings'] });
  const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot });
  return { manifest, layout };
}

function missing(): ManagedPythonRuntimeStatus {
  const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot: '/r', assetDir: '/a' });
  return { kind: 'missing', detail: `No runtime manifest at ${layout.manifestPath}`, layout };
}

describe('install', () => {
  it.each([
    ['installed', 'Installed ktx Python runtime'],
    ['ready', 'Using existing ktx Python runtime'],
  ] as const)('3. %s', async (status, heading) => {
    const { manifest, layout } = await installed();
    const installRuntime = vi.fn(async () => ({ status, layout, manifest, asset: null as never }));
    const args = { command: 'install', cliVersion, feature: 'local-embeddings', force: true } as const;
    const result = await run(args, { installRuntime });
    expect(installRuntime.mock.calls).toEqual([
      [{ cliVersion, features: ['local-embeddings'], force: true }],
    ]);
    // 2. stderr stays empty.
    expect(result).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        heading,
        'version: 0.3.0',
        'features: core, local-embeddings',
        `python: ${manifest.python.executable}`,
        `daemon: ${manifest.python.daemonExecutable}`,
        `manifest: ${layout.manifestPath}`,
        `install log: ${manifest.installLog}`,
        '',
      ].join('\n'),
    });
  });
});

describe('status', () => {
  it('7. text, missing: exit 1, with the checks', async () => {
    const readStatus = vi.fn(async () => missing());
    const doctorRuntime = vi.fn(async () => CHECKS);
    const result = await run({ command: 'status', cliVersion, json: false }, { readStatus, doctorRuntime });
    expect(readStatus.mock.calls).toEqual([[{ cliVersion }]]);
    expect(doctorRuntime.mock.calls).toEqual([[{ cliVersion }]]);
    expect(result).toEqual({
      exitCode: 1,
      stderr: '',
      stdout: [
        'ktx Python runtime',
        'status: missing',
        `detail: No runtime manifest at ${join('/r', '0.3.0', 'manifest.json')}`,
        'runtime root: /r',
        `version dir: ${join('/r', '0.3.0')}`,
        'ktx Python runtime checks',
        'PASS uv: uv 0.11.21 (managed: /r/uv)',
        'FAIL Bundled Python wheel: checksum mismatch',
        '     Fix: Run: npm run assets:build',
        '',
      ].join('\n'),
    });
  });

  it('7. text, ready: exit 0 even with a failing check', async () => {
    const { manifest, layout } = await installed();
    const status: ManagedPythonRuntimeStatus = { kind: 'ready', detail: 'Runtime ready', layout, manifest };
    const deps = { readStatus: async () => status, doctorRuntime: async () => CHECKS };
    const result = await run({ command: 'status', cliVersion, json: false }, deps);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout.split('\n').slice(4, 9)).toEqual([
      `version dir: ${layout.versionDir}`,
      'features: core, local-embeddings',
      `python: ${manifest.python.executable}`,
      `daemon: ${manifest.python.daemonExecutable}`,
      'ktx Python runtime checks',
    ]);
  });

  it.each(['mismatched', 'broken'] as const)('7. %s exits 1', async (kind) => {
    const deps = { readStatus: async () => ({ ...missing(), kind }), doctorRuntime: async () => [] };
    expect((await run({ command: 'status', cliVersion, json: false }, deps)).exitCode).toBe(1);
  });

  it('7. JSON is the status at top level and the checks, and nothing else', async () => {
    const { manifest, layout } = await installed();
    const status: ManagedPythonRuntimeStatus = { kind: 'ready', detail: 'Runtime ready', layout, manifest };
    const deps = { readStatus: async () => status, doctorRuntime: async () => CHECKS };
    const result = await run({ command: 'status', cliVersion, json: true }, deps);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toBe(`${JSON.stringify({ ...status, checks: CHECKS }, null, 2)}\n`);
    expect(Object.keys(JSON.parse(result.stdout).layout)).toHaveLength(10);
    const without = await run(
      { command: 'status', cliVersion, json: true },
      { readStatus: async () => missing(), doctorRuntime: async () => CHECKS },
    );
    expect(Object.keys(JSON.parse(without.stdout))).toEqual(['kind', 'detail', 'layout', 'checks']);
    expect(without.exitCode).toBe(1);
  });
});

describe('doctor', () => {
  it('8. PASS and FAIL lines, Fix only where there is one, exit 1', async () => {
    const doctorRuntime = vi.fn(async () => CHECKS);
    const result = await run({ command: 'doctor', cliVersion, json: false }, { doctorRuntime });
    expect(doctorRuntime.mock.calls).toEqual([[{ cliVersion }]]);
    expect(result).toEqual({
      exitCode: 1,
      stderr: '',
      stdout: [
        'ktx Python runtime doctor',
        'PASS uv: uv 0.11.21 (managed: /r/uv)',
        'FAIL Bundled Python wheel: checksum mismatch',
        '     Fix: Run: npm run assets:build',
        '',
      ].join('\n'),
    });
  });

  it('8. exit 0 when none failed; JSON is { checks }', async () => {
    const doctorRuntime = async () => CHECKS.slice(0, 1);
    expect((await run({ command: 'doctor', cliVersion, json: false }, { doctorRuntime })).exitCode).toBe(0);
    const json = await run({ command: 'doctor', cliVersion, json: true }, { doctorRuntime });
    expect(json.stdout).toBe(`${JSON.stringify({ checks: CHECKS.slice(0, 1) }, null, 2)}\n`);
    expect(json).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('prune', () => {
  function deps(stale: string[]) {
    return {
      readStatus: vi.fn(async () => missing()),
      pruneRuntime: vi.fn(async ({ dryRun }: { dryRun: boolean }) => ({
        runtimeRoot: '/r',
        stale,
        kept: [],
        removed: dryRun ? [] : stale,
      })),
    };
  }
  const args = (flags: { dryRun?: boolean; yes?: boolean }) =>
    ({ command: 'prune', cliVersion, dryRun: false, yes: false, ...flags }) as const;

  it('9. without a flag it refuses and looks at nothing', async () => {
    const given = deps(['/r/0.1.0']);
    expect(await run(args({}), given)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'Refusing to prune without --yes. Preview with: ktx admin runtime prune --dry-run\n',
    });
    expect(given.readStatus).not.toHaveBeenCalled();
    expect(given.pruneRuntime).not.toHaveBeenCalled();
  });

  it('9. a dry run lists, and wins over --yes', async () => {
    for (const flags of [{ dryRun: true }, { dryRun: true, yes: true }]) {
      const given = deps(['/r/0.1.0', '/r/0.2.0']);
      expect(await run(args(flags), given)).toEqual({
        exitCode: 0,
        stderr: '',
        stdout: 'Stale ktx Python runtimes\n/r/0.1.0\n/r/0.2.0\n',
      });
      expect(given.pruneRuntime.mock.calls).toEqual([[{ cliVersion, runtimeRoot: '/r', dryRun: true }]]);
    }
  });

  it('9. --yes removes', async () => {
    const given = deps(['/r/0.1.0']);
    expect(await run(args({ yes: true }), given)).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: 'Removed stale ktx Python runtimes\n/r/0.1.0\n',
    });
    expect(given.pruneRuntime.mock.calls).toEqual([[{ cliVersion, runtimeRoot: '/r', dryRun: false }]]);
  });

  it('9. nothing stale', async () => {
    for (const flags of [{ dryRun: true }, { yes: true }]) {
      expect((await run(args(flags), deps([]))).stdout).toBe('No stale ktx Python runtimes found under /r\n');
    }
  });
});

describe('rejections', () => {
  const failing = () => Promise.reject(new Error('it went wrong', { cause: new Error('deep down') }));

  it.each<[KtxRuntimeArgs, KtxRuntimeDeps]>([
    [{ command: 'install', cliVersion, feature: 'core', force: false }, { installRuntime: failing }],
    [{ command: 'status', cliVersion, json: true }, { readStatus: failing }],
    [
      { command: 'status', cliVersion, json: true },
      { readStatus: async () => missing(), doctorRuntime: failing },
    ],
    [{ command: 'doctor', cliVersion, json: true }, { doctorRuntime: failing }],
    [{ command: 'prune', cliVersion, dryRun: true, yes: false }, { readStatus: failing }],
  ])('10. %j prints only the message on stderr and exits 1', async (args, deps) => {
    expect(await run(args, deps)).toEqual({ exitCode: 1, stdout: '', stderr: 'it went wrong\n' });
  });

  it('an error that knows more says it below its message', async () => {
    const error = new SetupError('it went wrong', {
      failureClass: 'conflict',
      evidence: ['seen here'],
      remedies: [REBUILD],
    });
    const installRuntime = () => Promise.reject(error);
    const { stderr } = await run(
      { command: 'install', cliVersion, feature: 'core', force: false },
      { installRuntime },
    );
    expect(stderr).toBe(
      'it went wrong\n  seen here\n  next     Build the environment again: ktx setup --force\n',
    );
  });

  it('being stopped while something ran exits 130', async () => {
    const installRuntime = () => Promise.reject(new CancelledError());
    const result = await run(
      { command: 'install', cliVersion, feature: 'core', force: false },
      { installRuntime },
    );
    expect(result).toEqual({ exitCode: 130, stdout: '', stderr: 'Operation cancelled.\n' });
  });
});

it('prune says on stderr whom it waits for, and goes on when it may', async () => {
  const runtimeRoot = await temporaryFolder();
  for (const version of [cliVersion, '0.2.0']) await writeRuntime(runtimeRoot, version);
  const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot });
  const readStatus = async () => ({ ...missing(), layout });
  const { io, printed } = capturedIo();
  const access = { runtimeRoot, versions: [cliVersion], step: 'packages', note: () => {} };
  const other = await holdAccess(access);
  const pruning = runKtxRuntime({ command: 'prune', cliVersion, dryRun: false, yes: true }, io, {
    readStatus,
  });
  await vi.waitFor(() => expect(printed.stderr).toMatch(/^Waiting for another ktx.*step packages/), PATIENT);
  expect(printed.stdout).toBe('');
  await other.release();
  expect(await pruning).toBe(0);
  expect(printed.stdout).toBe(`Removed stale ktx Python runtimes\n${join(runtimeRoot, '0.2.0')}\n`);
});

describe('status --deep', () => {
  const rows = [
    { id: 'uv', label: 'uv', status: 'pass', detail: 'fine' },
    {
      id: 'digests',
      label: 'Files',
      status: 'fail',
      detail: 'one differs',
      repairs: ['rebuild-environment'],
    },
    { id: 'daemon', label: 'Daemon', status: 'fail', detail: 'no answer', fix: 'Run it', repairs: [] },
    { id: 'model', label: 'Model', status: 'skipped', detail: 'not installed' },
    { id: 'asset', label: 'Wheel', status: 'pass', detail: 'twice' },
  ];
  const proven = [
    { id: 'uv', label: 'uv', status: 'pass', detail: 'fine' },
    {
      id: 'digests',
      label: 'Files',
      status: 'fail',
      detail: 'one differs',
      fix: 'Run: ktx doctor --deep --fix --yes',
    },
    { id: 'daemon', label: 'Daemon', status: 'fail', detail: 'no answer', fix: 'Run it' },
  ];
  const deep = (problem: string | null, isDeep = true) => {
    const prove = vi
      .spyOn(proveModule, 'proveRuntime')
      .mockResolvedValue({ results: rows as never, problem });
    onTestFinished(() => prove.mockRestore());
    return async (kind: 'ready' | 'broken') => {
      const { manifest, layout } = await installed();
      const found = { kind, detail: 'as found', layout, manifest } as never;
      const args = { command: 'status', cliVersion, json: true, ...(isDeep && { deep: true }) } as const;
      const printed = await run(args, { readStatus: async () => found, doctorRuntime: async () => [] });
      return { ...printed, json: JSON.parse(printed.stdout), calls: prove.mock.calls };
    };
  };

  it('has what the proof found, with what to do', async () => {
    const { exitCode, json, calls } = await deep(null)('ready');
    expect([exitCode, json.kind, json.detail, calls]).toEqual([0, 'ready', 'as found', [[{ cliVersion }]]]);
    expect(json.checks).toEqual(proven);
  });

  it('is broken where the proof failed', async () => {
    const { exitCode, json } = await deep('Daemon: no answer')('ready');
    expect([exitCode, json.kind, json.detail]).toEqual([1, 'broken', 'Daemon: no answer']);
  });

  it('proves nothing of a runtime that is not ready, or without the flag', async () => {
    for (const { exitCode, json, calls } of [
      await deep('never asked')('broken'),
      await deep('never asked', false)('ready'),
    ])
      expect([exitCode === 0, json.detail, json.checks, calls]).toEqual([
        json.kind === 'ready',
        'as found',
        [],
        [],
      ]);
  });
});
