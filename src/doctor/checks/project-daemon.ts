import { isRecordedDaemon } from '../../daemon/command.ts';
import { managedPythonDaemonLayout } from '../../daemon/layout.ts';
import { startedBeforeRuntime } from '../../daemon/outdated.ts';
import { daemonBaseUrl, readDaemonState } from '../../daemon/state.ts';
import { probeDaemon } from '../../daemon/status.ts';
import { isProcessAlive } from '../../process/list-processes.ts';
import { type Check, fail, pass, skip, warn } from './check.ts';
import type { CheckSurroundings } from './context.ts';

const HEALTH_TIMEOUT_MS = 1500;

export const DAEMON_CHECKS: readonly Check[] = [
  {
    id: 'daemon-state',
    group: 'Daemon',
    label: 'Recorded daemon',
    why: 'The state file says which process answers for this project, and on which port.',
    cost: 'offline',
    dependsOn: [],
    async run(context) {
      const read = await readState(context);
      if (read === null) return skip('no project is known here');
      if (read.kind === 'none') return skip('none was started for this project yet');
      if (read.kind === 'invalid') return fail(`Daemon state is invalid: ${read.reason}`, ['stop-daemon']);
      const { state } = read;
      if (!(await isProcessAlive(state.pid)))
        return warn(`Daemon process ${state.pid} has ended; the next command starts another`, [
          'stop-daemon',
        ]);
      if (!(await isRecordedDaemon(state)))
        return warn(`Process ${state.pid} is not the daemon that was recorded`, ['stop-daemon']);
      return pass(`process ${state.pid} on port ${state.port}`);
    },
  },
  {
    id: 'daemon-version',
    group: 'Daemon',
    label: 'Daemon is of this runtime',
    why: 'A daemon of another version, or started before a repair, still uses the old packages.',
    cost: 'offline',
    dependsOn: ['daemon-state'],
    async run(context) {
      const read = await readState(context);
      if (read?.kind !== 'valid') return skip('none was started yet');
      const { cliVersion, manifestPath } = context.layout;
      const { state } = read;
      if (state.version !== cliVersion)
        return fail(`Daemon is for CLI ${state.version}, current CLI is ${cliVersion}`, ['stop-daemon']);
      if (await startedBeforeRuntime(state, manifestPath))
        return warn('The daemon was started before the runtime was installed', ['stop-daemon']);
      return pass(`ktx ${state.version}`);
    },
  },
  {
    id: 'daemon-health',
    group: 'Daemon',
    label: 'Recorded daemon answers',
    why: 'A process can be running without answering, or another program may use its port.',
    cost: 'offline',
    dependsOn: ['daemon-version'],
    async run(context) {
      const read = await readState(context);
      if (read?.kind !== 'valid') return skip('none was started yet');
      if (!(await isRecordedDaemon(read.state))) return skip('the recorded process is not a daemon');
      const baseUrl = daemonBaseUrl(read.state);
      const daemon = daemonLayoutOf(context);
      const problem =
        daemon &&
        (await probeDaemon(daemon, read.state, { timeoutMs: HEALTH_TIMEOUT_MS, signal: context.signal }));
      return problem === null ? pass(baseUrl) : fail(`${baseUrl}: ${problem}`, ['stop-daemon']);
    },
  },
];

function daemonLayoutOf({ target, layout }: CheckSurroundings) {
  const { projectDir } = target;
  if (projectDir === undefined) return null;
  const { runtimeRoot, cliVersion } = layout;
  return managedPythonDaemonLayout({ cliVersion, runtimeRoot, projectDir });
}

async function readState(context: CheckSurroundings) {
  const daemon = daemonLayoutOf(context);
  return daemon && readDaemonState(daemon.daemonStatePath);
}
