import { existsSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createByteTail } from '../process/byte-tail.ts';
import { createLineAssembler } from '../process/line-assembler.ts';
import { type DuplexChild, type ExitStatus, spawnDuplex } from '../process/spawn-duplex.ts';
import { errorMessage } from '../support/errors.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { redactorFor } from '../support/text/environment-secrets.ts';
import type { Redactor } from '../support/text/redaction.ts';
import { checkPythonKernelAvailability } from './availability.ts';
import { bringUp } from './bring-up.ts';
import { kernelEnvironment } from './environment.ts';
import { type FrameReader, readFrames } from './frame-reader.ts';
import { encodeRequest, type KernelFrame } from './frames.ts';
import { createKernelLog, type KernelLog } from './log.ts';
import { KernelRequest } from './request.ts';
import { endProcess } from './shutdown.ts';
import type {
  KernelExecuteOptions,
  KernelExecuteResult,
  KernelShutdownOptions,
  KernelShutdownResult,
  KernelStartOptions,
} from './types.ts';

const SCRIPT_PATH = join(PACKAGE_ROOT, 'assets', 'kernel', 'session.py');
const DEFAULT_ESCALATION_MS = 5000;
const REPEAT_INTERRUPT_MS = 1000;
const START_FAILURE_PHASE_MS = 1000;
const STDERR_KEPT_BYTES = 8 * 1024;
const STDERR_SHOWN_CHARS = 2000;
const NEAR_END_MS = 1000;

let kernelCount = 0;

interface KernelSettings {
  log: KernelLog;
  redactor: Redactor;
  escalationMs: number;
}

/**
 * A Python process that runs source text on request and keeps its variables between requests. It is never
 * restarted; start a new kernel instead. Protocol: docs/kernel.md.
 */
export class PythonKernel {
  /** Unique within this process. */
  readonly id = `kernel-${++kernelCount}`;
  readonly #child: DuplexChild;
  readonly #settings: KernelSettings;
  readonly #reader: FrameReader;
  readonly #stderr = createByteTail(STDERR_KEPT_BYTES);
  readonly #queue: KernelRequest[] = [];
  /** The process has ended and so have its children. */
  readonly #tidied: Promise<void>;
  /** The same, and all its output has been delivered. */
  readonly #ended: Promise<ExitStatus>;
  #current: KernelRequest | null = null;
  #requestCount = 0;
  #isAlive = true;
  #shutdown: Promise<KernelShutdownResult> | null = null;

  private constructor(child: DuplexChild, settings: KernelSettings) {
    this.#child = child;
    this.#settings = settings;
    this.#reader = readFrames(child.stdout, settings.log, (frame) => this.#takeFrame(frame));
    const stderrEnd = this.#readStderr();
    this.#tidied = child.exited.then(() => child.endStrays());
    this.#ended = child.exited.then((status) => this.#afterEnd(status, stderrEnd));
  }

  /**
   * Starts a session and waits until it responds. The interpreter is checked while the session starts.
   * @throws Error that says why the interpreter or the session does not work. Nothing is left running.
   * @throws the signal's reason, or an error named AbortError or TimeoutError.
   */
  static async start(options: KernelStartOptions): Promise<PythonKernel> {
    if (options.signal?.aborted) throw abortError(options.signal.reason);
    const { pythonPath, cwd, env, signal, logger } = options;
    // A missing folder would be reported as a missing program; the session names it correctly.
    const spawnCwd = existsSync(cwd) ? cwd : parse(resolve(cwd)).root;
    const available = checkPythonKernelAvailability({ pythonPath, cwd: spawnCwd, env, signal });
    const redactor = redactorFor({ ...process.env, ...env });
    const log = createKernelLog(logger, redactor);
    let child: DuplexChild;
    try {
      child = await spawnDuplex({
        command: resolve(pythonPath),
        args: ['-u', SCRIPT_PATH],
        cwd: spawnCwd,
        env: kernelEnvironment(process.env, pythonPath, env),
      });
    } catch (error) {
      const { reason } = await available;
      throw new Error(reason ?? errorMessage(error), { cause: error });
    }
    const escalationMs = options.interruptEscalationMs ?? DEFAULT_ESCALATION_MS;
    const kernel = new PythonKernel(child, { log, redactor, escalationMs });
    try {
      const ready = bringUp(kernel, options);
      ready.catch(() => {});
      const { ok, reason } = await available;
      if (!ok && !signal?.aborted) throw new Error(reason ?? 'Python kernel unavailable');
      await ready;
      return kernel;
    } catch (error) {
      await kernel.shutdown({ timeoutMs: START_FAILURE_PHASE_MS });
      throw error;
    }
  }

  isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * Runs `code` after all earlier requests. Errors, timeouts, cancellation and the end of the process are
   * returned as results.
   * @throws Error `Python kernel is not running`.
   */
  async execute(code: string, options: KernelExecuteOptions = {}): Promise<KernelExecuteResult> {
    if (!this.#isAlive) throw new Error('Python kernel is not running');
    const request = new KernelRequest(String(++this.#requestCount), code, options, this.#settings.log);
    this.#queue.push(request);
    request.watch(() => this.#cancel(request));
    this.#sendNext();
    return request.result;
  }

  /** Interrupts the running request. Does nothing when there is none. */
  async interrupt(): Promise<void> {
    if (!this.#isAlive) return;
    if (this.#current?.phase === 'written') this.#current.isInterruptHeld = true;
    else this.#sendInterrupt();
  }

  /**
   * Ends the process in three phases, see `KernelShutdownOptions`. Never rejects; concurrent calls share one
   * shutdown.
   */
  shutdown(options: KernelShutdownOptions = {}): Promise<KernelShutdownResult> {
    this.#shutdown ??= this.#runShutdown(options).then((result) => {
      if (!result.confirmed) this.#shutdown = null;
      return result;
    });
    return this.#shutdown;
  }

  /** How the process ended, with the end of its stderr; `null` while it runs. Used when a start fails. */
  async endedText(): Promise<string | null> {
    const status = await Promise.race([this.#ended, delay(NEAR_END_MS, null, { ref: false })]);
    if (status === null) return null;
    const printed = this.#settings.redactor.redact(this.#stderr.text()).trim().slice(-STDERR_SHOWN_CHARS);
    return printed === '' ? exitText(status) : `${exitText(status)}\n${printed}`;
  }

  #sendNext(): void {
    if (this.#current !== null || !this.#isAlive) return;
    const request = this.#queue.shift();
    if (request === undefined) return;
    this.#current = request;
    request.phase = 'written';
    const { silent = false, storeHistory = !silent } = request.options;
    const message = { id: request.id, code: request.code, silent, storeHistory };
    this.#settings.log.trace('->', message);
    this.#child.stdin.write(encodeRequest(message), (error) => {
      if (!error) return;
      request.settleUnsent({ name: 'TransportError', value: errorMessage(error), traceback: [] });
      this.#finish(request);
    });
  }

  #finish(request: KernelRequest): void {
    if (this.#current !== request) return;
    this.#current = null;
    this.#sendNext();
  }

  async #takeFrame(frame: KernelFrame): Promise<void> {
    const request = this.#current;
    if (request === null || frame.id !== request.id) return;
    if (frame.type === 'started') {
      request.phase = 'started';
      if (request.isInterruptHeld) this.#sendInterrupt();
    }
    await request.deliver(frame);
    if (frame.type === 'done') this.#finish(request);
  }

  #cancel(request: KernelRequest): void {
    const position = this.#queue.indexOf(request);
    if (position >= 0) {
      this.#queue.splice(position, 1);
      request.settleUnsent();
      return;
    }
    if (request.phase === 'started') this.#sendInterrupt();
    else request.isInterruptHeld = true;
    // Repeat: Python drops an interrupt that arrives in a finalizer, and code may swallow one.
    const repeat = setInterval(() => {
      if (request.phase === 'started') this.#sendInterrupt();
    }, REPEAT_INTERRUPT_MS);
    const escalation = setTimeout(() => void this.shutdown(), this.#settings.escalationMs);
    repeat.unref();
    escalation.unref();
    request.cleanUpWith(() => {
      clearInterval(repeat);
      clearTimeout(escalation);
    });
  }

  #sendInterrupt(): void {
    if (!this.#child.signal('SIGINT')) this.#settings.log.warn(`${this.id} could not be interrupted`);
  }

  #settleAll(reason: string): void {
    const unsettled = [...(this.#current ? [this.#current] : []), ...this.#queue.splice(0)];
    this.#current = null;
    for (const request of unsettled) request.settleEnded(reason);
  }

  async #runShutdown(options: KernelShutdownOptions): Promise<KernelShutdownResult> {
    this.#isAlive = false;
    this.#settleAll('Python kernel shutdown');
    const confirmed = await endProcess(this.#child, options);
    if (confirmed) await this.#tidied;
    return { confirmed };
  }

  async #afterEnd(status: ExitStatus, stderrEnd: Promise<void>): Promise<ExitStatus> {
    this.#isAlive = false;
    await this.#reader.finish();
    this.#settleAll(exitText(status));
    await Promise.race([stderrEnd, delay(NEAR_END_MS, undefined, { ref: false })]);
    this.#child.stderr.destroy();
    await this.#tidied;
    return status;
  }

  async #readStderr(): Promise<void> {
    const assembler = createLineAssembler();
    const { log } = this.#settings;
    try {
      for await (const chunk of this.#child.stderr as AsyncIterable<Buffer>) {
        this.#stderr.push(chunk);
        for (const line of assembler.push(chunk)) log.warn(line);
      }
    } catch {
      // Abandoned.
    }
    for (const line of assembler.end()) log.warn(line);
  }
}

function exitText({ exitCode, signal }: ExitStatus): string {
  return `Python kernel exited with code ${exitCode ?? signal}`;
}

function abortError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const error = new Error(reason === undefined ? 'This operation was aborted' : String(reason));
  error.name = 'AbortError';
  return error;
}
