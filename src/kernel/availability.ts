import { resolve } from 'node:path';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { errorMessage } from '../support/errors.ts';
import { kernelEnvironment } from './environment.ts';

export interface PythonKernelAvailability {
  ok: boolean;
  pythonPath?: string;
  /** Why it is unavailable, in one sentence. */
  reason?: string;
}

export interface PythonKernelAvailabilityOptions {
  pythonPath: string;
  cwd: string;
  env?: Record<string, string | undefined>;
  signal?: AbortSignal;
  /** Default 5000. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5000;

/** Whether the interpreter starts and exits in the environment that a session would get. Never rejects. */
export async function checkPythonKernelAvailability({
  pythonPath,
  cwd,
  env,
  signal,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: PythonKernelAvailabilityOptions): Promise<PythonKernelAvailability> {
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), timeoutMs);
  timer.unref();
  const unavailable = (reason: string) => ({ ok: false, pythonPath, reason });
  try {
    const { exitCode, signal: endSignal } = await runProcess({
      command: resolve(pythonPath),
      args: ['-c', 'raise SystemExit(0)'],
      cwd,
      env: kernelEnvironment(process.env, pythonPath, env),
      signal: signal ? AbortSignal.any([signal, tooLong.signal]) : tooLong.signal,
      maxCaptureBytes: 0,
    });
    if (exitCode === 0) return { ok: true, pythonPath };
    const how = endSignal ? endingText(null, endSignal) : `returned exit code ${exitCode}`;
    return unavailable(`Python interpreter at ${pythonPath} ${how}`);
  } catch (error) {
    if (tooLong.signal.aborted && !signal?.aborted)
      return unavailable(`Python interpreter at ${pythonPath} did not answer within ${timeoutMs} ms`);
    return unavailable(errorMessage(error));
  } finally {
    clearTimeout(timer);
  }
}
