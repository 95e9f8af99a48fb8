import { request as httpRequest } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { type RunMcpServerInput, startCodexRuntimeMcpServer } from '../../src/models/codex/mcp-server.ts';
import { createCodexRuntimeMcpServer, type McpToolResult } from '../../src/models/codex/mcp-tools.ts';
import type { KtxRuntimeToolSet } from '../../src/models/port/runtime-port.ts';

function toolSetOf(execute: (input: never) => unknown, name = 'lookup'): KtxRuntimeToolSet {
  return {
    alias: {
      name,
      description: 'Looks up',
      inputSchema: z.object({ query: z.string() }),
      execute: execute as never,
    },
  };
}

async function started(execute: (input: never) => unknown = () => 'ok') {
  const handle = await startCodexRuntimeMcpServer({ projectDir: '/project', toolSet: toolSetOf(execute) });
  onTestFinished(() => handle.close().catch(() => {}));
  const headers = {
    authorization: `Bearer ${handle.bearerToken}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  return { handle, headers };
}

/** Sends any header, including `Host`, which `fetch` sets itself. */
function send(
  url: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: body ? 'POST' : 'GET', headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() });
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

const rpc = (method: string, params: unknown = {}) => ({ jsonrpc: '2.0', id: 1, method, params });
const list = rpc('tools/list');
const call = (args: unknown = { query: 'x' }) => rpc('tools/call', { name: 'lookup', arguments: args });

/** A JSON body, or the single event of a stream. */
const parsed = (text: string) => JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text);

describe('18. the MCP server: access control', () => {
  it('listens on loopback, with a token of 64 hexadecimal digits', async () => {
    const { handle } = await started();
    expect(handle.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
    expect(handle.bearerToken).toMatch(/^[0-9a-f]{64}$/);
    expect(handle.bearerTokenEnvVar).toBe('KTX_CODEX_RUNTIME_MCP_TOKEN');
    expect((await started()).handle.bearerToken).not.toBe(handle.bearerToken);
  });

  it.each<[string, Record<string, string | undefined>, number]>([
    ['no token', { authorization: undefined }, 401],
    ['a wrong token', { authorization: `Bearer ${'0'.repeat(64)}` }, 401],
    ['a token that only begins right', { authorization: 'Bearer ' }, 401],
    ['another scheme', { authorization: 'Basic x' }, 401],
    ['a foreign host', { host: 'evil.example' }, 403],
    ['a foreign host with the right port', { host: 'evil.example:80' }, 403],
    ['a host that only begins right', { host: '127.0.0.1.evil.example' }, 403],
    ['an origin', { origin: 'http://127.0.0.1' }, 403],
    ['the origin null', { origin: 'null' }, 403],
    ['localhost', { host: 'localhost:1234' }, 200],
    ['all as it should be', {}, 200],
  ])('%s', async (_name, changed, status) => {
    const { handle, headers } = await started();
    const all: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...headers, ...changed })) {
      if (value !== undefined) all[name] = value;
    }
    expect((await send(handle.url, all, list)).status).toBe(status);
  });

  it.each(['/', '/mcp/x', '/other', '/mcpx'])('path %s is 404', async (path) => {
    const { handle, headers } = await started();
    expect((await send(new URL(path, handle.url).href, headers, list)).status).toBe(404);
  });
});

describe('18. the MCP server: what it answers', () => {
  it('the tools under their names, with description and schema', async () => {
    const { handle, headers } = await started();
    const { text } = await send(handle.url, headers, list);
    expect(parsed(text).result.tools).toMatchObject([
      {
        name: 'lookup',
        description: 'Looks up',
        inputSchema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
      },
    ]);
  });

  it('identifies itself', async () => {
    const { handle, headers } = await started();
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    };
    const { text } = await send(handle.url, headers, rpc('initialize', params));
    expect(parsed(text).result.serverInfo).toMatchObject({ name: 'ktx-runtime', version: '0.0.0' });
  });

  it('a call runs the tool', async () => {
    const { handle, headers } = await started(({ query }: { query: string }) => ({
      markdown: `found ${query}`,
      structured: { rows: 1 },
    }));
    const { text } = await send(handle.url, headers, call());
    expect(parsed(text).result).toMatchObject({
      content: [{ type: 'text', text: 'found x' }],
      structuredContent: { rows: 1 },
    });
  });

  it.each([
    ['a tool that throws', call(), () => Promise.reject(new Error('closed')), /closed/],
    ['wrong arguments', call({ query: 1 }), () => 'never', /query/],
  ])('%s is an error of the call', async (_name, body, execute, message) => {
    const { handle, headers } = await started(execute);
    const { result } = parsed((await send(handle.url, headers, body)).text);
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toMatch(message);
  });

  it('close() returns while a call is open, and nothing listens any more', async () => {
    const called = Promise.withResolvers<void>();
    const { handle, headers } = await started(() => {
      called.resolve();
      return new Promise(() => {});
    });
    const open = send(handle.url, headers, call());
    open.catch(() => {});
    await called.promise;
    await handle.close();
    await expect(open).rejects.toThrow();
    await expect(send(handle.url, headers, list)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('close() returns while a stream is open', async () => {
    const { handle, headers } = await started();
    const stream = await fetch(handle.url, { headers: { ...headers, accept: 'text/event-stream' } });
    await handle.close();
    await stream.text().catch(() => '');
  });

  it('two tools of one name are refused before anything runs', async () => {
    const { alias } = toolSetOf(() => 'x');
    const toolSet = { a: alias!, b: alias! };
    await expect(startCodexRuntimeMcpServer({ projectDir: '/p', toolSet })).rejects.toThrow(
      /already registered/,
    );
  });

  it('another server gets all it needs', async () => {
    let given: RunMcpServerInput | undefined;
    let isClosed = false;
    const handle = await startCodexRuntimeMcpServer({
      projectDir: '/project',
      toolSet: toolSetOf(() => 'x'),
      runServer: async (input) => {
        given = input;
        return {
          port: 4711,
          close: async () => {
            isClosed = true;
          },
        };
      },
    });
    expect(given).toEqual({
      projectDir: '/project',
      host: '127.0.0.1',
      port: 0,
      token: handle.bearerToken,
      allowedHosts: ['127.0.0.1', 'localhost'],
      allowedOrigins: [],
      createMcpServer: expect.any(Function),
    });
    expect(handle.url).toBe('http://127.0.0.1:4711/mcp');
    await handle.close();
    expect(isClosed).toBe(true);
  });
});

describe('18. the MCP server: outputs of tools', () => {
  async function resultOf(output: unknown): Promise<McpToolResult> {
    let handler: ((input: unknown) => Promise<McpToolResult>) | undefined;
    const registered: unknown[] = [];
    const server = {
      registerTool: (name: string, config: unknown, given: (input: unknown) => Promise<McpToolResult>) => {
        registered.push(name, config);
        handler = given;
      },
    };
    const toolSet = toolSetOf(async () => output);
    expect(createCodexRuntimeMcpServer({ server, toolSet })).toBe(server);
    const { shape } = toolSet.alias!.inputSchema;
    expect(registered).toEqual(['lookup', { description: 'Looks up', inputSchema: shape }]);
    return handler!({ query: 'x' });
  }
  const textPart = (text: string): McpToolResult['content'] => [{ type: 'text', text }];

  it.each<[string, unknown, McpToolResult]>([
    ['markdown', { markdown: 'm' }, { content: textPart('m') }],
    [
      'markdown and structured',
      { markdown: 'm', structured: { a: 1 } },
      { content: textPart('m'), structuredContent: { a: 1 } },
    ],
    ['structured that is a list', { markdown: 'm', structured: [1] }, { content: textPart('m') }],
    ['structured that is null', { markdown: 'm', structured: null }, { content: textPart('m') }],
    ['a string', 'plain', { content: textPart('plain') }],
    [
      'another object',
      { a: [1] },
      {
        content: textPart('```json\n{\n  "a": [\n    1\n  ]\n}\n```'),
        structuredContent: { a: [1] },
      },
    ],
    ['a list', [1], { content: textPart('```json\n[\n  1\n]\n```') }],
    ['a number', 3, { content: textPart('```json\n3\n```') }],
    ['nothing', undefined, { content: textPart('```json\nnull\n```') }],
    [
      'markdown that is no text',
      { markdown: 1 },
      { content: textPart('```json\n{\n  "markdown": 1\n}\n```'), structuredContent: { markdown: 1 } },
    ],
  ])('%s', async (_name, output, expected) => expect(await resultOf(output)).toEqual(expected));
});
