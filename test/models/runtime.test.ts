import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { CodexKtxLlmRuntime, type CodexKtxLlmRuntimeOptions } from '../../src/models/codex/runtime.ts';
import type { CodexSdkRunnerInput } from '../../src/models/codex/sdk-runner.ts';
import type {
  KtxRuntimeToolSet,
  RateLimitSignal,
  RunLoopParams,
} from '../../src/models/port/runtime-port.ts';
import { command, completed, message, toolCallEnd, turn, turnEnd } from './events-fixture.ts';

type Script = (input: CodexSdkRunnerInput) => AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>;

/** Plays events; an error among them is thrown. */
async function* play(...events: unknown[]): AsyncGenerator<unknown> {
  for (const event of events) {
    if (event instanceof Error) throw event;
    yield event;
  }
}

/** Plays the events, then waits for the signal and fails as a stopped CLI does. */
function playUntilAborted(...events: unknown[]): Script {
  return async function* ({ signal }) {
    yield* events;
    await new Promise((resolve) => signal!.addEventListener('abort', resolve, { once: true }));
    throw Object.assign(new Error('The operation was aborted'), { name: 'AbortError' });
  };
}

function runtimeOf(script: Script, options: Partial<CodexKtxLlmRuntimeOptions> = {}) {
  const inputs: CodexSdkRunnerInput[] = [];
  const warnings: string[] = [];
  const servers = { started: 0, closed: 0 };
  const runtime = new CodexKtxLlmRuntime({
    projectDir: '/project',
    modelSlots: { default: 'codex', triage: 'gpt-5-mini', curator: 'sonnet' },
    runner: {
      runStreamed: async (input) => {
        inputs.push(input);
        return script(input);
      },
    },
    startMcpServer: async () => {
      servers.started++;
      return {
        url: 'http://127.0.0.1:1/mcp',
        bearerTokenEnvVar: 'KTX_CODEX_RUNTIME_MCP_TOKEN',
        bearerToken: 'token-of-the-run',
        close: async () => {
          servers.closed++;
        },
      };
    },
    logger: { warn: (text) => warnings.push(text) },
    ...options,
  });
  return { runtime, inputs, warnings, servers };
}

const toolSet: KtxRuntimeToolSet = {
  alias: {
    name: 'search',
    description: 'Searches',
    inputSchema: z.object({ query: z.string() }),
    execute: async () => ({ markdown: 'found' }),
  },
  other: {
    name: 'lookup',
    description: 'Looks up',
    inputSchema: z.object({}),
    execute: async () => ({ markdown: 'found' }),
  },
};

function loop(given: Partial<RunLoopParams> = {}): RunLoopParams {
  return {
    modelRole: 'default',
    systemPrompt: 'system',
    userPrompt: 'user',
    toolSet: {},
    stepBudget: 20,
    telemetryTags: {},
    ...given,
  };
}

const text = { role: 'default', prompt: 'prompt' } as const;

describe('9. generateText', () => {
  it('uses the slot of the role, joins the prompts with a blank line, reports metrics', async () => {
    const { runtime, inputs } = runtimeOf(() => play(turn, message('answer'), turnEnd));
    const metrics: unknown[] = [];
    const answer = await runtime.generateText({
      role: 'triage',
      system: 'system',
      prompt: 'prompt',
      temperature: 1,
      onMetrics: (given) => metrics.push(given),
    });
    expect(answer).toBe('answer');
    expect(inputs).toEqual([
      {
        projectDir: '/project',
        model: 'gpt-5-mini',
        prompt: 'system\n\nprompt',
        configOverrides: { history: { persistence: 'none' } },
        env: {},
      },
    ]);
    expect(metrics).toEqual([
      { totalMs: expect.any(Number), usage: { inputTokens: 12, outputTokens: 5, totalTokens: 17 } },
    ]);
  });

  it('passes the signal of the caller itself', async () => {
    const { runtime, inputs } = runtimeOf(() => play(message('x'), turnEnd));
    const { signal } = new AbortController();
    await runtime.generateText({ ...text, abortSignal: signal });
    expect(inputs[0]!.signal).toBe(signal);
  });

  it('reports metrics also when an error follows', async () => {
    const { runtime } = runtimeOf(() => play(toolCallEnd('a', { status: 'failed' }), turnEnd));
    const metrics: unknown[] = [];
    const run = runtime.generateText({ ...text, onMetrics: (given) => metrics.push(given) });
    await expect(run).rejects.toThrow('Codex runtime tool call failed: a: Codex turn failed');
    expect(metrics).toMatchObject([{ usage: { inputTokens: 12 } }]);
  });

  it('a blank answer is an error', async () => {
    const { runtime } = runtimeOf(() => play(turn, message('  '), turnEnd));
    await expect(runtime.generateText(text)).rejects.toThrow('Codex completed without an agent message');
  });

  it('an unsupported slot rejects all three operations before anything is started', async () => {
    const { runtime, inputs, servers } = runtimeOf(() => play());
    const message = 'Unsupported Codex model "sonnet"';
    const given = { role: 'curator', prompt: 'x', tools: toolSet } as const;
    await expect(runtime.generateText(given)).rejects.toThrow(message);
    await expect(runtime.generateObject({ ...given, schema: z.object({}) })).rejects.toThrow(message);
    await expect(runtime.runAgentLoop(loop({ modelRole: 'curator', toolSet }))).rejects.toThrow(message);
    expect([inputs.length, servers.started]).toEqual([0, 0]);
  });
});

