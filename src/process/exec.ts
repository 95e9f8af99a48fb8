import { endingText } from './ending.ts';
import { runProcess } from './run-process.ts';

/** How the library runs uv and Python; callers and tests may inject their own. */
export type ManagedPythonRuntimeExec = (
  command: string,
  args: string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv },
) => Promise<{ stdout: string; stderr: string }>;

/** A failed command with its output, which the failure message and the install log quote. */
export class ExecError extends Error {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;

  constructor(
    message: string,
    outcome: { stdout: string; stderr: string; exitCode: number | null; signal: NodeJS.Signals | null },
  ) {
    super(message);
    this.name = 'ExecError';
    this.stdout = outcome.stdout;
    this.stderr = outcome.stderr;
    this.exitCode = outcome.exitCode;
    this.signal = outcome.signal;
  }
}

/** Options beyond the contract's signature, see `runProcess`. */
interface ExecControl {
  signal?: AbortSignal;
  onSpawn?: (pid: number, mark: string) => void;
}

/** A `defaultExec` that can be cancelled and reports its children. */
export function controlledExec(control: ExecControl): ManagedPythonRuntimeExec {
  return (command, args, options) => defaultExec(command, args, { ...options, ...control });
}

const EXEC_BUFFER_BYTES = 20 * 1024 * 1024;

/**
 * Runs a command without a shell; UTF-8, output kept in memory up to 20 MiB per stream.
 * @throws ExecError on a non-zero exit, death by signal or too much output, with `stdout` and `stderr`.
 * @throws the system's error when the command cannot be started; CancelledError.
 */
export async function defaultExec(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } & ExecControl = {},
): Promise<{ stdout: string; stderr: string }> {
  const outcome = await runProcess({ ...options, command, args, maxCaptureBytes: EXEC_BUFFER_BYTES });
  if (outcome.isTruncated) throw new ExecError(`${command} printed more than 20 MiB.`, outcome);
  if (outcome.exitCode === 0) return { stdout: outcome.stdout, stderr: outcome.stderr };
  throw new ExecError(`${command} ${endingText(outcome.exitCode, outcome.signal)}.`, outcome);
}
