import type { CheckStatus } from '../../src/core/events.ts';
import { DOCTOR_CHECKS } from '../../src/doctor/all-checks.ts';
import type { DoctorResult } from '../../src/doctor/events.ts';

/** What each check of a healthy machine says in demos and screen tests. */
export const DEMO_DETAILS: Readonly<Record<string, string | readonly [CheckStatus, string]>> = {
  uv: 'uv 0.11.21 (~/.ktx/runtime/uv/0.11.21/uv)',
  asset: 'kaelio_ktx-0.3.0-py3-none-any.whl',
  folders: '~/.ktx/runtime',
  runtime: 'ktx 0.3.0 (core) in ~/.ktx/runtime/0.3.0',
  current: 'wheel 0.3.0 and its lock',
  interpreter: 'Python 3.13.14 (~/.ktx/runtime/uv/python/1f0c2b7a)',
  'entry-point': '~/.ktx/runtime/0.3.0/envs/7f3c0a11/bin/ktx-daemon',
  packages: 'kaelio-ktx 0.3.0 and 15 packages as locked for linux-x64-gnu-cp313',
  files: '1,204 files of the size in their wheel',
  digests: '1,204 files with the digest of their wheel',
  bytecode: '323 compiled files',
  'base-python': '593 modules of /usr',
  environment: 'Python 3.13.14 imports ktx_daemon',
  lock: 'no lock is held',
  leftovers: 'none',
  'daemon-state': ['skipped', 'none was started for this project yet'],
  'daemon-version': ['skipped', 'none was started yet'],
  'daemon-health': ['skipped', 'none was started yet'],
  daemon: 'On a free port it answered /health and analysed a statement (2 tables found)',
  'session-import': 'ktx_daemon 0.3.0',
  'session-analysis': '28 ms',
  model: ['skipped', 'local embeddings are not installed'],
  'model-digests': ['skipped', 'local embeddings are not installed'],
  'session-embedding': ['skipped', 'local embeddings are not installed'],
  'network-settings': '8 settings',
  index: ['could-not-check', 'no network'],
  'uv-source': ['could-not-check', 'no network'],
  'model-source': ['could-not-check', 'no network'],
  'server-clock': ['skipped', 'needs "Package index", which could not be checked'],
  'model-backend': ['skipped', 'no language model is set up'],
  'model-name': ['skipped', 'no language model is set up'],
  'model-cli': ['skipped', 'no language model is set up'],
  'model-network': ['skipped', 'no language model is set up'],
  'model-login': ['skipped', 'no language model is set up'],
  'model-access': ['skipped', 'no language model is set up'],
  'model-limit': ['skipped', 'no language model is set up'],
  'model-host': ['skipped', 'no language model is set up'],
  space: '61 GB free on the volume of ~/.ktx/runtime',
  inodes: '4193201 free on the volume of ~/.ktx/runtime',
  temporary: '61 GB free in /tmp',
  node: 'v24.1.0 (/usr/bin/node)',
  platform: 'linux-x64-gnu, glibc 2.36',
  volume: '~/.ktx/runtime',
  clock: '2026-01-02T03:04:05.678Z',
  locale: 'C.UTF-8',
  'old-daemons': 'none',
};

/** Results of every check of the list; a broken interpreter and what it holds up, where that is asked for. */
export function demoResults(options: { isBroken?: boolean; costs?: readonly string[] } = {}): DoctorResult[] {
  const costs = options.costs ?? ['offline'];
  const broken = new Set(['interpreter']);
  return DOCTOR_CHECKS.filter(({ cost }) => costs.includes(cost)).map(({ id, group, label, dependsOn }) => {
    const shown = DEMO_DETAILS[id];
    const [status, detail] = typeof shown === 'string' ? (['pass', shown] as const) : (shown ?? ['pass', '']);
    const base = { id, group, label, durationMs: 12 };
    if (!options.isBroken) return { ...base, status, detail };
    if (id === 'interpreter')
      return {
        ...base,
        status: 'fail',
        detail:
          'The base Python of the environment is gone: envs/7f3c0a11/bin/python points to /opt/python3.13',
        repairs: ['rebuild-environment', 'restore-previous'],
      };
    if (dependsOn.some((below) => broken.has(below))) {
      broken.add(id);
      return { ...base, status: 'skipped', detail: 'needs "Python interpreter", which failed' };
    }
    return { ...base, status, detail };
  });
}
