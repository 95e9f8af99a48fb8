import { readdir, readFile, stat } from 'node:fs/promises';
import * as z from 'zod/mini';
import { errorCode, errorMessage } from '../support/errors.ts';
import { joinCommandLine } from './command-line.ts';
import { endingText } from './ending.ts';
import { canSeeProcesses, parseProcStat } from './process-table.ts';
import { runProcess } from './run-process.ts';

export interface ProcessCommand {
  pid: number;
  /** The command line as one text. On Linux, arguments are quoted where needed, so nothing is lost. */
  command: string;
}

/** Concurrent reads. */
const PARALLEL = 8;
const LISTING_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * Every process whose command line can be read. Reads `/proc` on Linux (exact arguments, and slim images have
 * no `ps`), runs `ps` on other POSIX systems and PowerShell on Windows.
 * @throws Error when the listing program is missing, fails, or prints more than 10 MiB.
 */
export async function listProcesses(platform: NodeJS.Platform = process.platform): Promise<ProcessCommand[]> {
  if (platform === 'win32') return parsePowerShellProcesses(await listing('powershell', POWERSHELL_ARGS));
  const pids = platform === 'linux' ? await procPids() : [];
  // A Linux without /proc, such as a bare chroot.
  if (pids.length === 0) return parsePsCommands(await listing('ps', ['-axww', '-o', 'pid=,command=']));
  const found: ProcessCommand[] = [];
  // Reading all at once would open a file per process, and the open-file limit is low on some machines.
  const waiting = pids.values();
  const work = async () => {
    for (const pid of waiting) {
      const command = await readProcCommand(pid);
      if (command !== null) found.push({ pid, command });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return found.sort((a, b) => a.pid - b.pid);
}

/** The command line of one process; `null` when it is gone or unreadable. */
export async function readProcessCommand(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const command = await readProcCommand(pid);
    if (command !== null) return command;
  }
  const processes = await listProcesses().catch(() => []);
  return processes.find((entry) => entry.pid === pid)?.command ?? null;
}

/**
 * Whether a process is running, whoever owns it. A zombie is not, although it answers signal 0 until reaped,
 * which never happens in a container without an init. (Zombies are recognised on Linux only.)
 */
export async function isProcessAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false;
  }
  if (process.platform !== 'linux') return true;
  // A process table from another PID namespace would describe a different process.
  if (!canSeeProcesses()) return true;
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat === '' || parseProcStat(stat) !== null;
}

/** Whether a process runs as this user; for root, which may signal every process, whether it runs as root. */
export async function isOwnProcess(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  const status = await stat(`/proc/${pid}`).catch(() => null);
  return status !== null && status.uid === process.getuid?.();
}

async function procPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** `proc_pid_cmdline(5)`: NUL-terminated arguments. Empty for kernel threads and zombies. */
async function readProcCommand(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? null : joinCommandLine(text.replace(/\0$/, '').split('\0'));
}

/** Lines of `ps -o pid=,command=`. */
export function parsePsCommands(text: string): ProcessCommand[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*\S)\s*$/.exec(line);
    return match ? [{ pid: Number(match[1]), command: match[2]! }] : [];
  });
}

const POWERSHELL_ARGS = [
  '-NoProfile',
  '-NonInteractive',
  '-Command',
  '[Console]::OutputEncoding = [Text.Encoding]::UTF8; ' +
    'Get-CimInstance Win32_Process | Select-Object ProcessId,CommandLine | ConvertTo-Json -Compress',
];

const windowsProcessSchema = z.object({
  ProcessId: z.number(),
  CommandLine: z.optional(z.nullable(z.string())),
});
const windowsProcessesSchema = z.union([windowsProcessSchema, z.array(windowsProcessSchema)]);

/** What `ConvertTo-Json` prints: an object for one process, an array for more, nothing for none. */
export function parsePowerShellProcesses(text: string): ProcessCommand[] {
  if (text.trim() === '') return [];
  const parsed = windowsProcessesSchema.parse(JSON.parse(text));
  return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((entry) =>
    entry.CommandLine ? [{ pid: entry.ProcessId, command: entry.CommandLine }] : [],
  );
}

async function listing(command: string, args: readonly string[]): Promise<string> {
  const outcome = await runProcess({ command, args, maxCaptureBytes: LISTING_LIMIT_BYTES }).catch(
    (error: unknown) => {
      throw new Error(`Processes cannot be listed with ${command}: ${errorMessage(error)}`, { cause: error });
    },
  );
  if (outcome.exitCode !== 0) {
    const reason = outcome.stderr.trim() || `it ${endingText(outcome.exitCode, outcome.signal)}`;
    throw new Error(`Processes cannot be listed with ${command}: ${reason}`);
  }
  if (outcome.isTruncated) throw new Error(`Processes cannot be listed with ${command}: more than 10 MiB`);
  return outcome.stdout;
}
