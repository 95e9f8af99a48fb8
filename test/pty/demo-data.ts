import type { ArtefactKind, CheckResult, PlanSummary, SetupResult } from '../../src/core/events.ts';
import type { RepairPlan } from '../../src/doctor/repairs/repair.ts';
import type { UndoTarget } from '../../src/lifecycle/undo.ts';
import type { SetupOverview } from '../../src/wizard/functions.ts';

const MB = 1_000_000;
const ROOT = '/home/ada/.ktx/runtime';

export const DEMO_OVERVIEW: SetupOverview = {
  cliVersion: '0.3.0',
  runtimeRoot: ROOT,
  status: { kind: 'missing', detail: 'No runtime is installed', features: [] },
  otherRuntimes: [{ cliVersion: '0.2.0', features: ['core'] }],
  offers: [
    {
      feature: 'core',
      title: 'Core',
      description: 'SQL analysis and parsing for your projects',
      downloadBytes: 27 * MB,
      diskBytes: 85 * MB,
      expectedMs: 6000,
      unavailableReason: null,
    },
    {
      feature: 'local-embeddings',
      title: 'Core + local embeddings',
      description: 'also embeds text here: private, no API key',
      downloadBytes: 163 * MB,
      diskBytes: 420 * MB,
      expectedMs: 19_000,
      unavailableReason: null,
    },
  ],
  here: [
    { label: 'uv 0.11.21', isHere: true },
    { label: 'Python 3.13', isHere: false },
    { label: 'embedding model', isHere: false },
  ],
  mayFetchPython: true,
  freeBytes: 61_000 * MB,
};

const WHEELS: [string, number][] = [
  ['numpy-2.5.5', 16.1],
  ['tokenizers-0.22.1', 3.3],
  ['sqlglot-27.8.0', 0.5],
  ['pydantic-2.11.9', 0.4],
  ['pydantic_core-2.33.2', 2],
  ['onnxruntime-1.31.1', 22.7],
  ['uvicorn-0.37.0', 0.1],
  ['starlette-0.48.0', 0.1],
  ['fastapi-0.118.0', 0.1],
  ['pandas-2.3.3', 12.4],
];

export interface DemoFile {
  file: string;
  artefactKind: ArtefactKind;
  sha256: string;
  sizeBytes: number;
  place: string;
}

export const DEMO_FILES: readonly DemoFile[] = [
  {
    file: 'cpython-3.13.14+20251031-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz',
    artefactKind: 'python',
    sha256: 'd607e18e'.repeat(8),
    sizeBytes: 33.1 * MB,
    place: 'releases.acme.internal',
  },
  ...WHEELS.map(([name, megabytes], index) => ({
    file: `${name}-cp313-cp313-manylinux_2_28_x86_64.whl`,
    artefactKind: 'wheel' as const,
    sha256: (0x5cddc243 + index * 0x1234567).toString(16).slice(0, 8).repeat(8),
    sizeBytes: megabytes * MB,
    place: 'pypi.acme.internal',
  })),
  {
    file: 'model.safetensors',
    artefactKind: 'model',
    sha256: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
    sizeBytes: 90.9 * MB,
    place: 'huggingface.acme.internal',
  },
];

const total = DEMO_FILES.reduce((sum, file) => sum + file.sizeBytes, 0);

export const DEMO_READY_OVERVIEW: SetupOverview = {
  ...DEMO_OVERVIEW,
  status: { kind: 'ready', detail: 'Runtime ready', features: ['core'] },
  here: DEMO_OVERVIEW.here.map((it) => ({ ...it, isHere: true })),
};

export const DEMO_PLAN: PlanSummary = {
  features: ['core', 'local-embeddings'],
  target: 'linux-x64-gnu-cp313',
  python: { kind: 'managed', version: '3.13.14', path: null },
  rows: [
    {
      id: 'uv',
      label: 'uv 0.11.21',
      action: 'here',
      from: 'already here',
      place: '~/.ktx/runtime/uv/0.11.21',
      downloadBytes: null,
      diskBytes: null,
      rejected: [],
    },
    {
      id: 'python',
      label: 'Python 3.13.14',
      action: 'fetch',
      from: 'official builds',
      place: 'releases.acme.internal',
      downloadBytes: 33.1 * MB,
      diskBytes: null,
      rejected: ['mirror.acme.internal: proxy asked for a login (407)'],
    },
    {
      id: 'packages',
      label: '10 packages',
      action: 'fetch',
      from: 'your package index',
      place: 'pypi.acme.internal (pip.conf)',
      downloadBytes: 57.7 * MB,
      diskBytes: null,
      rejected: [],
    },
    {
      id: 'model',
      label: 'embedding model',
      action: 'fetch',
      from: 'Hugging Face hub',
      place: 'huggingface.acme.internal',
      downloadBytes: 90.9 * MB,
      diskBytes: null,
      rejected: [],
    },
    {
      id: 'environment',
      label: 'environment',
      action: 'make',
      from: 'made here',
      place: '~/.ktx/runtime/0.3.0/envs/7f3c',
      downloadBytes: null,
      diskBytes: 420 * MB,
      rejected: [],
    },
  ],
  hosts: ['huggingface.acme.internal', 'pypi.acme.internal', 'releases.acme.internal'],
  fileCount: DEMO_FILES.length,
  downloadBytes: total,
  diskBytes: 420 * MB,
  freeBytes: 61_000 * MB,
  environmentPath: `${ROOT}/0.3.0/envs/7f3c`,
  notes: ['Proxy proxy.acme.internal:3128 (HTTPS_PROXY) · certificates: system + acme-root.pem'],
};