describe('10. generateObject', () => {
  const schema = z.object({ city: z.string(), note: z.string().nullable() });
  const answer = (given: string) => runtimeOf(() => play(turn, message(given), turnEnd));

  it('passes a draft-7 schema of an object', async () => {
    const { runtime, inputs } = answer('{"city":"Oslo","note":null}');
    expect(await runtime.generateObject({ ...text, schema })).toEqual({ city: 'Oslo', note: null });
    expect(inputs[0]!.outputSchema).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      required: ['city', 'note'],
      additionalProperties: false,
    });
  });

  it.each([
    ['no JSON', 'Oslo'],
    ['another shape', '{"city":1,"note":null}'],
  ])('%s', async (_name, given) => {
    await expect(answer(given).runtime.generateObject({ ...text, schema })).rejects.toThrow(
      /^Codex structured output failed validation: \S/,
    );
  });
});

describe('11. which error it is', () => {
  const apiError = { type: 'turn.failed', error: { message: '{"error":{"message":"from the API"}}' } };
  const exit = new Error('Codex Exec exited with code 1: ');

  it('what an event said beats the exit of the CLI', async () => {
    const { runtime } = runtimeOf(() => play(turn, apiError, exit));
    await expect(runtime.generateText(text)).rejects.toThrow(/^from the API$/);
  });

  it('the failure of a tool beats the exit of the CLI', async () => {
    const { runtime } = runtimeOf(() => play(toolCallEnd('a', { error: { message: 'b' } }), exit));
    await expect(runtime.generateText(text)).rejects.toThrow(/^Codex runtime tool call failed: a: b$/);
  });

  it('what an event said beats the failure of a tool', async () => {
    const { runtime } = runtimeOf(() => play(toolCallEnd('a', { status: 'failed' }), apiError, exit));
    await expect(runtime.generateText(text)).rejects.toThrow(/^from the API$/);
  });

  it('without events the exit of the CLI is the error', async () => {
    const { runtime } = runtimeOf(() => play(exit));
    await expect(runtime.generateText(text)).rejects.toBe(exit);
    expect(await runtimeOf(() => play(exit)).runtime.runAgentLoop(loop())).toMatchObject({
      stopReason: 'error',
      error: exit,
      metrics: { usage: {}, stepCount: 0, stepBoundariesMs: [] },
    });
  });

  it('a runner that does not start is an error of the loop, and rejects a text', async () => {
    const broken = new Error('no runner');
    const { runtime } = runtimeOf(() => Promise.reject(broken));
    await expect(runtime.generateText(text)).rejects.toBe(broken);
    expect(await runtime.runAgentLoop(loop())).toMatchObject({
      stopReason: 'error',
      error: broken,
      metrics: { totalMs: expect.any(Number), usage: {}, stepCount: 0, stepBoundariesMs: [] },
    });
  });

  it('an MCP server that does not start is an error of the loop', async () => {
    const broken = new Error('no port');
    const { runtime, inputs } = runtimeOf(() => play(), { startMcpServer: () => Promise.reject(broken) });
    expect(await runtime.runAgentLoop(loop({ toolSet }))).toMatchObject({
      stopReason: 'error',
      error: broken,
      metrics: { usage: {}, stepCount: 0 },
    });
    expect(inputs).toEqual([]);
  });
});

