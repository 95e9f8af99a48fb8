import { describe, expect, it } from 'vitest';
import { summarizeCodexExecEvents } from '../../src/models/codex/account.ts';
import { isCompletedAgentStep, parseCodexExecEventLine } from '../../src/models/codex/events.ts';
import { completed, message, toolCallEnd, toolCallStart, turn, turnEnd } from './events-fixture.ts';

/** A clock that counts its calls. */
function clock(...instants: number[]) {
  let asked = 0;
  return { now: () => instants[asked++]!, asked: () => asked };
}

describe('2. a turn without tools', () => {
  const { now, asked } = clock(1250);
  const events = [{ type: 'thread.started' }, turn, message('hello'), turnEnd];
  const summary = summarizeCodexExecEvents(events, { startedAt: 1000, now });

  it('has the final text, the usage, one step and one boundary', () => {
    expect(summary).toEqual({
      finalText: 'hello',
      stopReason: 'natural',
      usage: { inputTokens: 12, outputTokens: 5, totalTokens: 17 },
      stepCount: 1,
      stepBoundariesMs: [250],
      toolCallCount: 0,
      toolFailures: [],
    });
  });

  it('asks the clock once for each boundary', () => expect(asked()).toBe(1));
});

it('3. two tool calls, the second denied', () => {
  const { now, asked } = clock(110, 220);
  const events = [
    turn,
    toolCallStart('search'),
    toolCallEnd('search', { status: 'completed', error: null }),
    toolCallStart('lookup'),
    toolCallEnd('lookup', { status: 'failed', error: { message: 'denied' } }),
    message('done'),
    turnEnd,
  ];
  expect(summarizeCodexExecEvents(events, { startedAt: 100, now })).toMatchObject({
    stepCount: 2,
    stepBoundariesMs: [10, 120],
    toolCallCount: 2,
    toolFailures: ['lookup: denied'],
    stopReason: 'natural',
  });
  expect(asked()).toBe(2);
});

describe('4. failures of tools', () => {
  const failures = (fields: Record<string, unknown>, name: string | null = 'lookup') =>
    summarizeCodexExecEvents([toolCallEnd(name, fields)]).toolFailures;
  const content = (...texts: string[]) => ({ content: texts.map((text) => ({ type: 'text', text })) });

  it.each([
    ['error: null and completed is a success', { status: 'completed', error: null }, []],
    ['no error at all is a success', { status: 'completed' }, []],
    [
      'failed with error: null reports the text of the result',
      { status: 'failed', error: null, result: content('no such', 'table') },
      ['lookup: no such\ntable'],
    ],
    ['failed without any text', { status: 'failed' }, ['lookup: Codex turn failed']],
    ['an empty content', { status: 'failed', result: { content: [] } }, ['lookup: Codex turn failed']],
    ['an error although completed', { status: 'completed', error: { message: 'x' } }, ['lookup: x']],
    ['an error without a message', { error: {} }, ['lookup: Codex turn failed']],
    ['an error that is a text', { error: 'denied' }, ['lookup: denied']],
    [
      'the message of the error before the content',
      { status: 'failed', error: { message: 'a' }, result: content('b') },
      ['lookup: a'],
    ],
  ])('%s', (_name, fields, expected) => expect(failures(fields)).toEqual(expected));

  it('the name is name, tool, tool_name or unknown', () => {
    const failed = { status: 'failed', error: { message: 'x' } };
    expect(failures({ ...failed, name: 'a', tool: 'b', tool_name: 'c' }, null)).toEqual(['a: x']);
    expect(failures({ ...failed, tool: 'b', tool_name: 'c' }, null)).toEqual(['b: x']);
    expect(failures({ ...failed, tool_name: 'c' }, null)).toEqual(['c: x']);
    expect(failures(failed, null)).toEqual(['unknown: x']);
  });
});

describe('5. other steps', () => {
  it('commands, changes of files and web searches are steps and never failures', () => {
    const events = [
      turn,
      completed({ type: 'command_execution', exit_code: 1, status: 'failed' }),
      completed({ type: 'file_change', status: 'failed', error: { message: 'x' } }),
      completed({ type: 'web_search', error: 'x' }),
      turnEnd,
    ];
    expect(summarizeCodexExecEvents(events)).toMatchObject({
      stepCount: 3,
      toolFailures: [],
      toolCallCount: 0,
    });
  });

  it.each(['command_execution', 'mcp_tool_call', 'file_change', 'web_search'])('%s is a step', (type) => {
    expect(isCompletedAgentStep(completed({ type }))).toBe(true);
    expect(isCompletedAgentStep({ type: 'item.started', item: { type } })).toBe(false);
  });

  it.each([
    completed({ type: 'agent_message' }),
    completed({ type: 'reasoning' }),
    completed({ type: 'todo_list' }),
    completed({ type: 'error' }),
    { type: 'item.completed' },
    { type: 'item.completed', item: null },
    { type: 'item.completed', item: 'command_execution' },
    null,
    'item.completed',
    [],
  ])('%j is none', (event) => expect(isCompletedAgentStep(event)).toBe(false));
});