export const DEMO_RESULT: SetupResult = {
  status: 'installed',
  cliVersion: '0.3.0',
  features: ['core', 'local-embeddings'],
  pythonPath: `${ROOT}/0.3.0/envs/7f3c/bin/python`,
  pythonLabel: 'Python 3.13.14',
  daemonPath: `${ROOT}/0.3.0/envs/7f3c/bin/ktx-daemon`,
  manifestPath: `${ROOT}/0.3.0/manifest.json`,
  logPath: `${ROOT}/0.3.0/install.log`,
  durationMs: 21_400,
  downloadedBytes: total,
  egress: [
    { host: 'huggingface.acme.internal', bytes: 90.9 * MB },
    { host: 'pypi.acme.internal', bytes: 57.7 * MB },
    { host: 'releases.acme.internal', bytes: 33.1 * MB },
  ],
};

/** There was a runtime before, with one feature. */
export const DEMO_UNDO: UndoTarget = {
  direction: 'back',
  from: {
    environmentDir: `${ROOT}/0.3.0/envs/7f3c0000`,
    installedAt: '2026-11-20T10:12:00.000Z',
    features: ['core', 'local-embeddings'],
    wheelVersion: '0.1.0',
  },
  to: {
    environmentDir: `${ROOT}/0.3.0/envs/5b2a0000`,
    installedAt: '2026-10-01T08:30:00.000Z',
    features: ['core'],
    wheelVersion: '0.1.0',
  },
};

const pass = (group: string, id: string, label: string, detail: string): CheckResult => ({
  id,
  group,
  label,
  detail,
  status: 'pass',
  durationMs: 12,
});

export const DEMO_CHECKS: readonly CheckResult[] = [
  pass('Tools', 'uv', 'uv is the pinned one', 'uv 0.11.21, sha256 as published'),
  pass('Tools', 'python', 'Python runs', 'Python 3.13.14'),
  pass('Tools', 'asset', 'Bundled wheel', 'kaelio_ktx-0.3.0 as shipped'),
  pass('Runtime', 'environment', 'Environment starts', '~/.ktx/runtime/0.3.0/envs/7f3c'),
  pass('Runtime', 'packages', 'Packages match the lock', '29 of 29'),
  pass('Runtime', 'wheel', 'Wheel', 'kaelio_ktx 0.3.0'),
  pass('Runtime', 'features', 'Features', 'core, local-embeddings'),
  pass('Runtime', 'daemon', 'Daemon entry point', 'bin/ktx-daemon'),
  {
    id: 'hub',
    group: 'Network',
    label: 'huggingface.acme.internal',
    status: 'warn',
    detail: 'could not be checked: offline',
    durationMs: 3,
  },
  pass('Disk', 'space', 'Free space', '61 GB free'),
  pass('Disk', 'writable', 'Runtime folder can be written', ROOT),
  {
    id: 'vector',
    group: 'Embeddings',
    label: 'Reference vector',
    status: 'skipped',
    detail: 'feature not installed',
    durationMs: 0,
  },
];

/** The interpreter that the environment was made with is gone. */
export const BROKEN_CHECKS: readonly CheckResult[] = DEMO_CHECKS.map((check) =>
  check.id === 'environment'
    ? {
        ...check,
        status: 'fail' as const,
        detail: 'Python 3.13.14 is gone: envs/7f3c/bin/python points to a file that does not exist',
        repairs: ['rebuild-environment'],
      }
    : check,
);

export const DEMO_REPAIR: RepairPlan = {
  steps: [
    {
      id: 'rebuild-environment',
      label: 'Rebuild the environment',
      what: 'Builds a new environment beside the present one, which stays until the new one is proven.',
      paths: [`${ROOT}/0.3.0/envs`, `${ROOT}/0.3.0/manifest.json`],
      downloadBytes: 52 * MB,
      hosts: ['pypi.acme.internal'],
      worksOffline: false,
      canUndo: true,
    },
  ],
  reasons: ['environment'],
};
