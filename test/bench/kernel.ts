import { tmpdir } from 'node:os';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';
import { anyInterpreter } from '../kernel/interpreters.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { outputOf } from './command-output.ts';

const ROUNDS = 15;

/** What a session costs before its first result, and per request, against starting Python anew. */
export async function kernelBench(): Promise<BenchRow[]> {
  const pythonPath = anyInterpreter();
  const cold = await compare({
    name: 'a Python session, from start to first result',
    yardstick: "python -c 'print(1+1)'",
    limit: 3,
    rounds: ROUNDS,
    run: async () => {
      const startedAt = performance.now();
      const kernel = await PythonKernel.start({ pythonPath, cwd: tmpdir() });
      await kernel.execute('1+1');
      const durationMs = performance.now() - startedAt;
      await kernel.shutdown();
      return durationMs;
    },
    runYardstick: () => outputOf(pythonPath, ['-c', 'print(1+1)'], process.env),
  });
  const kernel = await PythonKernel.start({ pythonPath, cwd: tmpdir() });
  try {
    const warm = await compare({
      name: 'one request to a running session',
      yardstick: "python -c 'print(1+1)'",
      limit: 0.5,
      rounds: ROUNDS,
      run: () => kernel.execute('print(1+1)'),
      runYardstick: () => outputOf(pythonPath, ['-c', 'print(1+1)'], process.env),
    });
    return [cold, warm];
  } finally {
    await kernel.shutdown();
  }
}
