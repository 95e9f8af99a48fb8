import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { managedRuntimeRoot } from '../../core/layout.ts';
import { programVersion } from '../../core/program-version.ts';
import { isVersionName } from '../../core/version-name.ts';
import { type KnownProject, readKnownProjects } from '../../daemon/known-projects.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { planUninstall } from '../../lifecycle/uninstall.ts';
import { processesFrom } from '../../runtime/environments-in-use.ts';
import { type HistoryEntry, readHistory } from '../../runtime/history.ts';
import { jsonText } from '../../support/fs/atomic-file.ts';
import { harmlessText } from '../../support/harmless.ts';
import { formatBytes } from '../../support/text/format.ts';
import { printError } from '../output/print-error.ts';

/** Parsed arguments of `ktx admin runtime history` and `… usage`. */
export interface RecordsArgs {
  command: 'history' | 'usage';
  json: boolean;
}

/** Where the runtime root is derived from; default: the process environment. */
export interface RecordsDeps {
  runtimeRoot?: string;
  isDebug?: boolean;
}

/** Prints the history of the runtime, or its users and size. Read-only. Resolves with the exit code, 0 or 1. */
export async function runRecordsCommand(
  args: RecordsArgs,
  io: KtxCliIo = process,
  deps: RecordsDeps = {},
): Promise<number> {
  try {
    const runtimeRoot = deps.runtimeRoot ?? managedRuntimeRoot({});
    const [lines, value] = await (args.command === 'history' ? history : usage)(runtimeRoot);
    io.stdout.write(args.json ? jsonText(value) : harmlessText(`${lines.join('\n')}\n`));
    return 0;
  } catch (error) {
    printError(io, error, deps.isDebug);
    return 1;
  }
}

async function history(runtimeRoot: string): Promise<[string[], unknown]> {
  const entries: (HistoryEntry & { version: string })[] = [];
  for (const version of (await namesIn(runtimeRoot)).filter(isVersionName)) {
    for (const entry of await readHistory(join(runtimeRoot, version))) entries.push({ ...entry, version });
  }
  entries.sort((a, b) => a.at.localeCompare(b.at));
  const lines = entries.map(({ at, version, action, reason, to, replaced, features, wheel, by }) => {
    const before = replaced === null ? '' : `, replaced ${replaced}`;
    const what = `${features.join(', ')}; wheel ${wheel.version}`;
    return `${at.replace(/\.\d+/, '')}  ktx ${version}  ${action} (${reason})  ${to}${before}  ${what}  by ${by.user} on ${by.host}`;
  });
  return [
    lines.length > 0 ? lines : [`No changes are recorded under ${runtimeRoot}.`],
    { runtimeRoot, entries },
  ];
}

async function usage(runtimeRoot: string): Promise<[string[], unknown]> {
  const { parts, sizeBytes, foreign, daemons } = await planUninstall({ runtimeRoot });
  const daemonPids = new Set(daemons.map(({ pid }) => pid));
  const others = (await processesFrom(runtimeRoot)).filter(({ pid }) => !daemonPids.has(pid));
  const projects = await readKnownProjects(runtimeRoot, programVersion());
  const lines = [
    `ktx runtime folder ${runtimeRoot}`,
    ...parts.map((part) => `${formatBytes(part.sizeBytes).padStart(8)}  ${part.what}`),
    ...foreign.map((item) => `${formatBytes(item.sizeBytes).padStart(8)}  ${item.path}, ${item.reason}`),
    `${formatBytes(sizeBytes).padStart(8)}  in all`,
    ...projects.map(projectLine),
    ...daemons.map(({ pid, command }) => `ktx daemon, process ${pid}: ${command}`),
    ...others.map(({ pid, command }) => `process ${pid}: ${command}`),
    ...(daemons.length + others.length === 0 ? ['Nothing runs from it.'] : []),
  ];
  const sizes = parts.map((part) => ({ what: part.what, sizeBytes: part.sizeBytes }));
  return [lines, { runtimeRoot, parts: sizes, sizeBytes, foreign, projects, daemons, processes: others }];
}

function projectLine({ projectDir, folder, daemon }: KnownProject): string {
  const state =
    folder === 'gone'
      ? 'its folder is gone'
      : daemon === null
        ? 'its daemon is stopped'
        : `its daemon runs, process ${daemon.pid} of ktx ${daemon.version}`;
  return `project ${projectDir}: ${state}`;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