describe('6. errors without their envelope', () => {
  const textOf = (event: Record<string, unknown>) => summarizeCodexExecEvents([event]).error?.message;

  it.each([
    ['error.message', '{"error":{"message":"a","type":"t"},"message":"b"}', 'a'],
    ['message', '{"error":{"message":" "},"message":"b","detail":"c"}', 'b'],
    ['detail', '{"detail":"The model is not supported"}', 'The model is not supported'],
    ['plain text', 'exceeded retry limit, last status: 429', 'exceeded retry limit, last status: 429'],
    ['an object with nothing to read', '{"code":1}', '{"code":1}'],
    ['a list', '["a"]', '["a"]'],
    ['what only looks like JSON', '{"a":', '{"a":'],
    ['JSON inside text', 'status 400: {"detail":"x"}', 'status 400: {"detail":"x"}'],
  ])('%s', (_name, text, expected) => {
    expect(textOf({ type: 'error', message: text })).toBe(expected);
    expect(textOf({ type: 'turn.failed', error: { message: text } })).toBe(expected);
  });

  it.each([
    [{ type: 'turn.failed', error: 'a', message: 'b' }, 'a'],
    [{ type: 'turn.failed', error: {}, message: 'b' }, 'b'],
    [{ type: 'error', message: { message: 'c' } }, 'c'],
    [{ type: 'error' }, 'Codex turn failed'],
    [{ type: 'error', message: '  ' }, 'Codex turn failed'],
    [{ type: 'turn.failed', error: 3 }, 'Codex turn failed'],
  ])('%j', (event, expected) => expect(textOf(event)).toBe(expected));
});

describe('7. why a turn ended', () => {
  it.each([
    [{ reason: 'max_turns' }, 'budget'],
    [{ stop_reason: 'Max-Turns reached' }, 'budget'],
    [{ terminal_reason: 'token_budget_exceeded' }, 'budget'],
    [{ reason: 'rate_limit' }, 'budget'],
    [{ reason: 'completed' }, 'natural'],
    [{ reason: 3 }, 'natural'],
    [{}, 'natural'],
  ])('%j: %s', (fields, expected) => {
    expect(summarizeCodexExecEvents([turn, { ...turnEnd, ...fields }]).stopReason).toBe(expected);
  });
});

describe('8. errors that do not count, and those that do', () => {
  const reconnect = { type: 'error', message: 'Reconnecting... 1/5 (stream disconnected)' };

  it('a reconnect that is followed by the end of the turn is forgiven', () => {
    const summary = summarizeCodexExecEvents([turn, reconnect, message('ok'), turnEnd]);
    expect(summary.error).toBeUndefined();
    expect(summary).toMatchObject({ stopReason: 'natural', finalText: 'ok' });
  });

  it('an error without an end of the turn is the failure', () => {
    const summary = summarizeCodexExecEvents([turn, reconnect]);
    expect(summary).toMatchObject({ stopReason: 'error' });
    expect(summary.error?.message).toBe(reconnect.message);
  });

  it('an error after the end of the turn is the failure', () => {
    expect(summarizeCodexExecEvents([turn, turnEnd, reconnect])).toMatchObject({ stopReason: 'error' });
  });

  it('a failed turn is never forgiven', () => {
    const failed = { type: 'turn.failed', error: { message: 'final' } };
    const summary = summarizeCodexExecEvents([turn, reconnect, failed, reconnect, turnEnd]);
    expect(summary).toMatchObject({ stopReason: 'error' });
    expect(summary.error?.message).toBe('final');
  });

  it('an item of type error is a warning', () => {
    const warning = completed({ type: 'error', message: 'Model metadata not found' });
    const summary = summarizeCodexExecEvents([warning, turn, message('ok'), turnEnd]);
    expect(summary.error).toBeUndefined();
    expect(summary).toMatchObject({ stopReason: 'natural', stepCount: 1 });
  });
});

describe('what is read defensively', () => {
  it('skips values that are not events', () => {
    const events = [null, 1, 'x', [], {}, { type: 5 }, { type: 'new.kind' }, { type: 'item.completed' }];
    expect(summarizeCodexExecEvents(events)).toMatchObject({ finalText: '', stepCount: 0, usage: {} });
  });

  it.each([
    [
      { inputTokens: 1, outputTokens: 2 },
      { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
    ],
    [{ input_tokens: 1 }, { inputTokens: 1 }],
    [{ output_tokens: 0 }, { outputTokens: 0 }],
    [{ total_tokens: 9 }, { totalTokens: 9 }],
    [
      { input_tokens: 1, output_tokens: 2, total_tokens: 4 },
      { inputTokens: 1, outputTokens: 2, totalTokens: 4 },
    ],
    [{ input_tokens: '12' }, {}],
    [null, {}],
  ])('usage %j', (usage, expected) => {
    expect(summarizeCodexExecEvents([{ type: 'turn.completed', usage }]).usage).toEqual(expected);
  });

  it('the last message that is not blank is the final text', () => {
    const events = [message('first'), message('last'), message('  '), completed({ type: 'agent_message' })];
    expect(summarizeCodexExecEvents(events).finalText).toBe('last');
  });

  it('without steps the number of turns counts', () => {
    expect(summarizeCodexExecEvents([turn, turnEnd, turn, turnEnd])).toMatchObject({ stepCount: 2 });
  });

  it('a line that is not JSON is quoted', () => {
    expect(parseCodexExecEventLine('{"type":"error"}')).toEqual({ type: 'error' });
    expect(() => parseCodexExecEventLine('{"type"')).toThrow(/^Codex JSONL event stream was malformed: \S/);
  });
});
