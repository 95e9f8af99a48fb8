import type { KtxRuntimeFeature } from '../core/features.ts';

/** Argument lists of the uv calls, in the order in which they run; the first call is `readUvVersion`. Pure. */

/** Row 2. `request` is a minor (`3.13`) for a wheel without a lock, the locked patch version otherwise. */
export const pythonInstallArgs = (request: string): string[] => ['python', 'install', request];

/** Row 3. For a system interpreter `request` is its path. */
export const venvArgs = (request: string, environmentDir: string): string[] => [
  'venv',
  '--python',
  request,
  environmentDir,
];

/** Not in the contract: uv runs the interpreter, and keeps the answer in its cache for the install. */
export const findArgs = (pythonPath: string): string[] => ['python', 'find', pythonPath];

/** Row 4 for a wheel without a lock: uv resolves its requirements. */
export function wheelInstallArgs(
  pythonPath: string,
  wheelPath: string,
  features: readonly KtxRuntimeFeature[],
): string[] {
  const extra = features.includes('local-embeddings') ? '[local-embeddings]' : '';
  return ['pip', 'install', '--python', pythonPath, `${wheelPath}${extra}`];
}

/** Row 4 for the bundled wheel: one generated file that pins every file by digest. */
export const lockedInstallArgs = (pythonPath: string, requirementsPath: string): string[] => [
  'pip',
  'install',
  '--python',
  pythonPath,
  '--require-hashes',
  '-r',
  requirementsPath,
];
