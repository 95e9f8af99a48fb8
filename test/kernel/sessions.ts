import { tmpdir } from 'node:os';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';
import type {
  KernelDisplayOutput,
  KernelExecuteOptions,
  KernelExecuteResult,
  KernelStartOptions,
} from '../../src/kernel/types.ts';

export interface Ran {
  chunks: string[];
  text: string;
  outputs: KernelDisplayOutput[];
  result: KernelExecuteResult;
}

/** Sessions of one interpreter. */
export function createSessions(pythonPath: string) {
  const open: PythonKernel[] = [];
  let common: PythonKernel | null = null;

  async function start(options: Partial<KernelStartOptions> = {}): Promise<PythonKernel> {
    const kernel = await PythonKernel.start({ pythonPath, cwd: tmpdir(), ...options });
    open.push(kernel);
    return kernel;
  }

  /** A session shared by tests that leave it unchanged, since starting one takes most of their time. */
  async function shared(): Promise<PythonKernel> {
    if (!common?.isAlive()) common = await start();
    return common;
  }

  async function endAll(): Promise<void> {
    await Promise.all(open.splice(0).map((kernel) => kernel.shutdown({ timeoutMs: 5000 })));
  }

  return { start, shared, endAll };
}

/** Executes code and collects all output. */
export async function run(
  kernel: PythonKernel,
  code: string,
  options: KernelExecuteOptions = {},
): Promise<Ran> {
  const chunks: string[] = [];
  const outputs: KernelDisplayOutput[] = [];
  const result = await kernel.execute(code, {
    ...options,
    onChunk: (text) => {
      chunks.push(text);
      return options.onChunk?.(text);
    },
    onDisplay: (output) => void outputs.push(output),
  });
  return { chunks, outputs, result, text: chunks.join('') };
}

/**
 * Resolves with a request's text as soon as it contains `mark`, to wait until the code has reached a point.
 */
export function printed(mark: string) {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  const onChunk = (chunk: string): void => {
    text += chunk;
    if (text.includes(mark)) resolve(text);
  };
  return { onChunk, seen: promise };
}
