import { access, appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { runCodexAuthProbe } from '../../src/models/codex/auth-probe.ts';
import { CodexKtxLlmRuntime } from '../../src/models/codex/runtime.ts';
import type { CodexSdkRunner } from '../../src/models/codex/sdk-runner.ts';
import type { KtxRuntimeToolSet, RunLoopParams } from '../../src/models/port/runtime-port.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { codexCliName, isCodexCliPresent, newChildren, ownDescendants, realRunner } from './real-codex.ts';
import {
  type CodexHomeOptions,
  codexHome,
  dropped,
  hanging,
  items,
  message,
  type StandIn,
  type StandInAnswer,
  shellCall,
  startStandIn,
  status,
  text,
  toolCall,
} from './stand-in.ts';

const PATIENCE_MS = 120_000;

interface World {
  runtime: CodexKtxLlmRuntime;
  standIn: StandIn;
  home: string;
  env: NodeJS.ProcessEnv;
  expectNoProcessLeft: () => void;
}

async function world(answers: StandInAnswer[], options: CodexHomeOptions = {}): Promise<World> {
  const standIn = await startStandIn(answers);
  const { home, env } = await codexHome(standIn.url, options);
  const before = new Set(ownDescendants());
  const runtime = new CodexKtxLlmRuntime({
    projectDir: home,
    modelSlots: { default: 'codex' },
    runner: realRunner(env),
  });
  return { runtime, standIn, home, env, expectNoProcessLeft: () => expect(newChildren(before)).toEqual([]) };
}

function tools(execute: (input: { query: string }) => Promise<unknown>): KtxRuntimeToolSet {
  return {
    alias: {
      name: 'lookup',
      description: 'Looks something up',
      inputSchema: z.object({ query: z.string() }),
      execute: execute as never,
    },
  };
}

function loop(given: Partial<RunLoopParams>): RunLoopParams {
  return {
    modelRole: 'default',
    systemPrompt: 'You are a test.',
    userPrompt: 'Do it.',
    toolSet: {},
    stepBudget: 10,
    telemetryTags: {},
    ...given,
  };
}

/** Passes events on, and aborts once a shell has started and had time to start children of its own. */
async function* abortInShell(events: AsyncIterable<unknown>, abort: () => void) {
  for await (const event of events) {
    yield event;
    if ((event as { type: string }).type !== 'item.started') continue;
    await delay(500);
    abort();
  }
}

describe.skipIf(!isCodexCliPresent)(`22. ${codexCliName}`, { timeout: PATIENCE_MS }, () => {
  it('plain text, with usage', async () => {
    const { runtime, standIn, expectNoProcessLeft } = await world([text('hello')]);
    const usages: unknown[] = [];
    const answer = await runtime.generateText({
      role: 'triage',
      system: 'Be short.',
      prompt: 'Say hello.',
      onMetrics: ({ usage }) => usages.push(usage),
    });
    expect(answer).toBe('hello');
    expect(usages).toEqual([{ inputTokens: 12, outputTokens: 5, totalTokens: 17 }]);
    expect(standIn.requests).toHaveLength(1);
    expect(standIn.requests[0]!.body).toMatchObject({ model: 'gpt-5.5', stream: true });
    expect(JSON.stringify(standIn.requests[0]!.body.input)).toContain('Be short.\\n\\nSay hello.');
    expectNoProcessLeft();
  });

  it('structured text, with the schema sent as strict', async () => {
    const { runtime, standIn, expectNoProcessLeft } = await world([text('{"city":"Oslo","note":null}')]);
    const schema = z.object({ city: z.string(), note: z.string().nullable() });
    expect(await runtime.generateObject({ role: 'default', prompt: 'Where?', schema })).toEqual({
      city: 'Oslo',
      note: null,
    });
    const { format } = standIn.requests[0]!.body.text;
    expect(format).toMatchObject({ type: 'json_schema', strict: true, name: 'codex_output_schema' });
    expect(format.schema).toMatchObject({ type: 'object', required: ['city', 'note'] });
    expectNoProcessLeft();
  });

  it('an MCP tool call: the tool runs, the model sees its structured result, the step is reported', async () => {
    const { runtime, standIn, expectNoProcessLeft } = await world([
      items(toolCall('lookup', { query: 'x' })),
      text('found'),
    ]);
    const calls: unknown[] = [];
    const steps: number[] = [];
    const toolSet = tools(async (input) => {
      calls.push(input);
      return { markdown: 'only for people', structured: { rows: [1, 2] } };
    });
    const result = await runtime.runAgentLoop(
      loop({ toolSet, onStepFinish: ({ stepIndex }) => void steps.push(stepIndex) }),
    );
    expect(result).toMatchObject({ stopReason: 'natural', metrics: { stepCount: 1 } });
    expect(result.error).toBeUndefined();
    expect(calls).toEqual([{ query: 'x' }]);
    expect(steps).toEqual([1]);
    const sent = JSON.stringify(standIn.requests[1]!.body.input);
    expect(sent).toContain('rows');
    expect(sent).not.toContain('only for people');
    expectNoProcessLeft();
  });

  it('a failing tool: its text is the error of the run', async () => {
    const { runtime, expectNoProcessLeft } = await world([
      items(toolCall('lookup', { query: 'x' })),
      text('sorry'),
    ]);
    const toolSet = tools(() => Promise.reject(new Error('the index is closed')));
    const result = await runtime.runAgentLoop(loop({ toolSet }));
    expect(result.stopReason).toBe('error');
    expect(result.error?.message).toBe('Codex runtime tool call failed: lookup: the index is closed');
    // The CLI adds up both requests.
    expect(result.metrics).toMatchObject({ stepCount: 1, usage: { inputTokens: 24, totalTokens: 34 } });
    expectNoProcessLeft();
  });

  it('a budget of one: stopped after the first call, its children too', async () => {
    const { runtime, expectNoProcessLeft } = await world([
      items(toolCall('lookup', { query: 'x' })),
      hanging,
    ]);
    const result = await runtime.runAgentLoop(
      loop({ stepBudget: 1, toolSet: tools(async () => ({ markdown: 'ok' })) }),
    );
    expect(result).toMatchObject({ stopReason: 'budget', metrics: { stepCount: 1 } });
    expect(result.error).toBeUndefined();
    expectNoProcessLeft();
  });

  it('an abort while a shell command runs: nothing is left of it', async () => {
    const { home, env, expectNoProcessLeft } = await world([
      items(shellCall('sleep 777 & sleep 778')),
      hanging,
    ]);
    const cli = realRunner(env);
    const before = new Set(ownDescendants());
    const stop = new AbortController();
    let started: number[] = [];
    const abort = (): void => {
      // Including those that would be orphaned.
      started = newChildren(before);
      stop.abort();
    };
    const runner: CodexSdkRunner = {
      runStreamed: async (input) => abortInShell(await cli.runStreamed(input), abort),
    };
    const runtime = new CodexKtxLlmRuntime({ projectDir: home, modelSlots: { default: 'codex' }, runner });
    await expect(
      runtime.generateText({ role: 'default', prompt: 'Run it.', abortSignal: stop.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    expect(started.length).toBeGreaterThan(1);
    expect(started.filter((pid) => readProcessStart(pid) !== null)).toEqual([]);
    expectNoProcessLeft();
  });

  it('400: the error is what the API said', async () => {
    const body = {
      error: { message: "The 'gpt-5.5' model is not supported.", type: 'invalid_request_error' },
    };
    const { runtime, expectNoProcessLeft } = await world([status(400, body)]);
    await expect(runtime.generateText({ role: 'default', prompt: 'x' })).rejects.toThrow(
      /^The 'gpt-5\.5' model is not supported\.$/,
    );
    expectNoProcessLeft();
  });

  it('401', async () => {
    const { runtime, expectNoProcessLeft } = await world([
      status(401, { error: { message: 'Incorrect API key', type: 'invalid_request_error' } }),
    ]);
    await expect(runtime.generateText({ role: 'default', prompt: 'x' })).rejects.toThrow(
      /unexpected status 401 Unauthorized: Incorrect API key/,
    );
    expectNoProcessLeft();
  });

  it('a dropped stream that recovers is a normal result', async () => {
    const { runtime, standIn, expectNoProcessLeft } = await world([dropped, text('after all')], {
      streamRetries: 2,
    });
    const result = await runtime.runAgentLoop(loop({}));
    expect(result.error).toBeUndefined();
    expect(result.stopReason).toBe('natural');
    expect(standIn.requests).toHaveLength(2);
    expectNoProcessLeft();
  });

  it('a refused connection is ended by the limit of the probe', async () => {
    const { home, env, expectNoProcessLeft } = await world([], {});
    const { env: closedEnv } = await codexHome('http://127.0.0.1:9/v1');
    const result = await runCodexAuthProbe({
      projectDir: home,
      model: 'codex',
      runner: realRunner({ ...env, ...closedEnv }),
      timeoutMs: 4000,
    });
    expect(result).toMatchObject({ ok: false, kind: 'network' });
    expectNoProcessLeft();
  });

  it('an MCP server that is gone: the run fails and says so', async () => {
    const { home, env, expectNoProcessLeft } = await world([text('never')]);
    const runtime = new CodexKtxLlmRuntime({
      projectDir: home,
      modelSlots: { default: 'codex' },
      runner: realRunner(env),
      startMcpServer: async () => ({
        url: 'http://127.0.0.1:9/mcp',
        bearerTokenEnvVar: 'KTX_CODEX_RUNTIME_MCP_TOKEN',
        bearerToken: 'none',
        close: async () => {},
      }),
    });
    const result = await runtime.runAgentLoop(loop({ toolSet: tools(async () => ({ markdown: '' })) }));
    expect(result.stopReason).toBe('error');
    expect(result.error?.message).toMatch(/exited with code 1/);
    expectNoProcessLeft();
  });

  it('a project cannot make the CLI run a program of its own', async () => {
    const { home, env, expectNoProcessLeft } = await world([text('ok')]);
    const projectDir = await temporaryFolder();
    const marker = join(projectDir, 'was-run');
    const server = `[mcp_servers.evil]\ncommand = "/bin/sh"\nargs = ["-c", "echo > ${marker}"]\n`;
    const config = `notify = ["/bin/sh", "-c", "echo > ${marker}"]\n${server}`;
    await mkdir(join(projectDir, '.codex'));
    await writeFile(join(projectDir, '.codex', 'config.toml'), config);
    const probed = { projectDir, model: 'codex', runner: realRunner(env) };
    expect(await runCodexAuthProbe(probed)).toEqual({ ok: true });
    await expect(access(marker)).rejects.toMatchObject({ code: 'ENOENT' });
    // The same configuration in the user's own home is obeyed, so the test would notice.
    await appendFile(join(home, 'config.toml'), server);
    await runCodexAuthProbe(probed);
    await access(marker);
    expectNoProcessLeft();
  });

  it('several tool calls in one turn', async () => {
    const { runtime, expectNoProcessLeft } = await world([
      items(toolCall('lookup', { query: '1' }, 'a'), toolCall('lookup', { query: '2' }, 'b')),
      items(message('both')),
    ]);
    const result = await runtime.runAgentLoop(loop({ toolSet: tools(async () => 'plain text') }));
    expect(result).toMatchObject({ stopReason: 'natural', metrics: { stepCount: 2 } });
    expectNoProcessLeft();
  });
});