describe('12. the budget', () => {
  it.each([
    ['1 with two tool calls', 1, [toolCallEnd('a', { status: 'failed' }), toolCallEnd('b')]],
    ['2 with three commands', 2, [command, command, command]],
  ])('%s', async (_name, stepBudget, steps) => {
    let hasReturned = false;
    let reads = 0;
    const { runtime, inputs } = runtimeOf(async function* () {
      try {
        yield turn;
        for (const step of steps) {
          reads++;
          yield step;
        }
        yield turnEnd;
      } finally {
        hasReturned = true;
      }
    });
    const result = await runtime.runAgentLoop(loop({ stepBudget }));
    expect(result).toMatchObject({ stopReason: 'budget', metrics: { stepCount: stepBudget } });
    expect(result.error).toBeUndefined();
    expect(inputs[0]!.signal?.aborted).toBe(true);
    expect(reads).toBe(stepBudget);
    expect(hasReturned).toBe(true);
  });

  it('is not used up by a turn without steps', async () => {
    const { runtime, inputs } = runtimeOf(() => play(turn, message('x'), turnEnd));
    const steps: number[] = [];
    const result = await runtime.runAgentLoop(
      loop({ stepBudget: 1, onStepFinish: ({ stepIndex }) => void steps.push(stepIndex) }),
    );
    expect(result).toMatchObject({ stopReason: 'natural', metrics: { stepCount: 1 } });
    expect(steps).toEqual([1]);
    expect(inputs[0]!.signal?.aborted).toBe(false);
  });

  it('of the CLI itself is the stop reason too', async () => {
    const { runtime } = runtimeOf(() => play(turn, command, { ...turnEnd, reason: 'max_turns' }));
    expect(await runtime.runAgentLoop(loop())).toMatchObject({ stopReason: 'budget' });
  });
});

