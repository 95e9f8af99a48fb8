import { setTimeout as delay } from 'node:timers/promises';
import { askEmbedding, largestDifference } from '../daemon/http/embedding.ts';
import { daemonHealthProblem } from '../daemon/http/health.ts';
import { assertLoopback } from '../daemon/http/loopback.ts';
import { isPortTaken, onFreePort } from '../daemon/http/port.ts';
import { newSecret } from '../daemon/http/proof.ts';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { watchStandstill } from '../process/standstill.ts';
import { interpreterEnvironment } from '../python/system-python.ts';
import { linkedAbort } from '../support/async/linked-abort.ts';
import { CancelledError, errorMessage, throwIfCancelled } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import type { DaemonProof, ProofOptions, ProvenPart } from './proof.ts';
import { IDENTITY_PREFIX, identifiedVersion } from './prove-imports.ts';
import { countTables } from './reference-statement.ts';
import { REFERENCE_TEXT, REFERENCE_VECTOR } from './reference-vector.ts';
import { UnstartedError, unproven, unstarted } from './unproven.ts';

/**
 * No limit on the total time, since a busy machine may take long. Only standing still or computing endlessly
 * counts as failure.
 */
const PROOF_LIMITS = { stillMs: 60_000, cpuMs: 600_000 };
/** How long wrong answers are tolerated: another process may briefly hold the port. */
const WRONG_ANSWER_MS = 60_000;
const POLL_INTERVAL_MS = 10;
/** Until our daemon says that it listens. One of an older wheel says who it is earlier, and is polled from then on. */
const SILENT_POLL_INTERVAL_MS = 250;
const PROBE_TIMEOUT_MS = 2000;
/** Ending a tree looks at every process of the machine: not before a caller that goes on has begun its next work. */
const END_AFTER_MS = 25;
/** The standstill watch ends a request long before this. */
const WORK_TIMEOUT_MS = 3_600_000;
/** Engines agree within 3e-7; another model or a wrong graph differs by tenths. */
const MAX_DIFFERENCE = 1e-4;

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
  const identified = Promise.withResolvers<void>();
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
      if (said !== null) identified.resolve();
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
    identified.resolve();
  });
  // Asking costs processor time that the daemon's imports need.
  const wait = () => {
    if (options.isForeign || said !== null || endedEarly !== null) return delay(POLL_INTERVAL_MS);
    const timer = new AbortController();
    const { signal } = timer;
    const asleep = delay(SILENT_POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
    return Promise.race([identified.promise, asleep]).finally(() => timer.abort());
  };
  try {
    let wrongSince: number | null = null;
    for (;;) {
      await wait();
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
    if (isProven && options.onEnding)
      options.onEnding(
        delay(END_AFTER_MS)
          .then(stop)
          .then(() => daemon)
          .then(() => {}),
      );
    else {
      stop();
      await daemon;
    }
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
