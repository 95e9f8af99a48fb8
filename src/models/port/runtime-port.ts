import type * as z from 'zod';

/** The purpose of a call. A project may assign each role its own model; other roles use `default`. */
export const KTX_MODEL_ROLES = [
  'default',
  'triage',
  'candidateExtraction',
  'curator',
  'reconcile',
  'repair',
] as const;
export type KtxModelRole = (typeof KTX_MODEL_ROLES)[number];

export interface KtxRuntimeToolOutput<T = unknown> {
  /**
   * For people, and for models when `structured` is absent. Must not contain facts that `structured` lacks.
   */
  markdown: string;
  /** When given, Codex passes this to the model instead of the markdown. */
  structured?: T;
}

// biome-ignore lint/suspicious/noExplicitAny: a tool set holds tools with different inputs and outputs
export interface KtxRuntimeToolDescriptor<I = any, O = any> {
  name: string;
  description: string;
  inputSchema: z.ZodObject;
  execute(input: I): Promise<KtxRuntimeToolOutput<O>>;
}

/** The key is a local alias; models see `descriptor.name`. */
export type KtxRuntimeToolSet = Record<string, KtxRuntimeToolDescriptor>;

/** `budget`: stopped at the step budget. `natural`: the model finished. */
export type RunLoopStopReason = 'budget' | 'natural' | 'error';

/** Token counts from the backend. A field is absent when the backend did not report it. */
export interface LlmTokenUsage {
  inputTokens?: number;
  outputTokens?: number;
  totalTokens?: number;
}

export interface RunLoopMetrics {
  /** Wall time of the whole operation. */
  totalMs: number;
  usage: LlmTokenUsage;
  stepCount: number;
  /** When each step ended, in milliseconds since the start. */
  stepBoundariesMs: number[];
}

export interface RunLoopParams {
  modelRole: KtxModelRole;
  systemPrompt: string;
  userPrompt: string;
  toolSet: KtxRuntimeToolSet;
  /** The run stops after this many completed steps. */
  stepBudget: number;
  telemetryTags: Record<string, string>;
  /** Called during the run and awaited before the next step. Errors it throws are logged and ignored. */
  onStepFinish?: (info: { stepIndex: number; stepBudget: number }) => void | Promise<void>;
  abortSignal?: AbortSignal;
}

export interface RunLoopResult {
  stopReason: RunLoopStopReason;
  error?: Error;
  metrics?: RunLoopMetrics;
}

export interface KtxGenerateTextInput {
  role: KtxModelRole;
  prompt: string;
  system?: string;
  tools?: KtxRuntimeToolSet;
  /** Ignored by Codex, which has no such setting. */
  temperature?: number;
  /** Called once when the run has ended, even if it failed. */
  onMetrics?: (metrics: { totalMs: number; usage: LlmTokenUsage }) => void;
  abortSignal?: AbortSignal;
}

/** The result is parsed with `schema`. The API rejects optional properties; use nullable ones. */
export interface KtxGenerateObjectInput<TOut = unknown, TSchema extends z.ZodType<TOut> = z.ZodType<TOut>>
  extends KtxGenerateTextInput {
  schema: TSchema;
}

/** The one interface through which ktx uses a language model. */
export interface KtxLlmRuntimePort {
  generateText(input: KtxGenerateTextInput): Promise<string>;
  generateObject<TOut, TSchema extends z.ZodType<TOut>>(
    input: KtxGenerateObjectInput<TOut, TSchema>,
  ): Promise<TOut>;
  /** Failures are in the result; it rejects only for an unsupported model or when the caller aborts. */
  runAgentLoop(params: RunLoopParams): Promise<RunLoopResult>;
}

export interface AgentRunnerPort {
  runLoop(params: RunLoopParams): Promise<RunLoopResult>;
}

/** Runs agent loops on any runtime. */
export class RuntimeAgentRunner implements AgentRunnerPort {
  readonly #runtime: Pick<KtxLlmRuntimePort, 'runAgentLoop'>;

  constructor(runtime: Pick<KtxLlmRuntimePort, 'runAgentLoop'>) {
    this.#runtime = runtime;
  }

  runLoop(params: RunLoopParams): Promise<RunLoopResult> {
    return this.#runtime.runAgentLoop(params);
  }
}

/** Receives errors that a runtime ignores. */
export interface KtxLogger {
  warn(message: string): void;
}

export interface RateLimitSignal {
  provider: string;
  status: 'allowed' | 'warning' | 'rejected';
  resetAtMs?: number;
  retryAfterMs?: number;
  utilization?: number;
  rateLimitType?: string;
}

/** Paces calls to a provider. */
export interface RateLimitGovernor {
  /** Resolves when the next attempt may start. */
  waitForReady(signal?: AbortSignal): Promise<void>;
  report(signal: RateLimitSignal): void;
  /** The maximum number of attempts, including the first. */
  maxRetryAttempts(): number;
}
