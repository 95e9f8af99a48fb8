import type * as z from 'zod';
import { toJSONSchema } from 'zod/v4/core';
import { linkedAbort } from '../../support/async/linked-abort.ts';
import { errorMessage } from '../../support/errors.ts';
import type {
  KtxGenerateObjectInput,
  KtxGenerateTextInput,
  KtxLlmRuntimePort,
  KtxLogger,
  KtxRuntimeToolSet,
  RateLimitGovernor,
  RunLoopParams,
  RunLoopResult,
} from '../port/runtime-port.ts';
import { type CodexRunRequest, type CollectedCodexRun, clockMs, collectCodexRun } from './collect.ts';
import { codexFailureKind } from './failure-kind.ts';
import { type CodexModelSlots, codexModelForRole } from './model-ids.ts';
import {
  buildCodexRuntimeConfig,
  type CodexMcpAccess,
  type CodexRuntimeMcpServerHandle,
  codexPrompt,
} from './run-config.ts';
import { CodexSdkCliRunner, type CodexSdkRunner, type CodexSdkRunnerInput } from './sdk-runner.ts';

export interface CodexKtxLlmRuntimeOptions {
  projectDir: string;
  modelSlots: CodexModelSlots;
  runner?: CodexSdkRunner;
  startMcpServer?: (input: {
    projectDir: string;
    toolSet: KtxRuntimeToolSet;
  }) => Promise<CodexRuntimeMcpServerHandle>;
  logger?: KtxLogger;
  /** Paces calls and retries those that hit a rate limit. Without it, each call is tried once. */
  rateLimitGovernor?: RateLimitGovernor;
}

/** One attempt: what was collected, and the resulting error. */
interface Attempt {
  run: CollectedCodexRun;
  error: Error | undefined;
}

interface Operation {
  runInput: Omit<CodexSdkRunnerInput, 'projectDir' | 'configOverrides' | 'env'>;
  toolSet: KtxRuntimeToolSet;
  callerSignal: AbortSignal | undefined;
  /** Extra options for each attempt: in an agent loop, its budget and its own signal. */
  attempt?: () => Partial<CodexRunRequest>;
}

/**
 * Implements the LLM port with the Codex CLI: each call starts the CLI once, gives it one prompt and reads
 * its events.
 */
export class CodexKtxLlmRuntime implements KtxLlmRuntimePort {
  readonly #options: CodexKtxLlmRuntimeOptions;
  readonly #runner: CodexSdkRunner;

  constructor(options: CodexKtxLlmRuntimeOptions) {
    this.#options = options;
    this.#runner = options.runner ?? new CodexSdkCliRunner();
  }

  /**
   * @throws UnsupportedCodexModelError before any process starts
   * @throws Error named `AbortError` when the caller's signal ended the run; otherwise the message of the
   * API, a tool or the CLI
   */
  async generateText(input: KtxGenerateTextInput): Promise<string> {
    return this.#generate(input);
  }

  /** Like `generateText`; @throws also when the answer does not match the schema. */
  async generateObject<TOut, TSchema extends z.ZodType<TOut>>(
    input: KtxGenerateObjectInput<TOut, TSchema>,
  ): Promise<TOut> {
    const text = await this.#generate(input, input.schema);
    try {
      return await input.schema.parseAsync(JSON.parse(text));
    } catch (error) {
      throw new Error(`Codex structured output failed validation: ${errorMessage(error)}`, { cause: error });
    }
  }

