import { parseDaemonCommand } from '../../daemon/command.ts';
import { listProcesses } from '../../process/list-processes.ts';
import { readProcessVariable } from '../../process/process-table.ts';
import { assertExecutableVolume } from '../../setup/plan/disk.ts';
import { unavailability } from '../../shipped/feature-support.ts';
import { lockedMinors, platformKey } from '../../shipped/target.ts';
import { errorMessage } from '../../support/errors.ts';
import { localMinute } from '../../support/text/local-time.ts';
import { because, type Check, fail, pass, unknown, warn } from './check.ts';

export const SYSTEM_CHECKS: readonly Check[] = [
  {
    id: 'node',
    group: 'System',
    label: 'Node.js',
    why: 'ktx itself runs on it.',
    cost: 'offline',
    dependsOn: [],
    run: async () => pass(`${process.version} (${process.execPath})`),
  },
  {
    id: 'platform',
    group: 'System',
    label: 'Platform',
    why: 'The packages are locked for certain systems, processors and libcs.',
    cost: 'offline',
    dependsOn: ['asset'],
    async run({ facts }) {
      const [host, locked] = await Promise.all([facts.host(), facts.lockedAsset()]);
      const name = [platformKey(host), host.glibcVersion && `glibc ${host.glibcVersion}`]
        .filter(Boolean)
        .join(', ');
      if (locked === null) return pass(name);
      const reasons = lockedMinors(locked.lock, host).map((minor) =>
        unavailability(locked.lock, host, minor, ['core']),
      );
      if (reasons.length === 0) return fail(`No packages are locked for ${name}`);
      return reasons.every((reason) => reason !== null) ? fail(`${name}: ${reasons[0]}`) : pass(name);
    },
  },
  {
    id: 'volume',
    group: 'System',
    label: 'Programs may run',
    why: 'Neither uv nor Python can run from a volume that is mounted noexec.',
    cost: 'offline',
    dependsOn: [],
    async run({ layout }) {
      try {
        await assertExecutableVolume(layout.runtimeRoot);
        return pass(layout.runtimeRoot);
      } catch (error) {
        return because(
          'noexec',
          fail(errorMessage(error), [], 'Put the runtime on another volume: --runtime-root <dir>'),
        );
      }
    },
  },
  {
    id: 'clock',
    group: 'System',
    label: 'Clock',
    why: 'With a wrong clock, valid certificates look expired.',
    cost: 'offline',
    dependsOn: [],
    async run({ facts }) {
      const now = Date.now();
      const installedAt = await facts.manifest().then(
        (manifest) => (manifest === null ? Number.NaN : Date.parse(manifest.installedAt)),
        () => Number.NaN,
      );
      if (now < EARLIEST_MS)
        return fail(`The clock says ${new Date(now).toISOString()}`, [], "Set this machine's clock");
      if (installedAt > now + DAY_MS)
        return fail(
          `The clock says ${new Date(now).toISOString()}, before the runtime was installed`,
          [],
          "Set this machine's clock",
        );
      return pass(localMinute(new Date(now).toISOString()));
    },
  },
  {
    id: 'locale',
    group: 'System',
    label: 'Locale',
    why: 'Without UTF-8, file names with accents may be misread.',
    cost: 'offline',
    dependsOn: [],
    async run({ env }) {
      const value = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
      const isNarrow = value !== '' && !/utf-?8|^(?:C|POSIX)$/i.test(value);
      return isNarrow ? warn(`${value} is not UTF-8`, [], 'export LC_ALL=C.UTF-8') : pass(value || 'not set');
    },
  },
  {
    id: 'old-daemons',
    group: 'System',
    label: 'No old daemons',
    why: 'Daemons of other versions use memory and may answer instead of the right one.',
    cost: 'offline',
    dependsOn: [],
    async run({ layout }) {
      let processes: Awaited<ReturnType<typeof listProcesses>>;
      try {
        processes = await listProcesses();
      } catch (error) {
        return unknown(`processes cannot be listed: ${errorMessage(error)}`);
      }
      const old = processes.filter(({ pid, command }) => {
        // Only daemons of this runtime root.
        if (!command.includes(layout.runtimeRoot) || parseDaemonCommand(command) === null) return false;
        const version = readProcessVariable(pid, 'KTX_DAEMON_VERSION');
        return version !== null && version !== undefined && version !== layout.cliVersion;
      });
      const pids = old.map(({ pid }) => pid).join(', ');
      return old.length === 0
        ? pass('none')
        : warn(`Daemons of other versions run: ${pids}`, [], 'ktx admin runtime stop --all');
    },
  },
];

const DAY_MS = 24 * 60 * 60 * 1000;
/** Older than anything ktx writes. */
const EARLIEST_MS = Date.parse('2025-01-01');
