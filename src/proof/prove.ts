import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { embeddingsModelDir } from '../core/model-folder-path.ts';
import { askEmbedding, largestDifference } from '../daemon/http/embedding.ts';
import { daemonHealthProblem } from '../daemon/http/health.ts';
import { assertLoopback } from '../daemon/http/loopback.ts';
import { isPortTaken, onFreePort } from '../daemon/http/port.ts';
import { newSecret } from '../daemon/http/proof.ts';
import { MACHINE_CAUSES } from '../failure/causes/machine-causes.ts';
import { reasonOfText } from '../failure/causes/machine-reason.ts';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { type StandstillLimits, watchStandstill } from '../process/standstill.ts';
import { interpreterEnvironment } from '../python/system-python.ts';
import { type InstalledKtxRuntimeManifest, isForeignWheel } from '../runtime/manifest.ts';
import { type WheelProof, wheelProofOf } from '../shipped/asset-schema.ts';
import { linkedAbort } from '../support/async/linked-abort.ts';
import { CancelledError, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { otherRemedy, REBUILD } from '../support/remedies.ts';
import { countTables } from './reference-statement.ts';
import { REFERENCE_TEXT, REFERENCE_VECTOR } from './reference-vector.ts';

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
 * No limit on the total time, since a busy machine may take long. Only standing still or computing endlessly
 * counts as failure.
 */
const PROOF_LIMITS = { stillMs: 60_000, cpuMs: 600_000 };
/** How long wrong answers are tolerated: another process may briefly hold the port. */
const WRONG_ANSWER_MS = 60_000;
const POLL_INTERVAL_MS = 10;
const PROBE_TIMEOUT_MS = 2000;
/** The standstill watch ends a request long before this. */
const WORK_TIMEOUT_MS = 3_600_000;
/**
 * Prefix of the line in which our own daemon identifies itself when asked for a proof, see
 * `ktx_daemon.self_proof`.
 */
const IDENTITY_PREFIX = 'ktx-daemon identity: ';
/** Engines agree within 3e-7; another model or a wrong graph differs by tenths. */
const MAX_DIFFERENCE = 1e-4;

export interface ProofOptions {
  environmentDir: string;
  pythonPath: string;
  daemonPath: string;
  cliVersion: string;
  /** A foreign wheel, whose daemon need not prove that it knows its secret. */
  isForeign?: boolean;
  /** How another program's wheel is proved, from its manifest. */
  wheelProof?: WheelProof;
  /** Folder of the embedding model; if set, the proof includes a vector. */
  modelDir?: string;
  env: NodeJS.ProcessEnv;
  /** Keep the children from writing bytecode into the environment. */
  isReadOnly?: boolean;
  signal?: AbortSignal;
  /** When a daemon counts as failed; for tests. */
  limits?: StandstillLimits;
  /** Masks secrets in the output of the children. */
  mask?: (text: string) => string;
  /** Called for every child, see `runProcess`. */
  onSpawn?: (pid: number, mark: string) => void;
  onLines?: (stream: 'stdout' | 'stderr', lines: string[]) => void | Promise<void>;
  /** Called for each part of the proof as soon as it succeeds. */
  onProven?: (part: ProvenPart) => void;
  /** Told of the end of a daemon that has proved itself, which the proof then does not wait for. Never rejects. */
  onEnding?: (ended: Promise<void>) => void;
}

/** One proven property of an environment: `SQL is analysed`. */
export interface ProvenPart {
  id: 'python' | 'imports' | 'daemon' | 'analysis' | 'vector';
  label: string;
  detail: string;
}

/**
 * The proof options recorded in an installed environment. A foreign wheel has its own way to embed, and its
 * own model.
 */
export function proofOf(
  { locked, features, asset }: Pick<InstalledKtxRuntimeManifest, 'locked' | 'features' | 'asset'>,
  runtimeRoot: string,
): Pick<ProofOptions, 'isForeign' | 'modelDir' | 'wheelProof'> {
  const wheelProof = wheelProofOf(asset);
  const isForeign = isForeignWheel({ locked, asset });
  const hasModel = !isForeign && features.includes('local-embeddings');
  return { isForeign, wheelProof, modelDir: hasModel ? embeddingsModelDir(runtimeRoot) : undefined };
}

export interface Proof {
  pythonVersion: string;
  daemon: DaemonProof;
}

/** What a daemon demonstrated. */
export interface DaemonProof {
  /** False for a wheel without a server: its command only has to exist. */
  isServing?: false;
  /** How many tables it found in the reference statement; null for a foreign wheel. */
  tableCount: number | null;
  hasVector: boolean;
  /**
   * Version of the interpreter that answered, if the daemon identified itself as belonging to this
   * environment; its process has imported both packages.
   */
  pythonVersion?: string;
}

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

/**
 * What a daemon demonstrated, as one clause: "answered /health and analysed a statement (2 tables found)".
 */
export function daemonEvidence({ isServing, tableCount, hasVector }: DaemonProof): string {
  if (isServing === false) return 'is there, and serves nothing';
  const deeds = ['answered /health'];
  if (tableCount !== null) deeds.push(`analysed a statement (${tableCount} tables found)`);
  if (hasVector) deeds.push('computed the reference vector');
  const last = deeds.pop()!;
  return deeds.length > 0 ? `${deeds.join(', ')} and ${last}` : last;
}

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
async function identifiedVersion(options: ProofOptions, said: string | null): Promise<string | null> {
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

/**
 * Checks that the daemon starts on a free port, answers `/health` with our version and a proof, and works. Then ends it.
 */
export async function proveDaemon(options: ProofOptions): Promise<DaemonProof> {
  if (options.wheelProof?.serves === false) {
    if (await pathExists(options.daemonPath)) return { isServing: false, tableCount: null, hasVector: false };
    throw unproven('its command is missing', options.daemonPath, '');
  }
  await assertLoopback();
  return onFreePort(
    (port) => proveDaemonAt(options, port),
    (error) => error instanceof UnstartedError && error.evidence.some(isPortTaken),
  );
}

async function proveDaemonAt(options: ProofOptions, port: number): Promise<DaemonProof> {
  const env = interpreterEnvironment(options.env);
  const baseUrl = `http://127.0.0.1:${port}`;
  const secret = newSecret();
  const watch = watchStandstill(options.limits ?? PROOF_LIMITS);
  const { stop, signal } = linkedAbort(options.signal);
  const asking = AbortSignal.any([watch.signal, ...(options.signal ? [options.signal] : [])]);
  let printed = '';
  let said: string | null = null;
  const daemon = runProcess({
    command: options.daemonPath,
    args: ['serve-http', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    env: {
      ...env,
      KTX_DAEMON_VERSION: options.cliVersion,
      KTX_DAEMON_SECRET: secret,
      ...(options.isForeign ? {} : { KTX_DAEMON_PROOF: '1' }),
      ...(options.isReadOnly ? { PYTHONDONTWRITEBYTECODE: '1' } : {}),
      ...(options.modelDir ? { KTX_EMBEDDINGS_MODEL_DIR: options.modelDir } : {}),
    },
    signal,
    // Ours keeps nothing that it could lose, and looks for a signal ten times a second.
    ...(options.isForeign ? {} : { graceMs: 0 }),
    mask: options.mask,
    onSpawn: (pid, mark) => {
      watch.start(pid, mark);
      options.onSpawn?.(pid, mark);
    },
    onLines: (stream, all) => {
      const lines = all.filter((line) => !line.startsWith(IDENTITY_PREFIX));
      said ??= all.find((line) => line.startsWith(IDENTITY_PREFIX)) ?? null;
      if (lines.length === 0) return;
      printed = `${printed}${lines.join('\n')}\n`.slice(-4000);
      return options.onLines?.(stream, lines);
    },
  }).then(
    (outcome) => `it ${endingText(outcome.exitCode, outcome.signal)}`,
    (error: unknown) => (error instanceof CancelledError ? null : errorMessage(error)),
  );
  let endedEarly: string | null = null;
  let isProven = false;
  void daemon.then((reason) => {
    endedEarly = reason ?? 'it was stopped';
  });
  try {
    let wrongSince: number | null = null;
    for (;;) {
      throwIfCancelled(options.signal);
      const { cliVersion } = options;
      const problem = await daemonHealthProblem({
        baseUrl,
        cliVersion,
        secret,
        isProofOptional: options.isForeign,
        timeoutMs: PROBE_TIMEOUT_MS,
        signal: options.signal,
      });
      if (problem === null) break;
      if (endedEarly !== null)
        throw unstarted('the daemon does not start', options.daemonPath, `${endedEarly}\n${printed}`);
      const isWrongAnswer = !/ECONNREFUSED|No answer within/.test(problem);
      wrongSince = isWrongAnswer ? (wrongSince ?? performance.now()) : null;
      const isWrongForLong = wrongSince !== null && performance.now() - wrongSince > WRONG_ANSWER_MS;
      if (watch.signal.aborted || isWrongForLong) {
        const waited = `no healthy answer on port ${port}${isWrongForLong ? '' : `: it ${watch.reason()}`}, last: ${problem}`;
        throw unstarted('the daemon does not answer', options.daemonPath, `${waited}\n${printed}`);
      }
      await delay(POLL_INTERVAL_MS);
    }
    let pythonVersion = await identifiedVersion(options, said);
    const tell = (part: ProvenPart) => options.onProven?.(part);
    tell({ id: 'daemon', label: 'The daemon answers', detail: `/health on 127.0.0.1:${port}` });
    const working = { ...options, signal: asking };
    const [tableCount] = await Promise.all([
      options.isForeign ? null : proveAnalysis(working, port),
      options.modelDir ? proveVector(working, port) : undefined,
    ]).catch((error: unknown) => {
      throwIfCancelled(options.signal);
      if (!watch.signal.aborted) throw error;
      throw unproven('the daemon does not answer', options.daemonPath, `it ${watch.reason()}\n${printed}`);
    });
    // On a busy machine this line may be read after the answer.
    pythonVersion ??= await identifiedVersion(options, said);
    isProven = true;
    return {
      tableCount,
      hasVector: options.modelDir !== undefined,
      ...(pythonVersion ? { pythonVersion } : {}),
    };
  } finally {
    watch.stop();
    stop();
    const ended = daemon.then(() => {});
    if (isProven && options.onEnding) options.onEnding(ended);
    else await ended;
  }
}

/** Checks that a statement is parsed and the right tables are found. @returns how many. */
async function proveAnalysis(options: ProofOptions, port: number): Promise<number> {
  const count = await countTables(port, { timeoutMs: WORK_TIMEOUT_MS, signal: options.signal }).catch(
    (error: unknown) => {
      throwIfCancelled(options.signal);
      throw unproven('no SQL can be analysed', options.daemonPath, errorMessage(error));
    },
  );
  options.onProven?.({
    id: 'analysis',
    label: 'SQL is analysed',
    detail: `${count} tables found in: with orders as (…) select … join shop.customers`,
  });
  return count;
}

/** Checks that the model computes the reference vector here. */
async function proveVector(options: ProofOptions, port: number): Promise<void> {
  const vector = await askEmbedding(port, REFERENCE_TEXT, {
    timeoutMs: WORK_TIMEOUT_MS,
    signal: options.signal,
  }).catch((error: unknown) => {
    throwIfCancelled(options.signal);
    throw unproven('no vector can be computed', options.daemonPath, errorMessage(error));
  });
  const difference = largestDifference(vector, REFERENCE_VECTOR);
  if (difference <= MAX_DIFFERENCE) {
    const detail = `a vector of ${REFERENCE_VECTOR.length} numbers equals its reference, ${difference.toExponential(0)} off at most`;
    options.onProven?.({ id: 'vector', label: 'Embeddings are right', detail });
  } else {
    const found = `the vector of "${REFERENCE_TEXT}" differs from its reference by ${difference.toPrecision(2)}`;
    throw unproven('it computes wrong vectors', options.daemonPath, found);
  }
}

/** The daemon never answered properly, possibly because an import failed. */
class UnstartedError extends SetupError {}

function unstarted(what: string, path: string, output: string): SetupError {
  return unproven(what, path, output, UnstartedError);
}

function unproven(what: string, path: string, output: string, Kind = SetupError): SetupError {
  const lines = output.trim().split('\n').filter(Boolean).slice(-8);
  const setting = /KTX_\w+ is .*or run: (unset \w+)/.exec(output)?.[1];
  const read = setting === undefined ? reasonOfText(output) : null;
  const row = read === null ? null : MACHINE_CAUSES[read.reason];
  return new Kind(`The Python environment is in place, but ${what}.`, {
    failureClass: row?.failureClass ?? 'internal',
    ...(row === null ? {} : { causeId: row.cause }),
    evidence: [path, ...(row && read ? [row.title({ ...read, program: basename(path) })] : []), ...lines],
    remedies: setting
      ? [otherRemedy(setting)]
      : [
          ...(row?.remedies(read ?? {}) ?? [REBUILD]),
          otherRemedy('See the install log for everything that was printed'),
        ],
  });
}