describe('13. onStepFinish', () => {
  it('is called live, and the next event waits for it', async () => {
    const log: string[] = [];
    const { runtime } = runtimeOf(async function* () {
      yield turn;
      yield command;
      log.push('first read on');
      yield toolCallEnd('a');
      log.push('second read on');
      yield turnEnd;
    });
    await runtime.runAgentLoop(
      loop({
        stepBudget: 9,
        onStepFinish: async ({ stepIndex, stepBudget }) => {
          await new Promise((resolve) => setImmediate(resolve));
          log.push(`step ${stepIndex} of ${stepBudget}`);
        },
      }),
    );
    expect(log).toEqual(['step 1 of 9', 'first read on', 'step 2 of 9', 'second read on']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('is logged and ignored when it %s', async (_name, onStepFinish) => {
    const { runtime, warnings } = runtimeOf(() => play(turn, command, message('x'), turnEnd));
    const result = await runtime.runAgentLoop(loop({ onStepFinish }));
    expect(result).toMatchObject({ stopReason: 'natural', metrics: { stepCount: 1 } });
    expect(warnings).toEqual(['[codex-runner] onStepFinish callback threw; ignoring: boom']);
  });

  it('is called once for turns without a step, however many there are', async () => {
    const steps: number[] = [];
    const { runtime } = runtimeOf(() => play(turn, turnEnd, turn, turnEnd));
    await runtime.runAgentLoop(loop({ onStepFinish: ({ stepIndex }) => void steps.push(stepIndex) }));
    expect(steps).toEqual([1]);
  });

  it('boundaries are when events arrived, not when the run is added up', async () => {
    const { runtime } = runtimeOf(async function* () {
      yield command;
      await new Promise((resolve) => setTimeout(resolve, 60));
      yield command;
      yield turnEnd;
    });
    const { metrics } = await runtime.runAgentLoop(loop());
    const [first, second] = metrics!.stepBoundariesMs;
    expect(second! - first!).toBeGreaterThanOrEqual(50);
  });
});

it('14. a failed tool call is the error of the loop, metrics kept', async () => {
  const failed = toolCallEnd('search', { status: 'failed', error: { message: 'denied' } });
  const { runtime } = runtimeOf(() => play(turn, failed, message('sorry'), turnEnd));
  const result = await runtime.runAgentLoop(loop());
  expect(result).toMatchObject({
    stopReason: 'error',
    metrics: { stepCount: 1, stepBoundariesMs: [expect.any(Number)], usage: { totalTokens: 17 } },
  });
  expect(result.error?.message).toBe('Codex runtime tool call failed: search: denied');
});

describe('15. the MCP server of an operation', () => {
  it('is not started for an empty tool set', async () => {
    const { runtime, servers, inputs } = runtimeOf(() => play(message('x'), turnEnd));
    await runtime.generateText({ ...text, tools: {} });
    expect(servers.started).toBe(0);
    expect(inputs[0]!.configOverrides).toEqual({ history: { persistence: 'none' } });
  });

  it('is named with the names of the tools; its token is in the environment of the child alone', async () => {
    const { runtime, servers, inputs } = runtimeOf(() => play(message('x'), turnEnd));
    await runtime.generateText({ ...text, tools: toolSet });
    expect(servers).toEqual({ started: 1, closed: 1 });
    const { env, ...rest } = inputs[0]!;
    expect(rest.configOverrides).toEqual({
      history: { persistence: 'none' },
      mcp_servers: {
        ktx: {
          url: 'http://127.0.0.1:1/mcp',
          bearer_token_env_var: 'KTX_CODEX_RUNTIME_MCP_TOKEN',
          enabled_tools: ['search', 'lookup'],
          default_tools_approval_mode: 'approve',
          required: true,
        },
      },
    });
    expect(env).toEqual({ KTX_CODEX_RUNTIME_MCP_TOKEN: 'token-of-the-run' });
    expect(JSON.stringify(rest)).not.toContain('token-of-the-run');
    expect(process.env).not.toHaveProperty('KTX_CODEX_RUNTIME_MCP_TOKEN');
  });

  it('is closed after an error', async () => {
    const { runtime, servers } = runtimeOf(() => play(new Error('x')));
    await expect(runtime.generateText({ ...text, tools: toolSet })).rejects.toThrow('x');
    await runtime.runAgentLoop(loop({ toolSet }));
    expect(servers).toEqual({ started: 2, closed: 2 });
  });

  it('is closed after an abort, and after the budget', async () => {
    const { runtime, servers } = runtimeOf(playUntilAborted(turn, command));
    const stop = new AbortController();
    const given = { toolSet, abortSignal: stop.signal, onStepFinish: () => stop.abort() };
    await expect(runtime.runAgentLoop(loop(given))).rejects.toMatchObject({ name: 'AbortError' });
    await runtime.runAgentLoop(loop({ toolSet, stepBudget: 1 }));
    expect(servers).toEqual({ started: 2, closed: 2 });
  });

  it('does not replace the result when it cannot be closed', async () => {
    const { runtime, warnings } = runtimeOf(() => play(message('x'), turnEnd), {
      startMcpServer: async () => ({
        url: 'x',
        bearerTokenEnvVar: 'X',
        bearerToken: 'x',
        close: () => Promise.reject(new Error('stuck')),
      }),
    });
    expect(await runtime.generateText({ ...text, tools: toolSet })).toBe('x');
    expect(warnings).toEqual(['[codex-runner] MCP server did not close; ignoring: stuck']);
  });
});

describe('16. an abort by the caller', () => {
  const operations = {
    generateText: (runtime: CodexKtxLlmRuntime, signal: AbortSignal) =>
      runtime.generateText({ ...text, abortSignal: signal }),
    generateObject: (runtime: CodexKtxLlmRuntime, signal: AbortSignal) =>
      runtime.generateObject({ ...text, schema: z.object({}), abortSignal: signal }),
    runAgentLoop: (runtime: CodexKtxLlmRuntime, signal: AbortSignal) =>
      runtime.runAgentLoop(loop({ abortSignal: signal })),
  };

  it.each(Object.entries(operations))(
    'before the run: %s rejects, nothing is started',
    async (_name, run) => {
      const { runtime, inputs } = runtimeOf(() => play(message('{}'), turnEnd));
      await expect(run(runtime, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
      expect(inputs).toEqual([]);
    },
  );

  it('before the run: no MCP server is started', async () => {
    const { runtime, servers } = runtimeOf(() => play());
    const given = loop({ toolSet, abortSignal: AbortSignal.abort() });
    await expect(runtime.runAgentLoop(given)).rejects.toMatchObject({ name: 'AbortError' });
    expect(servers).toEqual({ started: 0, closed: 0 });
  });

  it.each(Object.entries(operations))('during the run: %s rejects', async (_name, run) => {
    const stop = new AbortController();
    const { runtime } = runtimeOf((input) => {
      setImmediate(() => stop.abort());
      return playUntilAborted(turn, { type: 'error', message: 'waiting for network' })(input) as never;
    });
    await expect(run(runtime, stop.signal)).rejects.toMatchObject({
      name: 'AbortError',
      // The CLI's last report before it.
      cause: { message: 'waiting for network' },
    });
  });

  it.each(Object.entries(operations))('%s rejects although the stream never ends', async (_name, run) => {
    const stop = new AbortController();
    const { runtime } = runtimeOf(() => {
      setImmediate(() => stop.abort());
      return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    });
    await expect(run(runtime, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('while a step is being reported, with the budget used up by it: the abort wins', async () => {
    const stop = new AbortController();
    const { runtime } = runtimeOf(playUntilAborted(turn, command));
    const given = { stepBudget: 1, abortSignal: stop.signal, onStepFinish: () => stop.abort() };
    await expect(runtime.runAgentLoop(loop(given))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('a run that still reaches the end of its turn is a normal result', async () => {
    const stop = new AbortController();
    const script: Script = async function* ({ signal }) {
      yield turn;
      stop.abort();
      yield message('in time');
      yield turnEnd;
      expect(signal?.aborted).toBe(true);
      throw Object.assign(new Error('The operation was aborted'), { name: 'AbortError' });
    };
    const { runtime } = runtimeOf(script);
    expect(await runtime.generateText({ ...text, abortSignal: stop.signal })).toBe('in time');
    const again = new AbortController();
    const { runtime: second } = runtimeOf(async function* () {
      again.abort();
      yield message('in time');
      yield turnEnd;
    });
    expect(await second.runAgentLoop(loop({ abortSignal: again.signal }))).toMatchObject({
      stopReason: 'natural',
    });
  });

  it('the signal of a loop is linked to that of the caller and not the same', async () => {
    const { signal } = new AbortController();
    const { runtime, inputs } = runtimeOf(() => play(message('x'), turnEnd));
    await runtime.runAgentLoop(loop({ abortSignal: signal }));
    expect(inputs[0]!.signal).toBeInstanceOf(AbortSignal);
    expect(inputs[0]!.signal).not.toBe(signal);
  });
});

describe('rate limits', () => {
  const limited = { type: 'turn.failed', error: { message: 'exceeded retry limit, last status: 429' } };

  function governed(attempts: number, script: Script) {
    const log: (RateLimitSignal | string)[] = [];
    const { runtime, inputs } = runtimeOf(script, {
      rateLimitGovernor: {
        waitForReady: async () => void log.push('wait'),
        report: (signal) => log.push(signal),
        maxRetryAttempts: () => attempts,
      },
    });
    return { runtime, inputs, log };
  }
  const rejected = { provider: 'codex', status: 'rejected', rateLimitType: 'opaque' };

  it('without a governor there is one attempt', async () => {
    const { runtime, inputs } = runtimeOf(() => play(limited));
    await expect(runtime.generateText(text)).rejects.toThrow('429');
    expect(inputs).toHaveLength(1);
  });

  it('are reported and tried again', async () => {
    let attempt = 0;
    const { runtime, log } = governed(3, () =>
      ++attempt < 3 ? play(limited) : play(message('at last'), turnEnd),
    );
    expect(await runtime.generateText(text)).toBe('at last');
    expect(log).toEqual(['wait', rejected, 'wait', rejected, 'wait']);
  });

  it('the outcome of the last attempt is the result', async () => {
    const { runtime, log, inputs } = governed(2, () => play(limited));
    expect(await runtime.runAgentLoop(loop())).toMatchObject({
      stopReason: 'error',
      error: { message: 'exceeded retry limit, last status: 429' },
    });
    expect(inputs).toHaveLength(2);
    expect(log).toEqual(['wait', rejected, 'wait', rejected]);
  });

  it('other failures are not tried again', async () => {
    const { runtime, inputs } = governed(5, () => play({ type: 'turn.failed', error: 'unauthorized' }));
    await expect(runtime.generateText(text)).rejects.toThrow('unauthorized');
    expect(inputs).toHaveLength(1);
  });

  it('an abort while waiting passes through', async () => {
    const stop = new AbortController();
    const { runtime } = runtimeOf(() => play(limited), {
      rateLimitGovernor: {
        waitForReady: async (signal) => {
          stop.abort();
          signal?.throwIfAborted();
        },
        report: () => {},
        maxRetryAttempts: () => 2,
      },
    });
    await expect(runtime.runAgentLoop(loop({ abortSignal: stop.signal }))).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

it('an item that Codex only reports as changed is not a step', async () => {
  const { runtime } = runtimeOf(() =>
    play(
      turn,
      { type: 'item.updated', item: { type: 'todo_list' } },
      completed({ type: 'reasoning' }),
      message('x'),
      turnEnd,
    ),
  );
  expect(await runtime.runAgentLoop(loop())).toMatchObject({
    stopReason: 'natural',
    metrics: { stepCount: 1 },
  });
});
