import { daemonCommandName } from '../core/embedder.ts';
import { splitCommandLine } from '../process/command-line.ts';
import { isOwnProcess, readProcessCommand } from '../process/list-processes.ts';

/** Where a daemon listens, as its command line says. */
export interface DaemonCommand {
  host: string;
  port: number;
  /** `false`: no usable `--port` was given, `port` is the daemon's default. */
  isPortGiven: boolean;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8765;

/**
 * Recognises the command line of a daemon of this program, by position: the words in an argument of an editor, a shell or a `grep` are
 * none. `null` for everything else.
 */
export function parseDaemonCommand(command: string): DaemonCommand | null {
  const words = splitCommandLine(command);
  const serve = words.findIndex((word, index) => word === 'serve-http' && isDaemonBefore(words, index));
  return serve < 0 ? null : addressOf(words.slice(serve + 1));
}

/** Whether what precedes `serve-http` starts the daemon: directly, as a module, by its interpreter, or with `uv run`. */
function isDaemonBefore(words: readonly string[], serve: number): boolean {
  const first = programName(words[0] ?? '');
  const isModule = words[serve - 2] === '-m' && words[serve - 1] === 'ktx_daemon';
  const isScript = !isModule && programName(words[serve - 1] ?? '') === daemonCommandName();
  if (!isModule && !isScript) return false;
  const start = isModule ? serve - 2 : serve - 1;
  if (isUv(first)) {
    const run = words.indexOf('run');
    if (run < 1 || run >= start) return false;
    return isScript || words.slice(run + 1, start).some((word) => isPython(programName(word)));
  }
  if (isModule) return start === 1 && isPython(first);
  return start === 0 || (start === 1 && isInterpreter(first));
}

/** The last part of a path, `.exe` taken off. */
function programName(word: string): string {
  return (word.split(/[\\/]/).at(-1) ?? '').replace(/\.exe$/i, '');
}

const isUv = (name: string): boolean => /^uv$/i.test(name);
const isPython = (name: string): boolean => /^python3?$/i.test(name);
/** The kernel puts what stands behind `#!` before a script: `…/python3.13 …/ktx-daemon serve-http`. */
const isInterpreter = (name: string): boolean => /^python(3(\.\d+)?)?$/i.test(name);

function addressOf(options: readonly string[]): DaemonCommand {
  const port = optionValue(options, '--port') ?? '';
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  const isPortGiven = number >= 1 && number <= 65535;
  return {
    host: optionValue(options, '--host') || DEFAULT_HOST,
    port: isPortGiven ? number : DEFAULT_PORT,
    isPortGiven,
  };
}

/** The last one counts, as it does for the daemon. */
function optionValue(options: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const [index, word] of options.entries()) {
    if (word === name) value = options[index + 1];
    else if (word.startsWith(`${name}=`)) value = word.slice(name.length + 1);
  }
  return value;
}

/**
 * Whether the process with a recorded pid is the daemon that was recorded. A pid is given again after its process ended, and a
 * state file may have come with a cloned project and name any process: one that is not ours is never signalled.
 */
export async function isRecordedDaemon(recorded: { pid: number; port: number }): Promise<boolean> {
  const command = await readProcessCommand(recorded.pid);
  return command !== null && isDaemonAtPort(command, recorded.port, process.platform === 'linux');
}

/**
 * The same, and it runs as this user: only to such a one are texts sent. A state file may have come with a cloned project
 * and name anybody's server; the process that holds the port of a living daemon is that daemon.
 */
export async function isOwnRecordedDaemon(recorded: { pid: number; port: number }): Promise<boolean> {
  return (await isOwnProcess(recorded.pid)) && (await isRecordedDaemon(recorded));
}

/**
 * Whether a command line is that of a daemon at this port. Where it is not exact (`ps` joins arguments by spaces), a
 * path with a space falls apart; then the end that every daemon of ours has decides. Pure.
 */
export function isDaemonAtPort(command: string, port: number, isExact: boolean): boolean {
  const daemon = parseDaemonCommand(command);
  if (daemon) return !daemon.isPortGiven || daemon.port === port;
  const ending = `/${daemonCommandName()} serve-http --host ${DEFAULT_HOST} --port ${port}`;
  return !isExact && /^\/.*\/python[\d.]* \//i.test(command) && command.endsWith(ending);
}
