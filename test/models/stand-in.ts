import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/*
 * A server with enough of the Responses API for the unmodified Codex CLI: `POST /v1/responses`, answered by
 * server-sent events. A throw-away CODEX_HOME points the CLI to it.
 */

export interface StandInRequest {
  headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: the API's request, read by tests
  body: any;
}

export type StandInAnswer = (response: ServerResponse, request: StandInRequest) => void;

export interface StandIn {
  url: string;
  requests: StandInRequest[];
}

/** Answers each request with the next answer, repeating the last one. */
export async function startStandIn(
  answers: StandInAnswer[],
  tls?: { key: string; cert: string },
): Promise<StandIn> {
  const requests: StandInRequest[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!new URL(request.url!, 'http://host').pathname.startsWith('/v1/responses')) {
      response.writeHead(404).end();
      return;
    }
    const text = Buffer.concat(chunks).toString();
    const seen = { headers: request.headers, body: text ? JSON.parse(text) : null };
    requests.push(seen);
    const answer = answers[Math.min(requests.length, answers.length) - 1]!;
    answer(response, seen);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`, requests };
}

type Item = Record<string, unknown>;

const USAGE = { input_tokens: 12, input_tokens_details: null, output_tokens: 5, output_tokens_details: null };

function writeEvent(response: ServerResponse, event: Item): void {
  response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

function startStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  writeEvent(response, { type: 'response.created', response: { id: 'response' } });
}

/** A complete answer with these items. */
export function items(...list: Item[]): StandInAnswer {
  return (response) => {
    startStream(response);
    for (const item of list) writeEvent(response, { type: 'response.output_item.done', item });
    const usage = { ...USAGE, total_tokens: 17 };
    writeEvent(response, { type: 'response.completed', response: { id: 'response', usage } });
    response.end();
  };
}

export const message = (text: string): Item => ({
  type: 'message',
  role: 'assistant',
  id: 'message',
  content: [{ type: 'output_text', text }],
});

/** A call of a ktx tool: Codex expects the server's name separate from the tool's. */
export const toolCall = (name: string, input: unknown, id = name): Item => ({
  type: 'function_call',
  namespace: 'mcp__ktx',
  name,
  call_id: id,
  arguments: JSON.stringify(input),
});

/** A call of Codex's own shell. */
export const shellCall = (cmd: string, id = 'shell'): Item => ({
  type: 'function_call',
  name: 'exec_command',
  call_id: id,
  arguments: JSON.stringify({ cmd }),
});

export const text = (value: string): StandInAnswer => items(message(value));

export function status(code: number, body: unknown, headers: Record<string, string> = {}): StandInAnswer {
  const isText = typeof body === 'string';
  return (response) => {
    response.writeHead(code, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };
}

/** Starts an answer and then hangs. */
export const hanging: StandInAnswer = (response) => startStream(response);

/** Starts an answer and drops the connection. */
export const dropped: StandInAnswer = (response) => {
  startStream(response);
  setTimeout(() => response.destroy(), 50);
};

/** Starts an answer, then sends invalid data. */
export const garbage: StandInAnswer = (response) => {
  startStream(response);
  response.end('data: {"type":"response.output_item.done","item":{\n\n<html>not json</html>\n\n');
};

export interface CodexHome {
  home: string;
  /** The complete environment of the CLI. */
  env: NodeJS.ProcessEnv;
}

export interface CodexHomeOptions {
  /** `null`: no login at all. */
  key?: string | null;
  streamRetries?: number;
  requestRetries?: number;
  /** Additional environment variables. */
  env?: NodeJS.ProcessEnv;
  /** Another `config.toml`. */
  config?: string;
}

export const TEST_KEY = 'sk-test-0123456789abcdefghijklmnop';

/** A home for the CLI that only knows the stand-in. */
export async function codexHome(baseUrl: string, options: CodexHomeOptions = {}): Promise<CodexHome> {
  const { key = TEST_KEY, streamRetries = 0, requestRetries = 0, env } = options;
  const home = await temporaryFolder();
  const provider = `model_provider = "stand-in"
[model_providers.stand-in]
name = "Stand-in"
base_url = "${baseUrl}"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = ${requestRetries}
stream_max_retries = ${streamRetries}
`;
  const quiet = '[analytics]\nenabled = false\n[features]\nplugins = false\n';
  await writeFile(join(home, 'config.toml'), (options.config ?? provider) + quiet);
  const { PATH } = process.env;
  return {
    home,
    env: { HOME: home, CODEX_HOME: home, PATH, ...(key && { OPENAI_API_KEY: key }), ...env },
  };
}
