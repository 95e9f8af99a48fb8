import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The folder that has torch's CPU build, where the package index has only that for graphics cards. */
export const FIND_LINKS = process.env['KTX_BENCH_FIND_LINKS'] ?? process.env['PIP_FIND_LINKS'] ?? null;
/** An interpreter that torch fits. */
export const PYTHON = process.env['KTX_BENCH_PYTHON'] ?? 'python3';

/**
 * An environment with sentence-transformers on torch's CPU build, and fastembed. It is made in KTX_BENCH_PEERS where that is set,
 * and found there by the next run. The server of Hugging Face, text-embeddings-inference, is not in the package index.
 * @returns its interpreter.
 */
export async function installPeers(scratch: string): Promise<string> {
  const folder = join(process.env['KTX_BENCH_PEERS'] ?? scratch, 'peers');
  const python = join(folder, 'bin', 'python');
  const done = join(folder, 'lib', 'peers-installed');
  if (existsSync(done)) return python;
  const torch = FIND_LINKS === null ? null : torchWheelIn(FIND_LINKS);
  await run(PYTHON, ['-m', 'venv', '--clear', folder]);
  const packages = [
    torch ? `torch==${torch.version}` : 'torch',
    'sentence-transformers',
    'fastembed',
    'onnx',
  ];
  await run(python, ['-m', 'pip', 'install', '--quiet', ...packages], {
    env: { ...process.env, ...(FIND_LINKS && { PIP_FIND_LINKS: FIND_LINKS }) },
    maxBuffer: 2 ** 26,
  });
  await run(python, ['-c', `open(${JSON.stringify(done)}, 'w')`]);
  return python;
}

export function torchWheelIn(folder: string): { version: string; sizeBytes: number } | null {
  const file = readdirSync(folder).find((name) => /^torch-[^-]+\+cpu-.*\.whl$/.test(name));
  if (!file) return null;
  return { version: file.split('-')[1]!, sizeBytes: statSync(join(folder, file)).size };
}
