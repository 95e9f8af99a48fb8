import { type Emit, linesBody, type SetupStep } from '../core/events.ts';
import { reasonOfText } from '../failure/causes/machine-reason.ts';
import type { InstallLog } from '../log/install-log.ts';
import { endingText } from '../process/ending.ts';
import type { ManagedPythonRuntimeExec } from '../process/exec.ts';
import { type RunProcessOptions, runProcess } from '../process/run-process.ts';
import { batchOfLines, type LineBatch } from '../support/line-batch.ts';
import { parseUvBatch } from './output.ts';

/** A failed uv command. Callers may match its message. */
export class UvCommandError extends Error {
  readonly uvArgs: readonly string[];
  readonly output: string;

  constructor(uvArgs: readonly string[], stdout: string, stderr: string, logPath: string, cause?: unknown) {
    const output = [stderr.trim(), stdout.trim()].filter(Boolean).join('\n');
    const text = output
      ? `Python runtime install failed.\n${output}\nInstall log: ${logPath}`
      : `Python runtime install failed. Install log: ${logPath}`;
    super(text, cause === undefined ? undefined : { cause });
    this.name = 'UvCommandError';
    this.uvArgs = uvArgs;
    this.output = output;
  }
}

export interface UvRunner {
  /**
   * Runs uv and streams its command line and output to the install log and as events.
   * @throws UvCommandError for a non-zero exit, CancelledError once its process tree is gone.
   */
  run(step: SetupStep, args: string[], env: NodeJS.ProcessEnv): Promise<void>;
}

/**
 * With `exec` (injected by an embedding program) commands go through it, and their output arrives at the end.
 */
export function createUvRunner(options: {
  uvPath: string;
  log: InstallLog | null;
  logPath: string;
  emit: Emit;
  /** Masks secrets in uv's output. */
  mask: (text: string) => string;
  /** Identifies text that needs no masking, see `runProcess`. */
  lineParts?: RunProcessOptions['lineParts'];
  /** Called for every child, see `runProcess`. */
  onSpawn?: (pid: number, mark: string) => void;
  exec?: ManagedPythonRuntimeExec;
  signal?: AbortSignal;
}): UvRunner {
  const { uvPath, log, emit, exec, signal, onSpawn } = options;

  const masked = (output: { stdout: string; stderr: string }) => ({
    stdout: options.mask(output.stdout),
    stderr: options.mask(output.stderr),
  });

  async function outcomeOf(
    args: string[],
    env: NodeJS.ProcessEnv,
    onBatch: (stream: 'stdout' | 'stderr', batch: LineBatch) => Promise<void>,
  ): Promise<{ isOk: boolean; stdout: string; stderr: string; cause?: unknown }> {
    if (!exec) {
      const { mask, lineParts } = options;
      const run = { command: uvPath, args, env, signal, mask, lineParts, onBatch, onSpawn };
      const outcome = await runProcess(run);
      const { stdout, stderr } = outcome;
      if (outcome.signal === null) return { isOk: outcome.exitCode === 0, stdout, stderr };
      const how = `uv ${endingText(outcome.exitCode, outcome.signal)}`;
      await onBatch('stderr', batchOfLines([how]));
      return { isOk: false, stdout, stderr: `${stderr}\n${how}` };
    }
    try {
      const { stdout, stderr } = masked(await exec(uvPath, args, { env }));
      await onBatch('stdout', batchOfLines(linesOf(stdout)));
      await onBatch('stderr', batchOfLines(linesOf(stderr)));
      return { isOk: true, stdout, stderr };
    } catch (cause) {
      const { stdout, stderr } = masked(outputOf(cause));
      await onBatch('stdout', batchOfLines(linesOf(stdout)));
      await onBatch('stderr', batchOfLines(linesOf(stderr)));
      return { isOk: false, stdout, stderr, cause };
    }
  }

  return {
    async run(step, args, env) {
      await log?.command(uvPath, args);
      emit({ type: 'lines', step, stream: 'ktx', lines: [options.mask(`$ ${['uv', ...args].join(' ')}`)] });
      const onBatch = async (stream: 'stdout' | 'stderr', batch: LineBatch) => {
        if (batch.count === 0) return;
        emit(linesBody(step, stream, batch));
        for (const parsed of parseUvBatch(batch)) emit({ type: 'uv', step, ...parsed });
        await log?.maskedBatch(batch);
      };
      let outcome = await outcomeOf(args, env, onBatch);
      // uv panics when its thread pools hit the process limit (`ulimit -u`, a cgroup's `pids.max`).
      const lacksThreads = !outcome.isOk && reasonOfText(outcome.stderr)?.reason === 'too-many-processes';
      if (lacksThreads && !exec && env['UV_CONCURRENT_INSTALLS'] !== '1') {
        const text =
          'uv could not start its threads, of which this user may have few; once more with one (UV_CONCURRENT_INSTALLS=1)';
        emit({ type: 'note', step, level: 'warning', text });
        outcome = await outcomeOf(args, { ...env, UV_CONCURRENT_INSTALLS: '1' }, onBatch);
      }
      if (!outcome.isOk) {
        throw new UvCommandError(args, outcome.stdout, outcome.stderr, options.logPath, outcome.cause);
      }
    },
  };
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
}

function outputOf(error: unknown): { stdout: string; stderr: string } {
  const { stdout, stderr } = (error ?? {}) as { stdout?: unknown; stderr?: unknown };
  return {
    stdout: typeof stdout === 'string' ? stdout : '',
    stderr: typeof stderr === 'string' ? stderr : '',
  };
}
