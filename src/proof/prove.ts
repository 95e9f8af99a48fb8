import { linkedAbort } from '../support/async/linked-abort.ts';
import { CancelledError } from '../support/errors.ts';
import type { Proof, ProofOptions } from './proof.ts';
import { proveDaemon } from './prove-daemon.ts';
import { proveImports } from './prove-imports.ts';
import { UnstartedError } from './unproven.ts';

/**
 * Proves an environment in place: the interpreter runs, belongs to this environment and imports both
 * packages, and the daemon answers `/health` on a free port with the version and a proof of a secret that
 * only it was given. Our own daemon also analyses a statement and, with a model, computes a vector.
 * @throws SetupError naming the part that failed, with the last lines of the child's output as evidence.
 */
export async function proveEnvironment(options: ProofOptions): Promise<Proof> {
  return options.isForeign || options.wheelProof ? proveForeign(options) : proveOwn(options);
}

/**
 * One process proves everything. If an older wheel of ours does not identify itself, the interpreter is
 * asked.
 */
async function proveOwn(options: ProofOptions): Promise<Proof> {
  const daemon = await proveDaemon(options).catch(async (error: unknown) => {
    if (error instanceof CancelledError || !(error instanceof UnstartedError)) throw error;
    // A failed import explains better why the daemon does not start.
    await proveImports(options);
    throw error;
  });
  const pythonVersion = daemon.pythonVersion ?? (await proveImports(options));
  return { pythonVersion, daemon };
}

async function proveForeign(options: ProofOptions): Promise<Proof> {
  // In parallel, since each imports different packages for the first time: sequentially this would be a third
  // of the whole install. A failed import also explains better why the daemon does not start.
  const { stop, signal } = linkedAbort(options.signal);
  const [imports, daemon] = await Promise.allSettled([
    proveImports(options).catch((error: unknown) => {
      stop();
      throw error;
    }),
    proveDaemon({ ...options, signal }),
  ]);
  if (imports.status === 'rejected') throw imports.reason;
  if (daemon.status === 'rejected') throw daemon.reason;
  return { pythonVersion: imports.value, daemon: daemon.value };
}
