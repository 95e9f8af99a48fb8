import { errorMessage } from '../../support/errors.ts';
import type { LlmTokenUsage } from '../port/runtime-port.ts';

/*
 * Parses single events of `codex exec --experimental-json`, one JSON object per line: `thread.started`,
 * `turn.*`, `item.*`, `error`. All fields are optional here: the CLI may be older or newer than the version
 * this was written for.
 */

type Fields = Record<string, unknown>;

export interface CodexEvent extends Fields {
  type: string;
}

const STEP_ITEMS = ['command_execution', 'mcp_tool_call', 'file_change', 'web_search'];
const FALLBACK_ERROR_TEXT = 'Codex turn failed';

/**
 * One line of the CLI's output.
 * @throws Error `Codex JSONL event stream was malformed: <reason>`
 */
export function parseCodexExecEventLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Error(`Codex JSONL event stream was malformed: ${errorMessage(error)}`, { cause: error });
  }
}

/** The value as an event, or `null` if it is not one. */
export function asCodexEvent(value: unknown): CodexEvent | null {
  const fields = asFields(value);
  return typeof fields?.type === 'string' ? (fields as CodexEvent) : null;
}

/** The item of an `item.*` event. */
export function eventItem(event: CodexEvent): Fields | null {
  return asFields(event.item);
}

/** Whether this event completes a step of the agent: a command, a tool call, a file change, a web search. */
export function isCompletedAgentStep(event: unknown): boolean {
  const known = asCodexEvent(event);
  if (known?.type !== 'item.completed') return false;
  const type = eventItem(known)?.type;
  return typeof type === 'string' && STEP_ITEMS.includes(type);
}

/** `<tool>: <message>` when a completed MCP call failed, else `null`. */
export function toolFailure(item: Fields): string | null {
  if (item.type !== 'mcp_tool_call') return null;
  const hasError = item.error !== undefined && item.error !== null;
  if (item.status !== 'failed' && !hasError) return null;
  const name = firstText(item.name, item.tool, item.tool_name) ?? 'unknown';
  // A tool that throws is reported with `error: null` and its message in the content of the result.
  const message = firstText(asFields(item.error)?.message, item.error) ?? resultText(item.result);
  return `${name}: ${message ?? FALLBACK_ERROR_TEXT}`;
}

function resultText(result: unknown): string | null {
  const content = asFields(result)?.content;
  if (!Array.isArray(content)) return null;
  const texts = content.map((part) => asFields(part)?.text).filter((text) => typeof text === 'string');
  return firstText(texts.join('\n'));
}

/** The text of an `error` or `turn.failed` event, without the API's envelope. */
export function eventErrorText(event: CodexEvent): string {
  const text =
    firstText(asFields(event.error)?.message, event.error) ??
    firstText(asFields(event.message)?.message, event.message);
  return unwrapApiError(text ?? FALLBACK_ERROR_TEXT);
}

/** API responses arrive as text: `{"error":{"message":…}}`, `{"message":…}`, `{"detail":…}`. */
export function unwrapApiError(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    const body = asFields(JSON.parse(text));
    return firstText(asFields(body?.error)?.message, body?.message, body?.detail) ?? text;
  } catch {
    return text;
  }
}

/** Token counts of a `turn.completed` event. */
export function eventUsage(event: CodexEvent): LlmTokenUsage {
  const usage = asFields(event.usage) ?? {};
  const inputTokens = firstNumber(usage.input_tokens, usage.inputTokens);
  const outputTokens = firstNumber(usage.output_tokens, usage.outputTokens);
  const sum =
    inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens;
  const totalTokens = firstNumber(usage.total_tokens, usage.totalTokens) ?? sum;
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(totalTokens !== undefined && { totalTokens }),
  };
}

/** Whether a `turn.completed` event says that a limit ended the turn. */
export function isStoppedByLimit(event: CodexEvent): boolean {
  return [event.reason, event.stop_reason, event.terminal_reason].some(
    (reason) => typeof reason === 'string' && /budget|max[_-]turn|limit/i.test(reason),
  );
}

function asFields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

export function firstText(...values: unknown[]): string | null {
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '') ?? null;
}

function firstNumber(...values: unknown[]): number | undefined {
  return values.find((value): value is number => typeof value === 'number' && Number.isFinite(value));
}
