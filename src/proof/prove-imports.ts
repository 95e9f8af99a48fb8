import { realpath } from 'node:fs/promises';
import * as z from 'zod/mini';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { interpreterEnvironment } from '../python/system-python.ts';
import type { WheelProof } from '../shipped/asset-schema.ts';
import { CancelledError, errorMessage } from '../support/errors.ts';
import type { ProofOptions } from './proof.ts';
import { unproven } from './unproven.ts';

/** The packages in our own wheel. */
const OWN_IMPORTS = ['ktx_daemon', 'semantic_layer'];

/** The modules that must be importable in an environment with a wheel. */
export function importedModules(wheelProof: WheelProof | undefined): readonly string[] {
  return wheelProof?.imports ?? OWN_IMPORTS;
}

const importScript = (modules: readonly string[]): string => `
import json, sys
${modules.map((name) => `import ${name}\n`).join('')}print(json.dumps({"prefix": sys.prefix, "version": sys.version.split()[0]}))
`;

const importAnswerSchema = z.object({ prefix: z.string(), version: z.string() });

/**
 * Prefix of the line in which our own daemon identifies itself when asked for a proof, see
 * `ktx_daemon.self_proof`.
 */
export const IDENTITY_PREFIX = 'ktx-daemon identity: ';
/**
 * Checks that the interpreter runs, belongs to this environment and imports both packages. @returns its
 * version.
 */
export async function proveImports(options: ProofOptions): Promise<string> {
  const env = interpreterEnvironment(options.env);
  const outcome = await runProcess({
    command: options.pythonPath,
    args: ['-I', '-c', importScript(importedModules(options.wheelProof))],
    env,
    signal: options.signal,
    mask: options.mask,
    onSpawn: options.onSpawn,
  }).catch((error: unknown) => {
    if (error instanceof CancelledError) throw error;
    throw unproven('the interpreter does not start', options.pythonPath, errorMessage(error));
  });
  if (outcome.exitCode !== 0) {
    const how = outcome.signal === null ? '' : `\nit ${endingText(null, outcome.signal)}`;
    throw unproven('the packages cannot be imported', options.pythonPath, outcome.stderr + how);
  }
  const answer = readAnswer(options.pythonPath, outcome.stdout);
  await assertOwnPrefix(options, answer.prefix);
  tellInterpreter(options, answer.version);
  return answer.version;
}

/** Reports the interpreter and its imports as proven. */
function tellInterpreter({ onProven, environmentDir, wheelProof }: ProofOptions, version: string): void {
  const packages = (wheelProof?.imports ?? OWN_IMPORTS).join(', ');
  onProven?.({ id: 'python', label: `Python ${version} starts`, detail: environmentDir });
  onProven?.({ id: 'imports', label: 'Packages can be imported', detail: packages });
}

async function assertOwnPrefix(
  { environmentDir, pythonPath }: Pick<ProofOptions, 'environmentDir' | 'pythonPath'>,
  prefix: string,
): Promise<void> {
  if ((await realpath(prefix)) === (await realpath(environmentDir))) return;
  throw unproven('the interpreter belongs to another environment', pythonPath, `sys.prefix is ${prefix}`);
}

/**
 * The version of the interpreter that answered, checked to belong to this environment; `null` when it did not
 * identify itself.
 */
export async function identifiedVersion(options: ProofOptions, said: string | null): Promise<string | null> {
  if (said === null) return null;
  let identity: z.infer<typeof importAnswerSchema>;
  try {
    identity = importAnswerSchema.parse(JSON.parse(said.slice(IDENTITY_PREFIX.length)));
  } catch {
    throw unproven('the daemon does not say who it is', options.daemonPath, said);
  }
  await assertOwnPrefix(options, identity.prefix);
  tellInterpreter(options, identity.version);
  return identity.version;
}

/** Finds the answer among whatever packages print on import or at exit. */
function readAnswer(pythonPath: string, printed: string): z.infer<typeof importAnswerSchema> {
  try {
    return importAnswerSchema.parse(
      JSON.parse(printed.split('\n').findLast((line) => line.startsWith('{"prefix"')) ?? ''),
    );
  } catch {
    throw unproven('the interpreter gives no answer', pythonPath, printed);
  }
}