  async #generate(input: KtxGenerateTextInput, schema?: z.ZodType): Promise<string> {
    const startedAt = clockMs();
    const { abortSignal } = input;
    const { run, error } = await this.#operate(
      {
        runInput: {
          model: codexModelForRole(this.#options.modelSlots, input.role),
          prompt: codexPrompt(input.system, input.prompt),
          ...(schema && { outputSchema: outputSchemaOf(schema) }),
        },
        toolSet: input.tools ?? {},
        callerSignal: abortSignal,
      },
      startedAt,
    );
    const { finalText, usage } = run.account.summary();
    if (run.hasStarted) input.onMetrics?.({ totalMs: clockMs() - startedAt, usage });
    if (error) throw error;
    if (finalText === '') throw new Error('Codex completed without an agent message');
    return finalText;
  }

  /** @throws UnsupportedCodexModelError, or an `AbortError`; every other failure is in the result. */
  async runAgentLoop(params: RunLoopParams): Promise<RunLoopResult> {
    const startedAt = clockMs();
    const { abortSignal, stepBudget } = params;
    const model = codexModelForRole(this.#options.modelSlots, params.modelRole);
    const attempt = (): Partial<CodexRunRequest> => {
      const { signal, stop } = linkedAbort(abortSignal);
      return {
        signal,
        stepBudget,
        onBudgetReached: stop,
        onStep: (stepIndex) => this.#reportStep(params, stepIndex),
      };
    };
    const runInput = { model, prompt: codexPrompt(params.systemPrompt, params.userPrompt) };
    try {
      const { run, error } = await this.#operate(
        { runInput, toolSet: params.toolSet, callerSignal: abortSignal, attempt },
        startedAt,
      );
      if (error?.name === 'AbortError' && abortSignal?.aborted) throw error;
      const { stopReason, usage, stepCount, stepBoundariesMs } = run.account.summary();
      const metrics = { totalMs: clockMs() - startedAt, usage, stepCount, stepBoundariesMs };
      if (run.isOverBudget) return { stopReason: 'budget', metrics };
      return error ? { stopReason: 'error', error, metrics } : { stopReason, metrics };
    } catch (error) {
      if (abortSignal?.aborted) throw asAbortError(error);
      const metrics = { totalMs: clockMs() - startedAt, usage: {}, stepCount: 0, stepBoundariesMs: [] };
      return { stopReason: 'error', error: asError(error), metrics };
    }
  }

  /**
   * Uses one MCP server for all attempts and always closes it. @throws whatever prevents the first attempt.
   */
  async #operate(operation: Operation, startedAt: number): Promise<Attempt> {
    throwIfAborted(operation.callerSignal);
    const { projectDir } = this.#options;
    const toolNames = Object.values(operation.toolSet).map(({ name }) => name);
    if (toolNames.length === 0) return this.#attemptAll(operation, undefined, startedAt);
    const startMcpServer = this.#options.startMcpServer ?? startMcpServerOfOurs;
    const server = await startMcpServer({ projectDir, toolSet: operation.toolSet });
    try {
      throwIfAborted(operation.callerSignal);
      return await this.#attemptAll(operation, { ...server, toolNames }, startedAt);
    } finally {
      await server
        .close()
        .catch((error) => this.#warn(`MCP server did not close; ignoring: ${errorMessage(error)}`));
    }
  }

  async #attemptAll(
    operation: Operation,
    mcp: CodexMcpAccess | undefined,
    startedAt: number,
  ): Promise<Attempt> {
    const { rateLimitGovernor: governor } = this.#options;
    for (let attempt = 1; ; attempt++) {
      await governor?.waitForReady(operation.callerSignal);
      throwIfAborted(operation.callerSignal);
      const outcome = await this.#attempt(operation, mcp, startedAt);
      if (!governor || !isRateLimited(outcome)) return outcome;
      governor.report({ provider: 'codex', status: 'rejected', rateLimitType: 'opaque' });
      if (attempt >= governor.maxRetryAttempts()) return outcome;
    }
  }

  async #attempt(
    { runInput, callerSignal, attempt }: Operation,
    mcp: CodexMcpAccess | undefined,
    startedAt: number,
  ): Promise<Attempt> {
    const { projectDir } = this.#options;
    const own = attempt?.() ?? {};
    const signal = own.signal ?? callerSignal;
    const config = buildCodexRuntimeConfig({ model: runInput.model, ...(mcp && { mcp }) });
    const input = { projectDir, ...runInput, ...config, ...(signal && { signal }) };
    const open = (): Promise<AsyncIterable<unknown>> => this.#runner.runStreamed(input);
    const run = await collectCodexRun({ open, signal, ...own }, startedAt);
    return { run, error: run.isOverBudget ? undefined : runError(run, callerSignal) };
  }

  async #reportStep({ onStepFinish, stepBudget }: RunLoopParams, stepIndex: number): Promise<void> {
    try {
      await onStepFinish?.({ stepIndex, stepBudget });
    } catch (error) {
      this.#warn(`onStepFinish callback threw; ignoring: ${errorMessage(error)}`);
    }
  }

  #warn(message: string): void {
    this.#options.logger?.warn(`[codex-runner] ${message}`);
  }
}

function outputSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return toJSONSchema(schema, { target: 'draft-7' }) as Record<string, unknown>;
}

/** First match wins: the API's message takes precedence over the CLI's exit message. */
function runError(run: CollectedCodexRun, callerSignal: AbortSignal | undefined): Error | undefined {
  const { account, streamError } = run;
  if (callerSignal?.aborted && !account.isTurnCompleted) return abortError(account.error);
  if (account.error) return account.error;
  const { toolFailures } = account.summary();
  if (toolFailures.length > 0) return new Error(`Codex runtime tool call failed: ${toolFailures.join('; ')}`);
  // The turn was complete before the abort, which only interrupted the CLI's exit.
  if (streamError === undefined || callerSignal?.aborted) return undefined;
  return asError(streamError);
}

function isRateLimited({ error }: Attempt): boolean {
  return error !== undefined && error.name !== 'AbortError' && codexFailureKind(error) === 'rate-limit';
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError();
}

function abortError(cause?: unknown): Error {
  const error = new Error('The operation was aborted.', cause === undefined ? undefined : { cause });
  error.name = 'AbortError';
  return error;
}

function asAbortError(error: unknown): Error {
  return error instanceof Error && error.name === 'AbortError' ? error : abortError(error);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(errorMessage(error));
}

async function startMcpServerOfOurs(input: {
  projectDir: string;
  toolSet: KtxRuntimeToolSet;
}): Promise<CodexRuntimeMcpServerHandle> {
  const { startCodexRuntimeMcpServer } = await import('./mcp-server.ts');
  return startCodexRuntimeMcpServer(input);
}
