import type { LlmTokenUsage, RunLoopStopReason } from '../port/runtime-port.ts';
import {
  asCodexEvent,
  type CodexEvent,
  eventErrorText,
  eventItem,
  eventUsage,
  firstText,
  isCompletedAgentStep,
  isStoppedByLimit,
  toolFailure,
} from './events.ts';

/** The outcome of a run. */
export interface CodexExecSummary {
  /** The agent's last message; empty without one. */
  finalText: string;
  stopReason: RunLoopStopReason;
  usage: LlmTokenUsage;
  /** Completed steps or, without any, the number of turns. */
  stepCount: number;
  /** When each step ended, in milliseconds since the start. */
  stepBoundariesMs: number[];
  toolCallCount: number;
  /** `<tool>: <message>` for each failed call. */
  toolFailures: string[];
  error?: Error;
}

/** What kind of progress an event was. `bare-turn`: a turn that ended before any step. */
export type CodexProgress = 'step' | 'bare-turn' | 'none';

/** Accumulates events one at a time, so that a run of any length can be summarised without storing it. */
export class CodexAccount {
  readonly #startedAt: number;
  readonly #stepBoundariesMs: number[] = [];
  readonly #bareBoundariesMs: number[] = [];
  readonly #toolFailures: string[] = [];
  #finalText = '';
  #stopReason: RunLoopStopReason = 'natural';
  #usage: LlmTokenUsage = {};
  #turnCount = 0;
  #toolCallCount = 0;
  /** From a top-level `error` event. After a successful reconnect, `turn.completed` clears it. */
  #provisionalError: Error | undefined;
  #finalError: Error | undefined;
  #isTurnCompleted = false;

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** A turn was completed. */
  get isTurnCompleted(): boolean {
    return this.#isTurnCompleted;
  }

  get error(): Error | undefined {
    return this.#finalError ?? this.#provisionalError;
  }

  /** `now` is called once per boundary. */
  add(value: unknown, now: () => number): CodexProgress {
    const event = asCodexEvent(value);
    switch (event?.type) {
      case 'turn.started':
        this.#turnCount++;
        return 'none';
      case 'item.started':
        if (eventItem(event)?.type === 'mcp_tool_call') this.#toolCallCount++;
        return 'none';
      case 'item.completed':
        return this.#addItem(event, now);
      case 'turn.completed':
        return this.#addCompletedTurn(event, now);
      case 'error':
        this.#provisionalError = new Error(eventErrorText(event));
        this.#stopReason = 'error';
        return 'none';
      case 'turn.failed':
        this.#finalError = new Error(eventErrorText(event));
        this.#stopReason = 'error';
        return 'none';
      default:
        return 'none';
    }
  }

  #addItem(event: CodexEvent, now: () => number): CodexProgress {
    const item = eventItem(event);
    if (item?.type === 'agent_message') this.#finalText = firstText(item.text) ?? this.#finalText;
    if (item === null || !isCompletedAgentStep(event)) return 'none';
    this.#stepBoundariesMs.push(now() - this.#startedAt);
    const failure = toolFailure(item);
    if (failure !== null) this.#toolFailures.push(failure);
    return 'step';
  }

  #addCompletedTurn(event: CodexEvent, now: () => number): CodexProgress {
    this.#isTurnCompleted = true;
    this.#provisionalError = undefined;
    this.#usage = eventUsage(event);
    if (!this.#finalError) this.#stopReason = isStoppedByLimit(event) ? 'budget' : 'natural';
    if (this.#stepBoundariesMs.length > 0) return 'none';
    this.#bareBoundariesMs.push(now() - this.#startedAt);
    return 'bare-turn';
  }

  summary(): CodexExecSummary {
    const steps = this.#stepBoundariesMs;
    const { error } = this;
    return {
      finalText: this.#finalText,
      stopReason: this.#stopReason,
      usage: this.#usage,
      stepCount: steps.length || this.#turnCount,
      stepBoundariesMs: [...(steps.length > 0 ? steps : this.#bareBoundariesMs)],
      toolCallCount: this.#toolCallCount,
      toolFailures: [...this.#toolFailures],
      ...(error && { error }),
    };
  }
}

/**
 * Summarises events that are already complete; `now` is called once per boundary. Pure except for the clock.
 */
export function summarizeCodexExecEvents(
  events: Iterable<unknown>,
  { startedAt = Date.now(), now = Date.now }: { startedAt?: number; now?: () => number } = {},
): CodexExecSummary {
  const account = new CodexAccount(startedAt);
  for (const event of events) account.add(event, now);
  return account.summary();
}
