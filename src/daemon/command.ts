import { daemonCommandName } from '../core/embedder.ts';
import { splitCommandLine } from '../process/command-line.ts';
import { isOwnProcess, readProcessCommand } from '../process/list-processes.ts';

/** The address a daemon listens on, from its command line. */
export interface DaemonCommand {
  host: string;
  port: number;
  /** `false`: no valid `--port` was given; `port` is the daemon's default. */
  isPortGiven: boolean;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8765;

/**
 * Recognises a daemon of this program by its command line. Checks the positions of words, so that the same
 * words in an argument of an editor, a shell or `grep` do not match. `null` for everything else.
 */
export function parseDaemonCommand(command: string): DaemonCommand | null {
  const words = splitCommandLine(command);
  const serve = words.findIndex((word, index) => word === 'serve-http' && isDaemonBefore(words, index));
  return serve < 0 ? null : addressOf(words.slice(serve + 1));
}

/**
 * Whether the words before `serve-http` start the daemon: directly, as a module, through its interpreter, or
 * with `uv run`.
 */
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

/** The last part of a path, without `.exe`. */
function programName(word: string): string {
  return (word.split(/[\\/]/).at(-1) ?? '').replace(/\.exe$/i, '');
}

const isUv = (name: string): boolean => /^uv$/i.test(name);
const isPython = (name: string): boolean => /^python3?$/i.test(name);
/** The kernel prepends the `#!` interpreter of a script: `…/python3.13 …/ktx-daemon serve-http`. */
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

/** The last occurrence wins, as in the daemon. */
function optionValue(options: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const [index, word] of options.entries()) {
    if (word === name) value = options[index + 1];
    else if (word.startsWith(`${name}=`)) value = word.slice(name.length + 1);
  }
  return value;
}

/**
 * Whether a recorded pid is still the recorded daemon. A pid may be reused, and a state file may come with a
 * cloned project and name any process: a process that is not ours is never signalled.
 */
export async function isRecordedDaemon(recorded: { pid: number; port: number }): Promise<boolean> {
  const command = await readProcessCommand(recorded.pid);
  return command !== null && isDaemonAtPort(command, recorded.port, process.platform === 'linux');
}

/**
 * The same, and that it runs as this user; texts are sent to no other daemon. A state file may come with a
 * cloned project and name anyone's server, but the process that holds a live daemon's port is that daemon.
 */
export async function isOwnRecordedDaemon(recorded: { pid: number; port: number }): Promise<boolean> {
  return (await isOwnProcess(recorded.pid)) && (await isRecordedDaemon(recorded));
}

/**
 * Whether a command line is that of a daemon at this port. Where it is not exact (`ps` joins arguments with
 * spaces), a path with a space is split; then the ending that all our daemons share decides. Pure.
 */
export function isDaemonAtPort(command: string, port: number, isExact: boolean): boolean {
  const daemon = parseDaemonCommand(command);
  if (daemon) return !daemon.isPortGiven || daemon.port === port;
  const ending = `/${daemonCommandName()} serve-http --host ${DEFAULT_HOST} --port ${port}`;
  return !isExact && /^\/.*\/python[\d.]* \//i.test(command) && command.endsWith(ending);
}
